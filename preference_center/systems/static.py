"""`/static/…`: the few files that pages load, from memory, kept by browsers for ever."""

from fastapi import APIRouter, Request, Response

from preference_center.door import Here
from preference_center.problems import Problem

router = APIRouter(include_in_schema=False)
FOR_EVER = "public, max-age=31536000, immutable"


@router.api_route("/static/{name}", methods=["GET", "HEAD"])
def static(name: str, request: Request, door: Here) -> Response:
    """Answer with one file; one asked for by its version never needs to be asked for again."""
    asset = door.pages.assets.get(name)
    if asset is None:
        raise Problem(404, "not-found", "There is no such file")
    fresh = request.query_params.get("v") == asset.version
    headers = {
        "Cache-Control": FOR_EVER if fresh else "no-cache",
        "ETag": f'"{asset.version}"',
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
