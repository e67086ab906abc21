"""The data sets that the cells of a sweep share: read once, not once a cell."""

from collections import OrderedDict
from collections.abc import Callable

from antivenom.data import Source, Splits
from antivenom.settings import describe, is_live

DATA_SETS_KEPT = 2
"""A cell works on one data set, and on a second one where a model is trained on another before."""


class HeldData:
    """The last data sets that were read, by their settings; those made in Python by the object itself."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[Source, Splits]] = OrderedDict()

    def get(self, source: Source, read: Callable[[], Splits]) -> Splits:
        """The data set, which `read` reads where it is not held.

        >>> from antivenom.data.sources.digits import Digits
        >>> held = HeldData()
        >>> first = held.get(Digits(), Digits().load)
        >>> held.get(Digits(), Digits().load) is first
        True
        """
        described = describe("datasets", source)
        key = f"{described} {id(source) if is_live(described) else ''}"
        held = self._held.get(key) or (source, read())
        self._held[key] = held  # the source too: while it is held, no other object has its id
        self._held.move_to_end(key)
        while len(self._held) > DATA_SETS_KEPT:
            self._held.popitem(last=False)
        return held[1]
