"""The registry of components by kind and name. It reads the files of components without importing them.

A component is a class with the decorator `component`, in a file of the package of its kind. Class and file have the
same name, except for case and underscores: `attacks/label_flip.py` defines `LabelFlip`, and specs call it `label_flip`.
A family of several files is a folder: `defences/neural_cleanse/neural_cleanse.py`. Other packages add components by
entry points: group `antivenom.attacks`, name `my_attack`, value `package.module:Class`.
"""

from antivenom.registry.entry import Entry
from antivenom.registry.kinds import KINDS, Kind
from antivenom.registry.lookup import (
    did_you_mean,
    entries,
    find,
    is_registered_module,
    lazily,
    name_of,
    own_advice,
)

__all__ = [
    "KINDS",
    "Entry",
    "Kind",
    "did_you_mean",
    "entries",
    "find",
    "is_registered_module",
    "lazily",
    "name_of",
    "own_advice",
]
