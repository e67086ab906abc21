"""An HTTP protocol that closes idle connections, so that they cannot block other visitors."""

import asyncio
from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 10.0
"""The time in seconds within which a new connection must send its first request."""


class IdleTimeout(H11Protocol):
    """The HTTP protocol of uvicorn, but it closes a connection that sends no request within `SECONDS`."""

    _deadline: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the timer."""
        super().connection_made(transport)
        self._deadline = asyncio.get_running_loop().call_later(SECONDS, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _close_if_idle(self) -> None:
        first_request: object = self.cycle
        if first_request is None:
            self.transport.close()
