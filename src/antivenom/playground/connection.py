"""A connection of the server. It is closed if its visitor makes no progress, so that it cannot block other visitors."""

from asyncio import TimerHandle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import h11
from starlette.applications import Starlette
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of connections. All times are in seconds.

    Args:
        connections: the largest number of connections. A further one replaces the connection that is oldest.
        idle: the longest time without a request.
        request: the longest time from the first byte of a request to its last byte.
        writing: the longest time in which a visitor takes what the server has written.
        requests: the number of requests after which a connection is closed.
        received: the largest number of bytes that a visitor sends between two responses.

    >>> Limits(idle=1.0).request
    5.0
    """

    connections: int = 128
    idle: float = 5.0
    request: float = 5.0
    writing: float = 10.0
    requests: int = 1000
    received: int = 1 << 20


def config_for(app: Starlette, limits: Limits) -> Config:
    """Return the configuration of a server whose connections have these limits."""
    return Config(
        app,
        http=type("LimitedConnection", (Connection,), {"limits": limits}),
        ws="none",  # the limits do not hold for WebSocket connections, and the page has none
        lifespan="off",
        loop="asyncio",
        log_config=None,  # otherwise uvicorn closes every handler of this process, and with it perhaps its streams
        log_level="error",  # a visitor cannot fill the terminal with warnings
        access_log=False,
        backlog=limits.connections,
        timeout_keep_alive=3600,  # `Limits.idle` is shorter
        timeout_graceful_shutdown=5,
        server_header=False,
    )


class Connection(H11Protocol):
    """The HTTP protocol of uvicorn, with limits for all phases of a connection.

    A clock runs for each phase: `idle`, `request` and `writing`. Bytes that arrive one by one do not restart it.
    """

    limits = Limits()
    timer: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the clock of the idle connection, and make room for it."""
        transport.set_write_buffer_limits(high=0)  # `pause_writing` then comes with the first byte that waits
        super().connection_made(transport)
        self.since = self.loop.time()
        self.clocks: dict[str, float] = {}
        self.received = self.requests = 0
        self._update()
        self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_timer()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Handle the bytes, unless there are too many."""
        self.received += len(data)
        if self.received > self.limits.received:
            self.drop()
            return
        super().data_received(data)
        self._update()

    def handle_events(self) -> None:
        """Handle what has arrived. The last request of a connection is answered with `Connection: close`."""
        before: object = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self.requests += 1
            if self.requests >= self.limits.requests:
                self.cycle.default_headers = [*self.cycle.default_headers, (b"connection", b"close")]

    def on_response_complete(self) -> None:
        """Start the clock of the next phase."""
        self.since, self.received = self.loop.time(), 0
        self._update()  # so that a request that was sent too early has a clock of its own
        super().on_response_complete()
        self._update()

    def pause_writing(self) -> None:
        """Start the clock of writing."""
        super().pause_writing()
        self._update()

    def resume_writing(self) -> None:
        """Stop the clock of writing."""
        super().resume_writing()
        self._update()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that is not HTTP, even if its response has begun."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def shutdown(self) -> None:
        """Close the connection at once, which also stops the work for its visitor."""
        self.transport.abort()

    def is_working(self) -> bool:
        """Return True if a request has arrived, and its response is not complete."""
        answered = self.cycle is None or self.cycle.response_complete
        return not answered and not self._is_receiving() and not self.transport.is_closing()

    def drop(self) -> None:
        """Close the connection at once."""
        self.connections.discard(self)  # now, not when the loop calls `connection_lost`
        self.transport.abort()

    def _is_receiving(self) -> bool:
        if self.conn.their_state is h11.IDLE:
            return bool(self.conn.trailing_data[0])
        return self.conn.their_state is h11.SEND_BODY

    def _phases(self) -> Iterator[str]:
        if self.flow.write_paused or self.transport.is_closing():
            yield "writing"
        elif self.cycle is None or self.cycle.response_complete or self._is_receiving():
            yield "request" if self._is_receiving() else "idle"

    def _update(self) -> None:
        """Note which clocks run, and set the timer for the first that expires."""
        now = self.loop.time()
        self.clocks = {phase: self.clocks.get(phase, now) for phase in self._phases()}
        self._stop_timer()
        if self.clocks:
            first = min(start + getattr(self.limits, phase) for phase, start in self.clocks.items())
            self.timer = self.loop.call_at(first, self._expire)

    def _stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _expire(self) -> None:
        if "writing" in self.clocks:
            self.drop()
        elif "request" in self.clocks:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"The request did not arrive in {self.limits.request:g} seconds.")
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, problem: str) -> None:
        """Say what is wrong, if no response has begun, and close the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
                f"Content-Length: {len(problem)}\r\nConnection: close\r\n\r\n{problem}".encode("ascii")
            )
        if self.cycle is not None:
            self.cycle.disconnected = True  # the application then writes nothing more
            self.cycle.message_event.set()
        self.transport.close()
        self._update()

    def _make_room(self) -> None:
        """Drop connections that wait for their visitor: first of the address with the most, then the oldest."""
        while len(self.connections) > self.limits.connections:
            others = [each for each in self.connections if isinstance(each, Connection) and each is not self]
            crowd = Counter(each.address for each in others)
            stalled = [each for each in others if not each.is_working()]
            if not stalled:
                self.drop()
                return
            max(stalled, key=lambda each: (crowd[each.address], -each.since)).drop()

    @property
    def address(self) -> str:
        """The address of the visitor."""
        return self.client[0] if self.client else ""
