"""Listening: on this machine alone, or with a token."""

import secrets
import socket
import warnings
import webbrowser
from collections.abc import Callable
from ipaddress import ip_address

from sklearn.exceptions import ConvergenceWarning

from antivenom.errors import AntivenomError

VISITORS = 64
"""So many connections at once."""


def serve(
    host: str, port: int, names: tuple[str, ...], *, on_listening: Callable[[str], None], open_page: bool = False
) -> None:
    """Serve the page until it is stopped.

    Args:
        host: where to listen.
        port: 0 takes a free one.
        names: other names by which the page may be asked for.
        on_listening: called with the address of the page when the server accepts connections.
        open_page: whether to open it in the browser.

    Raises:
        AntivenomError: what it needs is not installed, or nobody can listen there.
    """
    try:
        import uvicorn  # noqa: PLC0415 - an extra

        from antivenom.playground.idle_timeout import IdleTimeout  # noqa: PLC0415
        from antivenom.playground.server import LOOPBACK, make_app  # noqa: PLC0415
    except ImportError as error:
        raise AntivenomError(
            f"The playground needs {error.name}, which is not installed: pip install 'antivenom[playground]'."
        ) from error
    warnings.filterwarnings("ignore", category=ConvergenceWarning)  # of every board that somebody tries
    token = None if is_loopback(host) else secrets.token_urlsafe(16)
    listening = _listen(host, port)
    number = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    where = socket.gethostname() if host in ("0.0.0.0", "::") else shown  # noqa: S104 - only compared
    hosts = (*LOOPBACK, where, *names) if token is None or names else ()  # else the token alone keeps others out
    config = uvicorn.Config(
        make_app(token=token, hosts=hosts),
        http=IdleTimeout,
        log_level="warning",
        access_log=False,
        limit_concurrency=VISITORS,
        timeout_keep_alive=20,
        server_header=False,
    )
    address = f"http://{where}:{number}/" + (f"?token={token}" if token else "")
    on_listening(address)
    if open_page:
        webbrowser.open(address)
    with listening:
        uvicorn.Server(config).run(sockets=[listening])


def is_loopback(host: str) -> bool:
    """Whether only this machine can ask there.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        hint = " Choose another --port, or 0 for a free one." if port else ""
        raise AntivenomError(f"Nobody can listen on {host}:{port}: {error.strerror or error}.{hint}") from error
    listening.listen(128)
    return listening
