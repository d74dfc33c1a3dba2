"""The systems' corridor: the API, clicks, health, figures, and the developer's outbox."""
