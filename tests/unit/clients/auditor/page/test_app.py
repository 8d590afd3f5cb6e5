"""The web application: who sees what, under which headers, in every state."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from clients.auditor.page.app import make_app
from clients.auditor.page.session import Sessions
from clients.auditor.page.state import Snapshot
from protocols.ledger.epsilons import say_epsilon
from protocols.ledger.verify import verify_log
from tests.adversarial.ledger.honest import World, renewed
from tests.unit.clients.auditor.page.conftest import START, FakeSource, watcher_of

TOKEN = "t" * 43
COOKIE = "__Host-fedscore-audit"


class Stage:
    """A page whose snapshot a test sets."""

    now = Snapshot()

    def __init__(self, *, is_secure: bool = True) -> None:
        sessions = Sessions(TOKEN, clock=lambda: 1000.0)
        app = make_app(lambda: self.now, sessions, clock=lambda: START, is_secure=is_secure)
        scheme = "https" if is_secure else "http"
        self.http = TestClient(app, base_url=f"{scheme}://page.test", follow_redirects=False)

    def log_in(self) -> "Stage":
        """Show the token."""
        assert self.http.post("/login", data={"token": TOKEN}).status_code == 303
        return self


@pytest.fixture(scope="module")
def known(world: World) -> Snapshot:
    """Return what is known of a whole honest history."""
    watcher = watcher_of(world, FakeSource(world.files()))
    watcher.look()
    return watcher.snapshot()


@pytest.fixture
def stage(known: Snapshot) -> Iterator[Stage]:
    """Return a page of a whole honest history, nobody logged in."""
    stage = Stage()
    stage.now = known
    yield stage
    stage.http.close()


def test_nobody_sees_anything_without_a_session(stage: Stage) -> None:
    assert stage.http.get("/").headers["location"] == "/login"
    assert stage.http.get("/?lang=zh").headers["location"] == "/login?lang=zh"
    for path in ("/live", "/static/plotly.js"):
        answer = stage.http.get(path)
        assert (answer.status_code, answer.content) == (401, b"")


def test_the_token_opens_the_page(stage: Stage) -> None:
    answer = stage.http.post("/login?lang=zh", data={"token": f" {TOKEN}\n"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?lang=zh")
    assert stage.http.get("/").status_code == 200
    assert stage.http.get("/login").headers["location"] == "/"


def test_the_cookie_is_for_this_host_over_tls_and_no_script(stage: Stage) -> None:
    said = stage.http.post("/login", data={"token": TOKEN}).headers["set-cookie"].lower()
    assert said.startswith(f"{COOKIE}=".lower())
    assert {"httponly", "secure", "samesite=strict", "path=/"} <= set(said.split("; "))
    assert "domain" not in said


def test_without_tls_the_cookie_does_not_ask_for_it() -> None:
    stage = Stage(is_secure=False)
    said = stage.http.post("/login", data={"token": TOKEN}).headers["set-cookie"].lower()
    assert "secure" not in said
    assert "httponly" in said
    assert stage.http.get("/").status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"token=", b"token=wrong", b"token=\xff", b"a=1&" * 20, b"token=" + b"t" * 5000],
)
def test_anything_else_opens_nothing(stage: Stage, body: bytes) -> None:
    answer = stage.http.post("/login", content=body)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "not the token" in answer.text
    assert "aria-invalid=true" in answer.text


def test_too_many_wrong_tokens_make_wait(stage: Stage) -> None:
    for _ in range(5):
        answer = stage.http.post("/login", data={"token": "wrong"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert stage.http.post("/login", data={"token": TOKEN}).status_code == 429


def test_logging_out_ends_the_session(stage: Stage) -> None:
    session = stage.log_in().http.cookies[COOKIE]
    answer = stage.http.post("/logout")
    assert "You are logged out" in answer.text
    stage.http.cookies.set(COOKIE, session)
    assert stage.http.get("/").status_code == 303


def test_another_site_can_neither_log_in_nor_out(stage: Stage) -> None:
    foreign = {"sec-fetch-site": "cross-site"}
    stage.log_in()
    assert stage.http.post("/logout", headers=foreign).status_code == 403
    assert stage.http.get("/").status_code == 200
    own = {"sec-fetch-site": "same-origin"}
    assert stage.http.post("/logout", headers=own).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_page_is_read_only(stage: Stage, method: str) -> None:
    assert stage.log_in().http.request(method, "/").status_code == 405
    assert stage.http.request(method, "/live").status_code == 405


@pytest.mark.parametrize(
    "path", ["/", "/login", "/live", "/none", "/static/page.css", "/static/none", "/docs"]
)
def test_every_answer_has_the_headers(stage: Stage, path: str) -> None:
    headers = stage.http.get(path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]


def test_nothing_of_another_site_is_named(stage: Stage) -> None:
    stage.log_in()
    for path in ("/", "/login", "/static/page.css", "/static/page.js"):
        assert "://" not in stage.http.get(path).text
    text = stage.http.get("/").text
    assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son\w+=", text)


def test_plotly_is_the_installed_one_and_may_be_kept(stage: Stage) -> None:
    answer = stage.log_in().http.get("/static/plotly.js")
    assert "plotly.js v" in answer.text[:200]
    assert answer.headers["cache-control"].startswith("private")
    assert stage.http.get("/static/plotly.js").text == answer.text


@pytest.mark.parametrize("name", ["..%2fapp.py", "app.py", "page.css%00"])
def test_no_other_file_is_served(stage: Stage, name: str) -> None:
    assert stage.log_in().http.get(f"/static/{name}").status_code == 404


def test_the_page_shows_the_audits_numbers(stage: Stage) -> None:
    text = stage.log_in().http.get("/").text
    audit = stage.now.audit
    assert audit is not None
    for row in audit.partners:
        assert f"{say_epsilon(row.price.released_micro)} of 1.000000" in text
        assert f"{say_epsilon(row.released_left_micro)} left" in text
    for said in ("TRUE", audit.charter, audit.releases[0].manifest_digest, "south missing"):
        assert said in text


def test_what_the_script_fetches_is_what_the_page_shows(stage: Stage) -> None:
    stage.log_in()
    assert stage.http.get("/live").text.strip() in stage.http.get("/").text


def test_a_page_without_scripts_reads_itself_again(stage: Stage) -> None:
    text = stage.log_in().http.get("/").text
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in text


def test_what_findings_say_is_text_and_never_markup(stage: Stage, world: World) -> None:
    files = {**world.files(), "<script>alert(1)</script>": b""}
    stage.now = Snapshot(verify_log(world.terms, signatures=world.signatures, files=files))
    text = stage.log_in().http.get("/live").text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "NOT TRUE" in text


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (Snapshot(), "verified for the first time"),
        (Snapshot(is_verifying=True), "verified for the first time"),
        (Snapshot(lost_since=START, problem="gone"), "Nothing has been verified yet"),
    ],
)
def test_states_before_the_first_verdict(stage: Stage, now: Snapshot, said: str) -> None:
    stage.now = now
    text = stage.log_in().http.get("/").text
    assert said in text
    assert "TRUE" not in text


def test_a_lost_log_says_since_when_and_keeps_the_verdict(stage: Stage) -> None:
    stage.now = replace(stage.now, lost_since=START, problem="log: no such folder")
    text = stage.log_in().http.get("/live").text
    for said in ("cannot be read", "Since 2026-01-02 03:04:05 UTC", "no such folder", "✓"):
        assert said in text


def test_the_charters_before_are_listed(stage: Stage) -> None:
    audit = renewed().audit()
    stage.now = Snapshot(audit)
    text = stage.log_in().http.get("/live").text
    first, second = audit.charters
    for said in (f"Charter until entry {second.index}", first.digest, second.digest):
        assert said in text


def test_a_log_of_the_charter_alone_says_so(stage: Stage) -> None:
    stage.now = Snapshot(World().audit())
    text = stage.log_in().http.get("/live").text
    for said in ("holds the charter only", "Nothing has been spent", "No round has ended"):
        assert said in text


def test_chinese_by_wish_or_by_browser(stage: Stage) -> None:
    stage.log_in()
    assert '<html lang="zh-Hans">' in stage.http.get("/?lang=zh").text
    accepted = stage.http.get("/", headers={"accept-language": "zh-CN,zh;q=0.9"}).text
    assert "属实" in accepted
    assert '<html lang="en">' in stage.http.get("/?lang=en").text


def test_a_missing_page_is_said_to_be(stage: Stage) -> None:
    answer = stage.http.get("/none")
    assert (answer.status_code, "no such page" in answer.text) == (404, True)


def test_compressed_bytes_are_gzip(stage: Stage) -> None:
    with stage.log_in().http.stream("GET", "/static/plotly.js") as answer:
        raw = b"".join(answer.iter_raw())
    assert gzip.decompress(raw)[:3] == b"/**"
