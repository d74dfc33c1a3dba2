"""A start window for tests whose subject it is not."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from mailer.delivery.window import Window


class OpenWindow(Window):
    """A window that no clock shuts: what becomes of a batch must not hang on a busy machine."""

    def __init__(self) -> None:
        super().__init__()
        self.begin_before = math.inf

    def arm(self) -> bool:
        return True


@contextmanager
def open_window() -> Iterator[Window]:
    yield OpenWindow()
