"""What every handler of the web door is given: the parts, the clock, the pages, the meters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from mailer.wiring import Clock, Parts
from preference_center.pages import Pages
from preference_center.systems.meters import Meters


@dataclass(frozen=True)
class WebDoor:
    """One application's parts; `Here` hands it to a handler."""

    parts: Parts
    clock: Clock
    pages: Pages
    meters: Meters
    readiness: Callable[[], Mapping[str, bool]]


def the_door(request: Request) -> WebDoor:
    """Return the door of the application that this request came to."""
    door: WebDoor = request.app.state.door
    return door


Here = Annotated[WebDoor, Depends(the_door)]
