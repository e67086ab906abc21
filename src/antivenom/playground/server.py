"""The server of the page. It limits the time, size and number of all requests."""

import hmac
import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from antivenom.errors import AntivenomError, SettingsError
from antivenom.playground.answer import answer, picture, refined, scene
from antivenom.playground.board import HIGH, LOW, MOST_POINTS, Board, aim
from antivenom.playground.turns import SECONDS, BusyError, StoppedError, Turn
from antivenom.settings import build_as, short

MOST_BYTES = 16_384
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
PAGE = {
    "": ("index.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    "page.js": ("page.js", "text/javascript"),
}

Work = Callable[[Board, dict[str, Any]], Any]


def make_app(*, token: str | None = None, hosts: tuple[str, ...] = LOOPBACK, seconds: float = SECONDS) -> Starlette:
    """Return the application that serves the page and its API.

    Args:
        token: the secret that the address must contain on the first request, or None if no secret is required.
        hosts: the host names that requests may use, against DNS rebinding. An empty tuple allows all names.
        seconds: the longest time of a request in the queue and in computation.
    """
    quick, slow = Turn(seconds=seconds), Turn(seconds=seconds, waiting=8)

    def endpoint(turn: Turn, work: Work) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            try:
                body = await _json(request)
                board = _board(body.pop("board", None))
                result = await turn.take(lambda: work(board, body), _left(request))
            except AntivenomError as error:
                problems = list(error.problems) if isinstance(error, SettingsError) else [str(error)]
                return _json_response({"problems": problems}, 400)
            except BusyError:
                problem = "The server is busy with other requests. Try again in a second."
                return _json_response({"problems": [problem]}, 503, {"Retry-After": "1"})
            except (ClientDisconnect, StoppedError):
                return Response(status_code=400)  # the client is gone and does not read this
            if isinstance(result, bytes):
                return Response(result, media_type="image/png")
            return PlainTextResponse(result) if isinstance(result, str) else _json_response(result)

        return respond

    routes = [
        *[Route(f"/{path}", _page(*about)) for path, about in PAGE.items()],
        Route("/api/scene", endpoint(quick, lambda board, _: scene(board)), methods=["POST"]),
        Route("/api/board", endpoint(quick, lambda board, _: answer(board)), methods=["POST"]),
        Route("/api/refined", endpoint(slow, lambda board, _: refined(board)), methods=["POST"]),
        Route("/api/aim", endpoint(slow, _aimed), methods=["POST"]),
        Route("/api/picture", endpoint(slow, lambda board, _: picture(board)), methods=["POST"]),
        Route("/api/spec", endpoint(quick, lambda board, _: board.spec()), methods=["POST"]),
    ]
    trusted = Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts) or ["*"], www_redirect=False)
    return Starlette(routes=routes, middleware=[trusted, Middleware(Guard, token=token)])


class Guard:
    """Refuses requests from another web page or without the token."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self.app = app
        self.token = token
        # The name depends on the token, because servers on different ports of a host share their cookies.
        self.cookie = f"antivenom-{sha256((token or '').encode()).hexdigest()[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response, or a refusal with the reason."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "").lower()
        origin = request.headers.get("origin")
        if origin is not None and not (host and origin.partition("://")[2].lower() == host):
            return PlainTextResponse("Requests from other web pages are refused.", status_code=403)
        if self.token is None:
            return None
        token = request.query_params.get("token")
        if token is not None and _same(token, self.token):
            response = RedirectResponse("/", status_code=303)
            response.set_cookie(
                self.cookie, self.token, httponly=True, samesite="lax"
            )  # strict breaks links to the page
            return response
        if not _same(request.cookies.get(self.cookie, ""), self.token):
            problem = "The address does not contain the token. Open the address that `antivenom playground` printed."
            return PlainTextResponse(problem, status_code=401)
        return None


async def _left(request: Request) -> None:
    """Wait until the visitor leaves. The body of the request must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(content), status, headers, "application/json")


def _same(received: str, token: str) -> bool:
    return hmac.compare_digest(received.encode(), token.encode())


def _page(name: str, media: str) -> Callable[[Request], Awaitable[Response]]:
    text = (files("antivenom.playground") / "page" / name).read_text(encoding="utf-8")

    async def respond(request: Request) -> Response:  # noqa: ARG001
        return Response(text, media_type=media)

    return respond


async def _json(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request.

    The content type must be `application/json`, which forms of other web pages cannot send.

    Raises:
        SettingsError: the body is not a JSON object, or is too large.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise SettingsError(["The content type of a request must be application/json."])
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise SettingsError([f"A request may have at most {MOST_BYTES} bytes."])
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SettingsError([f"The body of the request is not valid JSON: {error}."]) from error
    if not isinstance(content, dict):
        raise SettingsError([f"The body of the request must be a JSON object; got {short(content)}."])
    return content


def _board(value: Any) -> Board:
    """Return the board that a request describes.

    Raises:
        SettingsError: the settings are wrong; it lists all problems.
    """
    if not isinstance(value, dict):
        raise SettingsError([f"board must be an object; got {short(value)}."])
    return build_as(Board, value, path="board")


def _within(value: float) -> bool:
    return type(value) is not bool and LOW <= value <= HIGH


def _aimed(board: Board, body: dict[str, Any]) -> dict[str, Any]:
    count, target = body.get("count", 5), body.get("at")
    match target:
        case [int() | float() as x, int() | float() as y] if _within(x) and _within(y):
            at = (float(x), float(y))
        case _:
            raise SettingsError([f"at must be two numbers from {LOW:g} to {HIGH:g}; got {short(target)}."])
    if type(count) is not int or not 1 <= count <= MOST_POINTS:
        raise SettingsError([f"count must be a whole number from 1 to {MOST_POINTS}; got {short(count)}."])
    return {"points": aim(board, at, count)}
