"""The addresses of a store: paths, and URLs with options."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from urllib.request import url2pathname

from antivenom.errors import SettingsError
from antivenom.files.opening import url_in

SECRETS = {"key", "secret", "token", "password", "username", "passphrase", "connection_string"}
"""Options that an address must not contain, because addresses are printed and sent to workers."""

WITH_BUCKET = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss"}
"""The kinds of places whose addresses begin with the name of a bucket or container."""

CREDENTIALS = "Give credentials by the usual variables or files, such as $AWS_ACCESS_KEY_ID and ~/.aws/credentials."


def absolute(address: Path | str) -> str:
    """Return a path as an absolute one, so that workers with another working directory find it; a URL as it is.

    Raises:
        SettingsError: the address is empty.

    >>> absolute("memory://store")
    'memory://store'
    """
    text = os.fspath(address)
    if not text:
        raise SettingsError(["The address of the store must be a folder or a URL; got ''."])
    return text if "://" in text else os.path.abspath(text)  # noqa: PTH100 - the method of Path follows no `..`


def local_path(address: str) -> Path | None:
    """Return the folder that an address names, or None if it is a URL of another place.

    >>> local_path("file:///tmp/a%20store").as_posix(), local_path("s3://bucket/store")
    ('/tmp/a store', None)
    """
    if "://" not in address:
        return Path(address)
    parts = urlsplit(address)
    if parts.scheme not in ("file", "local") or "::" in address:
        return None
    if parts.netloc not in ("", "localhost"):
        raise SettingsError([f"The address {address} must have three slashes: file:///FOLDER."])
    return Path(url2pathname(parts.path))


def is_url(address: Path | str | None) -> bool:
    """Return whether an address is the URL of another place than a folder. `file://` is a folder.

    >>> is_url("s3://bucket/study"), is_url("runs/study"), is_url("file:///tmp/study")
    (True, False, False)
    """
    return isinstance(address, str) and local_path(address) is None


def local_folder(address: Path | str) -> Path:
    """Return the path of a folder on this machine. It is the parser of each option that takes only such a folder.

    Raises:
        SettingsError: the address is a URL of another place.
    """
    path = local_path(str(address))
    url = str(address) if path is None else url_in(path)
    if path is None or (url is not None and not path.exists()):
        raise SettingsError([f"The folder must be on this machine; got {url}. Only a sweep can have a URL."])
    return path


def url_and_options(address: str) -> tuple[str, dict[str, Any]]:
    """Return the URL without its query, and the options of fsspec in the query. Values are JSON or plain text.

    Raises:
        SettingsError: the address contains a password or another secret, or lacks its bucket.

    >>> url_and_options("s3://bucket/store?endpoint_url=http://localhost:9000&anon=true")
    ('s3://bucket/store', {'endpoint_url': 'http://localhost:9000', 'anon': True})
    """
    url, _, query = address.partition("?")
    options = {name: _value(text) for name, text in parse_qsl(query, keep_blank_values=True)}
    secrets = sorted(SECRETS & options.keys())
    if secrets:
        raise SettingsError([f"The address of the store must not contain '{secrets[0]}'. {CREDENTIALS}"])
    last = urlsplit(url.rpartition("::")[2])
    if last.scheme in WITH_BUCKET and not last.netloc:
        raise SettingsError([f"The address {url} must name a bucket, such as {last.scheme}://my-bucket/folder."])
    account = urlsplit(url.rpartition("::")[2]).netloc.rpartition("@")[0]
    if ":" in unquote(account):
        raise SettingsError([f"The address of the store must not contain a password. {CREDENTIALS}"])
    return url, options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
