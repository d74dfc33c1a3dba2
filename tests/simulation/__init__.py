"""The protocol itself, on real PostgreSQL, in every order that a seed thinks of."""
