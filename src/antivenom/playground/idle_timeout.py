"""Connections that say nothing are closed, so that they cannot keep others out."""

import asyncio
from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 10.0
"""So long may a connection take to ask its first question."""


class IdleTimeout(H11Protocol):
    """HTTP as uvicorn speaks it, but a connection that has not asked within `SECONDS` is closed."""

    _deadline: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._deadline = asyncio.get_running_loop().call_later(SECONDS, self._close_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _close_silent(self) -> None:
        asked: object = self.cycle
        if asked is None:
            self.transport.close()
