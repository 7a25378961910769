"""A person's browser: Debian's Chromium without a window, told what to do as a person would.

Needs the Debian packages chromium and chromium-driver, and selenium from PyPI. In CI their absence
is a failure. The browser reaches this machine and nothing else.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

# Asked now: a test's own environment has no CI in it.
_IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")

_PATIENCE = 30.0
"""Seconds for one page, on a machine that has much else to do."""

# The proxy, which nobody is, gets everything but loopback: the pages' fonts, and what a browser
# asks its maker for.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--proxy-server=http://127.0.0.1:9",
)


class Browser:
    """One browser; ``folder``: where a picture of the page is left when something isn't there."""

    def __init__(self, driver: Chrome, folder: Path) -> None:
        self._driver, self._folder, self._pictures = driver, folder, 0

    def forget(self) -> None:
        """Be somebody else's: no cookies, so no login either."""
        self._driver.execute_cdp_cmd("Network.clearBrowserCookies", {})

    def open(self, url: str) -> None:
        """Type an address."""
        self._driver.get(url)

    def sees(self, heading: str) -> None:
        """Wait for the page with this heading."""
        shown = "const found = document.querySelector('h1'); return found && found.innerText.trim()"
        self._until(f"the page {heading!r}", lambda: self._driver.execute_script(shown) == heading)

    def type(self, **fields: str) -> None:
        """Fill in fields of the page, by their names."""
        for name, text in fields.items():
            element = self._wait(f"a field {name}", f"[name={name}]")
            element.clear()
            element.send_keys(text)

    def press(self, words: str) -> None:
        """Press the button, or follow the link, that is called so."""
        called = f"//*[self::button or self::a][normalize-space()='{words}']"
        self._wait(f"a button {words!r}", called).click()

    @property
    def text(self) -> str:
        """All that the page says."""
        return str(self._driver.execute_script("return document.body.innerText"))

    def _find(self, selector: str) -> WebElement:
        by = "xpath" if selector.startswith("//") else "css selector"
        return self._driver.find_element(by, selector)

    def _wait(self, what: str, selector: str) -> WebElement:
        found: list[WebElement] = []

        def look() -> bool:
            found[:] = [self._find(selector)]
            return found[0].is_displayed()

        self._until(what, look)
        return found[0]

    def _until(self, what: str, happens: Callable[[], bool]) -> None:
        from selenium.common.exceptions import TimeoutException, WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        # While one page gives way to the next, the driver has many a name for what it misses.
        wait = WebDriverWait(self._driver, _PATIENCE, 0.05, (WebDriverException,))
        try:
            wait.until(lambda _: happens())
        except TimeoutException:
            self._pictures += 1
            picture = self._folder / f"page-{self._pictures}.png"
            self._driver.save_screenshot(str(picture))
            page = f"{self._driver.current_url} says:\n{self.text}\n(a picture: {picture})"
            raise AssertionError(f"{what} never came; {page}") from None


@contextmanager
def running(env: Mapping[str, str], folder: Path) -> Iterator[Browser]:
    """A browser in an environment of exactly ``env``, its profile and its pictures in ``folder``.

    Skips the test, or fails it in CI, where a part is missing.
    """
    _need()
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    # Given both paths, selenium looks for neither at its maker's.
    service = webdriver.ChromeService(shutil.which("chromedriver"), env=dict(env))
    driver = webdriver.Chrome(options, service)
    try:
        driver.set_page_load_timeout(_PATIENCE)
        yield Browser(driver, folder)
    finally:
        driver.quit()


def _need() -> None:
    missing = [tool for tool in ("chromium", "chromedriver") if not shutil.which(tool)]
    if find_spec("selenium") is None:
        missing.append("selenium")
    if not missing:
        return
    reason = (
        f"{' and '.join(missing)}: not installed (Debian: chromium chromium-driver; the rest by "
        "`make real-parts`)"
    )
    if _IN_CI and sys.platform == "linux":
        pytest.fail(reason)
    pytest.skip(reason)


def enter(browser: Browser, address: str, code: str) -> None:
    """At the certified provider, as somebody new: type the code, up to the question about it."""
    browser.forget()
    browser.open(urlsplit(address)._replace(query="").geturl())
    browser.sees("Sign-in")
    browser.type(user_code=code)
    browser.press("Continue")
    browser.sees("Confirm Device")


def confirm(browser: Browser, code: str, who: str) -> None:
    """Say that the page shows the code and the client that are meant, and log in."""
    browser.sees("Confirm Device")
    assert code in browser.text
    assert "gatepass" in browser.text
    browser.press("Continue")
    browser.sees("Sign-in")
    browser.type(login=who, password="any will do")
    browser.press("Sign-in")
    browser.sees("Authorize")


def agree(browser: Browser) -> None:
    """Consent, and its end."""
    browser.press("Continue")
    browser.sees("Sign-in Success")
