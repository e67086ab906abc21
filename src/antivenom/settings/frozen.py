"""Mappings as values of settings."""

from collections.abc import Iterator, Mapping
from typing import Any


class FrozenMap(Mapping[str, Any]):
    """A mapping that cannot be changed and has a hash, so that a component with a mapping has one too.

    >>> settings = FrozenMap({"depth": 3})
    >>> settings, settings == {"depth": 3}, hash(settings) == hash(FrozenMap(depth=3))
    ({'depth': 3}, True, True)
    """

    def __init__(self, items: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        self._items = {**(items or {}), **more}

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)
