"""The customers' corridor: unsubscribe, preferences, policy; no login, no cookie, no script."""
