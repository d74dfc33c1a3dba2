"""The measurements, each beside a yardstick in the same run (docs/performance.md)."""
