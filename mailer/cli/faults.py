"""What is wrong with a file or an option that holds fields: the sentences of the API."""

from pydantic import ValidationError


def told_faults(error: ValidationError) -> str:
    """Name every faulty field, what is wrong and what would be right; never its value."""
    from preference_center.systems.api.faults import faults_of

    placed = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
    return "; ".join(_sentence(**each) for each in faults_of(placed))


def _sentence(field: str, problem: str, fix: str) -> str:
    named = "" if field == "body" else f"{field} "
    return f"{named}{problem}: {fix}"
