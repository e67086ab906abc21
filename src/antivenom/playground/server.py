"""The server of the page: a handful of addresses, each bounded in time, size and number."""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from importlib.resources import files
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from antivenom.errors import AntivenomError, SettingsError
from antivenom.playground.answer import answer, picture, refined, scene
from antivenom.playground.board import HIGH, LOW, MOST_POINTS, Board, aim
from antivenom.settings import build_as, short

MOST_BYTES = 16_384
WAITING = 8
"""So many requests of a kind, at most, wait for their turn; the next is told to come again."""
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


class Turn:
    """Work of one kind, one at a time, in a thread; no more than `WAITING` wait."""

    def __init__(self) -> None:
        self.limiter = CapacityLimiter(1)
        self.waiting = 0

    async def take(self, work: Callable[[], Any]) -> Any:
        """What the work gives.

        Raises:
            BusyError: too many wait.
        """
        if self.waiting > WAITING:
            raise BusyError
        self.waiting += 1
        try:
            return await to_thread.run_sync(work, limiter=self.limiter)
        finally:
            self.waiting -= 1


class BusyError(Exception):
    """Too many requests wait."""


def make_app(*, token: str | None = None, hosts: tuple[str, ...] = LOOPBACK) -> Starlette:
    """The page and what it asks for.

    Args:
        token: what the address must carry, once; None for none.
        hosts: the names under which the page may be asked for; others are refused, so that no other page can ask.
    """
    quick, slow = Turn(), Turn()

    def asks(turn: Turn, work: Work) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            try:
                given = await _json(request)
                board = _board(given.pop("board", None))
                found = await turn.take(lambda: work(board, given))
            except AntivenomError as error:
                problems = list(error.problems) if isinstance(error, SettingsError) else [str(error)]
                return _told({"problems": problems}, 400)
            except BusyError:
                return _told({"problems": ["Too many ask at once."]}, 503, {"Retry-After": "1"})
            except TimeoutError:
                return _told({"problems": ["The request came too slowly."]}, 408)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody is there to read it
            if isinstance(found, bytes):
                return Response(found, media_type="image/png")
            return PlainTextResponse(found) if isinstance(found, str) else _told(found)

        return respond

    routes = [
        *[Route(f"/{path}", _page(*about)) for path, about in PAGE.items()],
        Route("/api/scene", asks(quick, lambda board, _: scene(board)), methods=["POST"]),
        Route("/api/board", asks(quick, lambda board, _: answer(board)), methods=["POST"]),
        Route("/api/refined", asks(slow, lambda board, _: refined(board)), methods=["POST"]),
        Route("/api/aim", asks(slow, _aimed), methods=["POST"]),
        Route("/api/picture", asks(slow, lambda board, _: picture(board)), methods=["POST"]),
        Route("/api/spec", asks(quick, lambda board, _: board.spec()), methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Guard, token=token, hosts=hosts)])


class Guard(BaseHTTPMiddleware):
    """Nobody gets in under another name, from another page, or without the token."""

    def __init__(self, app: Any, token: str | None, hosts: tuple[str, ...]) -> None:
        super().__init__(app)
        self.token, self.hosts = token, tuple(each.lower() for each in hosts)
        self.cookie = f"antivenom-{sha256((token or '').encode()).hexdigest()[:8]}"  # other ports have others

    async def dispatch(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        """The response, or why there is none."""
        response = self._refusal(request)
        if response is None:
            response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    def _refusal(self, request: Request) -> Response | None:
        asked = request.headers.get("host", "").lower()
        if self.hosts and asked.rsplit(":", 1)[0] not in self.hosts and asked not in self.hosts:
            return PlainTextResponse("This page is asked for under another name.", status_code=421)
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2].lower() != asked:
            return PlainTextResponse("Another page may not ask here.", status_code=403)
        if self.token is None:
            return None
        given = request.query_params.get("token")
        if given is not None and _same(given, self.token):
            response = RedirectResponse("/", status_code=303)
            response.set_cookie(self.cookie, self.token, httponly=True, samesite="lax")  # strict ones get lost on links
            return response
        if not _same(request.cookies.get(self.cookie, ""), self.token):
            return PlainTextResponse(
                "The address must carry the token that `antivenom playground` printed.", status_code=401
            )
        return None


def _told(found: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(found), status, headers, "application/json")


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _page(name: str, media: str) -> Callable[[Request], Awaitable[Response]]:
    text = (files("antivenom.playground") / "page" / name).read_text(encoding="utf-8")

    async def respond(request: Request) -> Response:  # noqa: ARG001
        return Response(text, media_type=media)

    return respond


async def _json(request: Request) -> dict[str, Any]:
    """The request's JSON object, of bounded size, asked for by a script of the page itself.

    Raises:
        SettingsError: it is none.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise SettingsError(["Send JSON, as application/json."])
    body = b""
    async with asyncio.timeout(10):
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                raise SettingsError([f"A request has {MOST_BYTES} bytes at most."])
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SettingsError([f"That is no JSON: {error}."]) from error
    if not isinstance(given, dict):
        raise SettingsError(["Send a JSON object."])
    return given


def _board(given: Any) -> Board:
    """The board that a request describes.

    Raises:
        SettingsError: with all its problems.
    """
    if not isinstance(given, dict):
        raise SettingsError([f"board must be an object; got {short(given)}."])
    return build_as(Board, given, path="board")


def _within(value: float) -> bool:
    return type(value) is not bool and LOW <= value <= HIGH


def _aimed(board: Board, given: dict[str, Any]) -> dict[str, Any]:
    count = given.get("count", 5)
    match given.get("at"):
        case [int() | float() as x, int() | float() as y] if _within(x) and _within(y):
            at = (float(x), float(y))
        case _:
            raise SettingsError([f"at must be two numbers from {LOW:g} to {HIGH:g}."])
    if type(count) is not int or not 1 <= count <= MOST_POINTS:
        raise SettingsError([f"count must be a whole number from 1 to {MOST_POINTS}."])
    return {"points": aim(board, at, count)}
