"""The yardstick programs that we wrote ourselves: how the same is usually built."""
