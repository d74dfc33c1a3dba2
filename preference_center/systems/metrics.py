"""`/metrics`: the figures, as Prometheus reads them."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from preference_center.door import Here

SEEN_SECONDS = 12.0
"""How long figures from the database are repeated: they are sums over all that is under way."""

router = APIRouter(include_in_schema=False)


@router.api_route("/metrics", methods=["GET", "HEAD"])
def metrics(door: Here) -> Response:
    """Answer with the figures; the ones from the database are some seconds old at most."""
    return Response(
        generate_latest(door.meters.registry),
        media_type=CONTENT_TYPE_LATEST,
        headers={"Cache-Control": "no-store"},
    )
