"""The staff's corridor: consoles for marketing, support and administration; empty so far."""
