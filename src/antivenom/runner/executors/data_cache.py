"""A cache of the data sets that the cells of a sweep share, so that each is read only once."""

from collections import OrderedDict
from collections.abc import Callable

from antivenom.data import Source, Splits
from antivenom.settings import describe, is_live

MAX_DATA_SETS = 2
"""A cell uses one data set, or two if its model is pretrained on another one."""


class DataCache:
    """The last data sets that were read. The key is their settings, or the object itself if it was made in Python."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[Source, Splits]] = OrderedDict()

    def get(self, source: Source, read: Callable[[], Splits]) -> Splits:
        """Return the data set. It is read with `read` if it is not in the cache.

        >>> from antivenom.data.sources.digits import Digits
        >>> cache = DataCache()
        >>> first = cache.get(Digits(), Digits().load)
        >>> cache.get(Digits(), Digits().load) is first
        True
        """
        described = describe("datasets", source)
        key = f"{described} {id(source) if is_live(described) else ''}"
        entry = self._entries.get(key) or (source, read())
        self._entries[key] = entry  # with the source: as long as it exists, no other object has its id
        self._entries.move_to_end(key)
        while len(self._entries) > MAX_DATA_SETS:
            self._entries.popitem(last=False)
        return entry[1]
