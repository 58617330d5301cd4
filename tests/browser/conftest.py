"""A real headless Chromium, for the tests of what it shows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Open = Callable[..., "Page"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    program = chromium()
    assert program is not None, "no chromium on this machine: install the package chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a page of HTML; at the end nothing may have been asked of a network, or gone wrong."""
    troubles: list[str] = []
    contexts: list[BrowserContext] = []

    def open_(html: str, fragment: str = "", **context: Any) -> Page:
        file = tmp_path / f"page{len(contexts)}.html"
        file.write_text(html, encoding="utf-8")
        made = browser.new_context(**context)
        made.set_default_timeout(10_000)
        contexts.append(made)
        address = file.as_uri()

        def asked(request: Request) -> None:
            if request.url.partition("#")[0] != address:
                troubles.append(f"request: {request.url}")

        page = made.new_page()
        page.on("console", lambda message: troubles.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: troubles.append(f"dialog: {dialog.message}"))
        page.on("request", asked)
        page.goto(address + fragment)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert troubles == []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of this folder out where there is no browser, unless they are required."""
    if chromium() is not None or os.environ.get("BN2GN_BROWSER_TESTS") == "required":
        return
    left_out = [item for item in items if Path(__file__).parent in item.path.parents]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
