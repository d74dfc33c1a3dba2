"""A Chromium that stands still ends its call, and the next page comes in a new one."""

import pytest
from playwright.sync_api import Error

from tests.browser.hanging import ENDED, Browsers, watched

pytestmark = pytest.mark.browser


def test_a_call_that_never_returns_ends_with_its_browser(browsers: Browsers) -> None:
    page = browsers.one().new_page()
    with watched(0.5), pytest.raises(Error) as ended:
        page.evaluate("new Promise(() => {})")
    assert type(ended.value).__name__ == ENDED
    assert browsers.one().new_page().evaluate("6 * 7") == 42
