"""Requests to the file systems of fsspec, with time limits, bounded retries, and errors that say what to do."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import fsspec
from fsspec import AbstractFileSystem

from antivenom.errors import AntivenomError, RunError, SettingsError, WriteError
from antivenom.extras import missing_packages
from antivenom.storage.places.addresses import CREDENTIALS, url_and_options
from antivenom.storage.places.deadline import within

T = TypeVar("T")

TIMEOUT = 60.0
"""The time limit of a small request, in seconds."""

SLOWEST = 128 << 10
"""The bytes per second that a transfer must reach, beyond `TIMEOUT`."""

TRIES, PAUSE = 3, 0.5
"""The number of attempts, and the pause before the second one in seconds, for libraries without retries."""

_PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "az": "adlfs",
    "sftp": "paramiko",
}
_EXPECTED = (FileNotFoundError, FileExistsError)


def file_system(address: str, called: str) -> tuple[AbstractFileSystem, str]:
    """Return the file system of a URL, and the path in it. `called` names in messages what is kept there.

    Raises:
        AntivenomError: its package is not installed.
        SettingsError: the URL or one of its options is wrong.
    """
    url, options = url_and_options(address)
    scheme = url.partition("://")[0].rpartition("::")[2]
    try:
        system, root = fsspec.url_to_fs(url, **options)
    except ImportError as error:
        user = f"The {called} {address}"
        raise AntivenomError(
            missing_packages(user, [_PACKAGES.get(scheme, error.name or f"fsspec[{scheme}]")])
        ) from error
    except Exception as error:  # the library may raise anything
        raise SettingsError([f"The address of the {called} is wrong: {address}: {_reason(error)}."]) from error
    return system, root.rstrip("/")


class Requests:
    """Calls the methods of a file system.

    Args:
        system: the file system.
        place: what the requests are for, such as `The store s3://bucket`, for messages.
    """

    def __init__(self, system: AbstractFileSystem, place: str) -> None:
        self._system, self._place = system, place
        self._tries = 1 if system.async_impl else TRIES  # those of S3, GCS and Azure try again themselves

    def read(self, method: str, *arguments: Any, size: int = 0, **options: Any) -> Any:
        """Call a method that reads.

        Args:
            method: the name of the method.
            arguments: its arguments.
            size: the number of bytes that it transfers, if they are many.
            options: its keyword arguments.

        Raises:
            FileNotFoundError: the file does not exist.
            RunError: the store cannot be read.
        """
        try:
            return self._retried(getattr(self._system, method), arguments, options, size)
        except _EXPECTED:
            raise
        except Exception as error:  # the library may raise anything
            raise RunError(f"{self._place} cannot be read: {_reason(error)}. {_advice(error)}") from error

    def write(self, method: str, *arguments: Any, size: int = 0, **options: Any) -> Any:
        """Call a method that writes or removes.

        Raises:
            FileExistsError: the file exists, if it must not.
            WriteError: the store cannot be written to.
        """
        try:
            return self._retried(getattr(self._system, method), arguments, options, size)
        except FileExistsError:
            raise
        except Exception as error:  # the library may raise anything
            if "conflicting conditional operation" in str(error) and options.get("mode") == "create":
                raise FileExistsError from error  # S3's answer if another worker creates it at the same moment
            message = f"{self._place} cannot be written to: {_reason(error)}. {_advice(error)}"
            raise WriteError(message) from error

    def _retried(self, call: Callable[..., Any], arguments: Any, options: dict[str, Any], size: int) -> Any:
        for number in range(1, self._tries):
            try:
                return within(TIMEOUT + size / SLOWEST, call, *arguments, **options)
            except (FileNotFoundError, FileExistsError, PermissionError, NotImplementedError, TimeoutError):
                raise
            except OSError:
                time.sleep(PAUSE * number)
        return within(TIMEOUT + size / SLOWEST, call, *arguments, **options)


def _reason(error: BaseException) -> str:
    """Return one line about an exception of a library."""
    text = " ".join(str(error).split()).removesuffix(".")[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _advice(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, PermissionError) or "Credential" in name:
        return f"Check that this account may read, write, list and remove files there. {CREDENTIALS}"
    if isinstance(error, FileNotFoundError):
        return "Check the address; create the bucket or the folder if it does not exist."
    if isinstance(error, NotImplementedError):
        return "Choose a place that can be written to, for example a folder or S3."
    return "Check the address and the connection, then run the same again: finished stages are kept in the store."
