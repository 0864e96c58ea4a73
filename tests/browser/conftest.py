"""A real browser, in which pages are opened from disk."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
Opened = Callable[..., Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox"],
            slow_mo=60,  # milliseconds, in which the page answers before it is read again
        )
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Opened]:
    """Open a page of a folder at an address; at the end nothing has failed or left the folder."""
    contexts, problems = [], []

    def watch(page: Any, folder: Path) -> None:
        own = folder.as_uri()
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else 0)
        page.on(
            "request",
            lambda request: (
                request.url.startswith((own, "blob:file:"))
                or problems.append(f"asked for {request.url}")
            ),
        )

    def open_page(path: Path, address: str = "", **options: Any) -> Any:
        contexts.append(
            browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | options)
        )
        page = contexts[-1].new_page()
        watch(page, path.parent)
        page.goto(path.as_uri() + address)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
