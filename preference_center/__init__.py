"""The web door: pages for customers, and what systems ask for. It decides nothing itself."""
