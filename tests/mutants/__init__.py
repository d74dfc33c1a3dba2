"""Mutants: single edits that weaken the promise, each of which a named test must catch."""
