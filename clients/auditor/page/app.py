"""The live page as a web application: who may see what, and under which headers."""

import gzip
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from clients.auditor.page.session import SESSION_S, Login, Sessions
from clients.auditor.page.state import Snapshot
from clients.auditor.page.view import page_of, say_time
from clients.auditor.page.words import choose_language, speaker
from protocols.ledger.epsilons import say_epsilon

Message = MutableMapping[str, Any]  # ASGI's own type: which keys there are depends on the event
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

_HERE = Path(__file__).parent
_STATIC = {"icon.svg": "image/svg+xml", "page.css": "text/css", "page.js": "text/javascript"}
_MOST_FORM_BYTES = 4096
# No Strict-Transport-Security: on localhost it would bind every other service there too.
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def make_app(
    look: Callable[[], Snapshot],
    sessions: Sessions,
    *,
    clock: Callable[[], datetime],
    is_secure: bool,
) -> Asgi:
    """Return the application.

    Args:
        look: Returns what is known now, at once.
        sessions: Who may look.
        clock: The time, aware.
        is_secure: Whether it is served over TLS; without, the cookie cannot ask for it.
    """
    pages = _Pages(look, sessions, clock, is_secure)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_api_route("/", pages.whole, methods=["GET"], response_class=HTMLResponse)
    app.add_api_route("/live", pages.live, methods=["GET"], response_class=HTMLResponse)
    app.add_api_route("/login", pages.login, methods=["GET"], response_class=HTMLResponse)
    app.add_api_route("/login", pages.log_in, methods=["POST"], response_class=HTMLResponse)
    app.add_api_route("/logout", pages.log_out, methods=["POST"], response_class=HTMLResponse)
    app.add_api_route("/static/plotly.js", pages.plotly, methods=["GET"])
    app.add_api_route("/static/{name}", pages.static, methods=["GET"])
    app.add_exception_handler(404, pages.missing)
    return _guarded(app)


class _Pages:
    """The handlers; all run in the one event loop."""

    def __init__(
        self,
        look: Callable[[], Snapshot],
        sessions: Sessions,
        clock: Callable[[], datetime],
        is_secure: bool,
    ) -> None:
        self._look = look
        self._sessions = sessions
        self._clock = clock
        self._is_secure = is_secure
        # The prefix makes browsers refuse it from anybody but exactly this host over TLS.
        self._cookie = "__Host-fedscore-audit" if is_secure else "fedscore-audit"
        self._plotly: bytes | None = None
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"epsilon": say_epsilon, "time": say_time}

    async def whole(self, request: Request) -> Response:
        if not self._is_in(request):
            return self._redirect(request, "/login")
        return self._shown(request, "page.html")

    async def live(self, request: Request) -> Response:
        if not self._is_in(request):
            return Response(status_code=401)
        return self._shown(request, "live.html")

    async def login(self, request: Request) -> Response:
        if self._is_in(request):
            return self._redirect(request, "/")
        return self._render(request, "login.html", said="", is_wrong=False)

    async def log_in(self, request: Request) -> Response:
        token = await _token_in(request)
        peer = request.client.host if request.client else ""
        login = self._sessions.log_in(token, peer=peer)
        if not login.session:
            return self._refused(request, login)
        response = self._redirect(request, "/")
        response.set_cookie(
            self._cookie,
            login.session,
            max_age=SESSION_S,
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite="strict",
        )
        return response

    async def log_out(self, request: Request) -> Response:
        self._sessions.log_out(request.cookies.get(self._cookie, ""))
        said = speaker(_language(request))("logged_out")
        response = self._render(request, "login.html", said=said, is_wrong=False)
        response.delete_cookie(
            self._cookie, path="/", secure=self._is_secure, httponly=True, samesite="strict"
        )
        return response

    async def static(self, request: Request, name: str) -> Response:
        if name not in _STATIC:
            return await self.missing(request, None)
        return Response((_HERE / "static" / name).read_bytes(), media_type=_STATIC[name])

    async def plotly(self, request: Request) -> Response:
        if not self._is_in(request):
            return Response(status_code=401)
        if self._plotly is None:
            # Loaded when it is needed: it is large, and the login page does without it.
            from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

            self._plotly = gzip.compress(get_plotlyjs().encode("utf-8"), compresslevel=6)
        # Public code under a name with its version: the one thing that browsers may keep.
        headers = {"content-encoding": "gzip", "cache-control": "private, max-age=604800"}
        return Response(self._plotly, media_type="text/javascript", headers=headers)

    async def missing(self, request: Request, _: Exception | None) -> Response:
        said = speaker(_language(request))("not_found")
        return self._render(request, "missing.html", 404, said=said)

    def _is_in(self, request: Request) -> bool:
        return self._sessions.is_open(request.cookies.get(self._cookie, ""))

    def _refused(self, request: Request, login: Login) -> Response:
        say = speaker(_language(request))
        if not login.wait_s:
            said = say("token_wrong")
            return self._render(request, "login.html", 403, said=said, is_wrong=True)
        said = say("token_wait", seconds=login.wait_s)
        response = self._render(request, "login.html", 429, said=said, is_wrong=True)
        response.headers["retry-after"] = str(login.wait_s)
        return response

    def _redirect(self, request: Request, path: str) -> Response:
        asked = request.query_params.get("lang", "")
        language = f"?lang={_language(request)}" if asked else ""
        return RedirectResponse(path + language, status_code=303)

    def _shown(self, request: Request, template: str) -> Response:
        say = speaker(_language(request))
        page = page_of(self._look(), now=self._clock(), say=say)
        return self._render(request, template, page=page, plotly=version("plotly"))

    def _render(
        self, request: Request, template: str, status: int = 200, **values: object
    ) -> Response:
        language = _language(request)
        made = self._templates.get_template(template)
        text = made.render(say=speaker(language), lang=language, path=request.url.path, **values)
        return HTMLResponse(text, status_code=status)


def _language(request: Request) -> str:
    asked = request.query_params.get("lang", "")
    return choose_language(asked, request.headers.get("accept-language", ""))


async def _token_in(request: Request) -> str:
    """Return the form's token; empty if the form is too long or holds none."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_FORM_BYTES:
            return ""
    try:
        form = parse_qs(body.decode("utf-8"), max_num_fields=8)
    except ValueError:  # not UTF-8, or too many fields
        return ""
    return form.get("token", [""])[0].strip()


def _guarded(app: Asgi) -> Asgi:
    """Put our headers on every answer, and refuse posts that another site has started."""

    async def guard(scope: Message, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = {name for name, _ in message["headers"]}
                ours = ((k.encode(), v.encode()) for k, v in _HEADERS.items())
                message["headers"] += [pair for pair in ours if pair[0] not in sent]
            await send(message)

        if scope["type"] == "http" and _is_foreign_post(scope):
            await Response(status_code=403)(scope, receive, send_guarded)
        else:
            await app(scope, receive, send_guarded)

    return guard


def _is_foreign_post(scope: Message) -> bool:
    # Browsers say where a request comes from; what says nothing is no browser and has no cookie.
    said = [value for name, value in scope["headers"] if name == b"sec-fetch-site"]
    return scope["method"] == "POST" and any(v not in (b"same-origin", b"none") for v in said)
