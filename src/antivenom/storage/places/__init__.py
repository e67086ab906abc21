"""The places of the files of a store: a folder, or a place that fsspec reaches, such as a bucket of S3."""

from antivenom.storage.places.addresses import absolute, local_path
from antivenom.storage.places.local import LocalPlace
from antivenom.storage.places.place import OnWait, Place

__all__ = ["OnWait", "Place", "absolute", "place_of"]


def place_of(address: str) -> Place:
    """Return the place with an address: a path, or a URL of fsspec.

    Raises:
        AntivenomError: a package is not installed, or the address is wrong.

    >>> place_of("memory://store").address
    'memory://store'
    """
    folder = local_path(address)
    if folder is not None:
        return LocalPlace(folder)
    from antivenom.storage.places.remote import RemotePlace  # noqa: PLC0415 - fsspec is needed only here

    return RemotePlace(address)
