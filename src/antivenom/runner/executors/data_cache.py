"""The data sets that the cells of a sweep share: read once, not once a cell."""

from collections import OrderedDict
from collections.abc import Callable

from antivenom.data import Source, Splits
from antivenom.settings import describe, is_live

MAX_DATA_SETS = 2
"""A cell works on one data set, and on a second one where a model is trained on another before."""


class DataCache:
    """The last data sets that were read, by their settings; those made in Python by the object itself."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[Source, Splits]] = OrderedDict()

    def get(self, source: Source, read: Callable[[], Splits]) -> Splits:
        """The data set, which `read` reads where it is not held.

        >>> from antivenom.data.sources.digits import Digits
        >>> cache = DataCache()
        >>> first = cache.get(Digits(), Digits().load)
        >>> cache.get(Digits(), Digits().load) is first
        True
        """
        described = describe("datasets", source)
        key = f"{described} {id(source) if is_live(described) else ''}"
        entry = self._entries.get(key) or (source, read())
        self._entries[key] = entry  # the source too: while it is held, no other object has its id
        self._entries.move_to_end(key)
        while len(self._entries) > MAX_DATA_SETS:
            self._entries.popitem(last=False)
        return entry[1]
