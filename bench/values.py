"""The words of the harness."""


class CheckFailed(Exception):
    """A measurement did something else than it was to measure; the text says what."""
