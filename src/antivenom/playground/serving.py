"""Serving the page: to this machine only, or to others with a token."""

import secrets
import socket
import warnings
import webbrowser
from collections.abc import Callable
from ipaddress import ip_address

from sklearn.exceptions import ConvergenceWarning

from antivenom.errors import AntivenomError
from antivenom.extras import missing_packages

SEND_BUFFER = 1 << 18
"""The number of bytes of a response that the system keeps for a visitor who does not read."""


def serve(
    host: str, port: int, names: tuple[str, ...], *, on_listening: Callable[[str], None], open_page: bool = False
) -> None:
    """Serve the page until the user stops it.

    Args:
        host: the address to listen on.
        port: the port. 0 chooses a free port.
        names: other host names of this server.
        on_listening: called with the address of the page when the server accepts connections.
        open_page: open the page in the browser.

    Raises:
        AntivenomError: a required package is not installed, or the address is not available.
    """
    try:
        import uvicorn  # noqa: PLC0415 - an extra

        from antivenom.playground.connection import Limits, config_for  # noqa: PLC0415
        from antivenom.playground.server import LOOPBACK, make_app  # noqa: PLC0415
    except ImportError as error:
        raise AntivenomError(missing_packages("The playground", [str(error.name)])) from error
    warnings.filterwarnings("ignore", category=ConvergenceWarning)  # most boards raise it
    token = None if is_loopback(host) else secrets.token_urlsafe(16)
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    bracketed = f"[{host}]" if ":" in host else host
    host_name = socket.gethostname() if host in ("0.0.0.0", "::") else bracketed  # noqa: S104 - only compared
    hosts = (*LOOPBACK, host_name, *names) if token is None or names else ()  # with a token, all names are allowed
    server = uvicorn.Server(config_for(make_app(token=token, hosts=hosts), Limits()))
    address = f"http://{host_name}:{port}/" + (f"?token={token}" if token else "")
    on_listening(address)
    if open_page:
        webbrowser.open(address)
    with listener:
        server.run(sockets=[listener])


def is_loopback(host: str) -> bool:
    """Return True if only this machine can connect to the address.

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
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)  # connections inherit it
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        hint = " Choose another --port, or --port 0 for a free one." if port else ""
        raise AntivenomError(f"Cannot listen on {host}:{port}: {error.strerror or error}.{hint}") from error
    listener.listen(128)
    return listener
