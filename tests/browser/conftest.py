"""The live page in a real browser: a log in a folder, served over TLS, looked at by Chromium."""

import re
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from clients.auditor.page.app import make_app
from clients.auditor.page.certificate import own_certificate
from clients.auditor.page.serving import bound, server_for
from clients.auditor.page.session import Sessions
from clients.auditor.page.source import FolderSource
from clients.auditor.page.state import Watcher
from clients.auditor.pricing import price_audit
from tests.adversarial.ledger.honest import World, trained

TOKEN = "a-token-of-the-tests-that-is-long-enough"
WAIT_MS = 15_000
expect.set_options(timeout=WAIT_MS)
# What plotly's bundle tries, and our policy blocks: the style sheet of its maps.
_EXPECTED = re.compile(
    r"Applying inline style violates|the server responded with a status of 40[13]"
)


@dataclass
class Stage:
    """One served log and what a browser asked for and complained of.

    Attributes:
        folder: The log's folder; ``show`` writes it.
        watcher: Looks when told, so that a test decides what the page knows.
    """

    url: str
    folder: Path
    watcher: Watcher
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def show(self, files: Mapping[str, bytes], *, looks: bool = True) -> "Stage":
        """Replace the log, and let the watcher see it."""
        if self.folder.exists():
            shutil.rmtree(self.folder)
        for name, raw in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(raw)
        if looks:
            self.watcher.look()
        return self

    def watch(self, context: BrowserContext) -> Page:
        """Return a new tab whose every request and complaint is written down."""
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                message.type in ("error", "warning")
                and not _EXPECTED.search(message.text)
                and self.complaints.append(message.text)
            ),
        )
        return page

    def log_in(self, page: Page, query: str = "") -> Page:
        """Log in as a person does."""
        page.goto(f"{self.url}login{query}")
        page.locator("#token").fill(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("#part-verdict")
        return page


@pytest.fixture(scope="session")
def world() -> World:
    """Return a whole honest history, not to be bent."""
    return trained()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return the system's Chromium."""
    path = shutil.which("chromium")
    assert path, "no chromium: `make browser-test` installs it, or says how"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Return a fresh English profile in a window of a laptop."""
    context = browser.new_context(
        ignore_https_errors=True, locale="en-GB", viewport={"width": 1200, "height": 800}
    )
    yield context
    context.close()


@pytest.fixture
def stage(tmp_path: Path, world: World) -> Iterator[Stage]:
    """Serve a log that nobody has looked at yet."""
    watcher = Watcher(
        FolderSource(tmp_path / "log"),
        terms=world.terms,
        signatures=world.signatures,
        price=lambda audit: price_audit(audit, world.terms),
        clock=lambda: datetime.now(UTC),
        settle_s=0.0,
    )
    app = make_app(
        watcher.snapshot,
        Sessions(TOKEN, clock=time.monotonic),
        clock=lambda: datetime.now(UTC),
        is_secure=True,
    )
    certificate = own_certificate(tmp_path, host="127.0.0.1", now=datetime.now(UTC))
    server = server_for(app, certificate=certificate)
    with bound("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
        stage = Stage(url, tmp_path / "log", watcher)
        yield stage
        server.should_exit = True
        thread.join(10)
    assert stage.complaints == []
    assert [url for url in stage.asked if not url.startswith(stage.url)] == []


@pytest.fixture
def page(stage: Stage, context: BrowserContext) -> Page:
    """Return a tab that nobody has logged in yet."""
    return stage.watch(context)
