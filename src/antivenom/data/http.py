"""HTTP answers of servers that are not trusted: safe redirects only, and a lowest speed from the first byte on."""

import io
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Protocol


class Response(Protocol):
    """An open answer of a server."""

    status: int
    headers: Any

    def read1(self, n: int) -> bytes:
        """Return some bytes, `n` at most; no bytes at the end."""


@dataclass
class Pace:
    """The lowest speed of an answer. The headers, and those of all redirects, take no longer than one period.

    Args:
        period: the length of a period, in seconds.
        slowest: the bytes per second that must arrive in each period.
        timeout: the longest time without any byte, in seconds.
    """

    period: float
    slowest: float
    timeout: float
    _since: float = field(default_factory=time.monotonic)
    _count: int = 0

    def add(self, count: int) -> None:
        """Count bytes of the file that have arrived."""
        self._count += count
        self.check()

    def check(self) -> None:
        """Raise an error if the period is over and too few bytes have arrived in it; otherwise start the next one.

        Raises:
            ConnectionError: the answer is too slow.
        """
        waited = time.monotonic() - self._since
        if waited < self.period:
            return
        if self._count < self.slowest * waited:
            raise ConnectionError(f"the server sent only {self._count} bytes of the file in {waited:.0f} s")
        self._since, self._count = time.monotonic(), 0

    def left(self) -> float:
        """Return the seconds for which the next byte may be waited for."""
        return max(min(self.timeout, self._since + self.period - time.monotonic()), 1e-3)


def open_url(request: urllib.request.Request, pace: Pace) -> Any:
    """Send a request and return the answer, a context manager and a `Response`, after its headers have arrived.

    Raises:
        OSError: the server cannot be reached, answers with an error, redirects to an unsafe address, or is too slow.
        HTTPException: the answer is not HTTP.
        ValueError: the address in a redirect is not valid.
    """
    opener = urllib.request.build_opener(_Redirects, _PacedHTTP(pace), _PacedHTTPS(pace))
    return opener.open(request, timeout=pace.timeout)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Allow a few redirects, to HTTP(S) only, and none from HTTPS to HTTP."""

    max_redirections = 5

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Return the answer of the new address. If it is refused, the connection is closed."""
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except BaseException:
            fp.close()
            raise

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Return the redirected request; refuse unsafe addresses."""
        encrypted = req.full_url.startswith("https:")
        if not newurl.startswith("https:" if encrypted else ("http:", "https:")):
            raise urllib.error.URLError(f"unsafe redirect from {req.full_url} to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Paced(urllib.request.AbstractHTTPHandler):
    """Opens connections whose answers have a lowest speed."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self.pace = pace

    def do_open(self, http_class: Any, req: Any, **settings: Any) -> Any:
        """Return the answer to a request."""

        def connection(host: str, **given: Any) -> HTTPConnection:
            made: HTTPConnection = http_class(host, **given)
            made.response_class = partial(_response, self.pace)  # type: ignore[assignment]
            return made

        return super().do_open(connection, req, **settings)


class _PacedHTTP(_Paced, urllib.request.HTTPHandler):
    pass


class _PacedHTTPS(_Paced, urllib.request.HTTPSHandler):
    pass


def _response(pace: Pace, sock: Any, *arguments: Any, **settings: Any) -> HTTPResponse:
    return HTTPResponse(_PacedSocket(sock, pace), *arguments, **settings)  # type: ignore[arg-type]


@dataclass
class _PacedSocket:
    """The part of a socket that `HTTPResponse` uses."""

    sock: socket.socket
    pace: Pace

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a file that reads from the socket."""
        return io.BufferedReader(_PacedReader(self.sock, self.sock.makefile(mode, buffering=0), self.pace))  # type: ignore[call-overload]


class _PacedReader(io.RawIOBase):
    """Reads from a socket, and waits no longer than the pace allows, also if single bytes arrive."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, pace: Pace) -> None:
        super().__init__()
        self._sock, self._raw, self._pace = sock, raw, pace

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        end = time.monotonic() + self._pace.timeout
        while True:
            self._pace.check()
            self._sock.settimeout(self._pace.left())
            try:
                return self._sock.recv_into(buffer)  # the raw file cannot be read any more after a timeout
            except TimeoutError:  # of the next byte; or only of the period, which may have had enough bytes
                self._pace.check()
                if time.monotonic() >= end:
                    raise

    def close(self) -> None:
        self._raw.close()
        super().close()
