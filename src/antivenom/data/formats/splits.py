"""Find the training set, the test set and the classes of images in the names of their folders."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from antivenom.data.class_order import class_order
from antivenom.data.labels import similar_names
from antivenom.errors import DataError

Role = Literal["train", "test", "validation"]

ROLES: Mapping[str, Role] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "eval", "evaluation", "holdout"), "validation"),
}
"""The words for the parts of a data set, in lower case."""

FILLERS = frozenset(
    "set sets data dataset split folder files samples image images img imgs picture pictures pics photos".split()  # noqa: SIM905
)
"""Words that do not change the meaning of the name of a part, in lower case."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_JOINED = re.compile(f"({'|'.join(sorted(ROLES, key=len, reverse=True))})({'|'.join(sorted(FILLERS, key=len))})s?")

ADVICE = "Set splits to [TRAIN, TEST], the names of two folders, or to [] if all folders at the top are classes."
PUT = "Put every image into the folder of its class."

SETS = ("train", "test")

Parts = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Leaf:
    """An image: its split (`train`, `test` or empty), its class, and its path in the tree."""

    split: str
    label: str
    path: str


def leaves_of(
    paths: Sequence[str], splits: tuple[str, ...] | None, folders: Mapping[str, str] = MappingProxyType({})
) -> tuple[tuple[Leaf, ...], tuple[str, ...], dict[str, str]]:
    """Return the images of a tree, the assumptions about its folders, and the class folders without an image.

    Args:
        paths: the paths of all images, with `/` between the folders.
        splits: the folders of the training set and of the test set; empty if the folders at the top are classes; None
            to infer this from their names.
        folders: all folders, with what they contain in place of images.

    Raises:
        DataError: an image is not in a class folder, or folders can be classes or splits.

    >>> leaves, assumptions, empty = leaves_of(["Train/cat/1.png", "Test/cat/2.png"], None)
    >>> [leaf.split for leaf in leaves]
    ['train', 'test']
    """
    parts = [path.split("/") for path in paths]
    if not parts:
        raise DataError("has no images in folders of classes. Put every image into the folder of its class.")
    skip = 0
    while _wrapped(parts, skip, splits):
        skip += 1  # a ZIP file of the folder itself
    for path, part in zip(paths, parts, strict=True):
        if len(part) < skip + 2:
            raise DataError(f"contains {path}, which is not in a class folder. {PUT}")
    roles, notes = _roles(parts, skip, splits)
    depth = skip + bool(roles)
    if roles and all(_is_wrapped([part for part in parts if roles.get(part[skip]) == role], depth) for role in SETS):
        depth += 1  # as in `train/images/cat` and `test/images/cat`
        notes += ("The folders of the classes are inside a single folder of each split.",)
    used = [part for part in parts if not roles or roles.get(part[skip]) in SETS]
    leaves = [_leaf(part, depth, roles.get(part[skip], "")) for part in used]
    below = [part[depth + 1] for part in used if len(part) > depth + 2]
    if splits != ():
        classes = {leaf.label for leaf in leaves}
        holders = {part[depth] for part in used if len(part) > depth + 2 and part[depth + 1] in classes}
        _check_no_copies(leaves, holders)
    _check_classes(leaves, below, splits)
    if below:
        many = f"{len(below):,} images are in subfolders of the folders of their classes"
        notes += (f"{many}; the subfolders are not classes.",)
    empty = _without_images(leaves, {"/".join(part[:depth]) for part in used}, folders)
    return tuple(leaves), (*notes, *_about_classes(leaves)), empty


def _without_images(leaves: Sequence[Leaf], parents: set[str], folders: Mapping[str, str]) -> dict[str, str]:
    """Return the folders inside `parents` whose names would be classes if they had images, with their content."""
    classes = {leaf.label for leaf in leaves}
    places = {path: path.rpartition("/") for path in folders}
    return {
        path: folders[path] for path, (parent, _, name) in places.items() if parent in parents and name not in classes
    }


def _roles(parts: Parts, skip: int, splits: tuple[str, ...] | None) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the role of each folder at the top; none if they are classes."""
    tops = Counter(part[skip] for part in parts)
    if splits is None:
        return _inferred(tops, _below(parts, skip))
    return _chosen(tops, splits) if splits else ({}, ())


def _leaf(part: Sequence[str], depth: int, role: str) -> Leaf:
    """Return the image whose class is the folder `part[depth]`."""
    path = "/".join(part)
    if len(part) < depth + 2:
        top = part[depth - 1]
        raise DataError(
            f"contains {path}, which is not in a class folder of '{top}'. {PUT} Set splits to [] if '{top}' is a class."
        )
    return Leaf(role, part[depth], path)


def role_of(name: str, *, strict: bool = True) -> Role | None:
    """Return the part of a data set that a folder's name means; None if it means none.

    Args:
        name: the name of the folder.
        strict: False if the name may contain other words, such as `mnist` in `mnist_train`.

    >>> role_of("Training_Set"), role_of("trainImages"), role_of("val2017"), role_of("train station")
    ('train', 'train', 'validation', None)
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    words = [match[1] if (match := _JOINED.fullmatch(word)) else word for word in words]
    roles = [ROLES[word] for word in words if word in ROLES]
    others = [word for word in words if word not in ROLES and word not in FILLERS]
    counted = name[:1].isdigit()  # as in `90-train`, class number 90
    return roles[0] if len(roles) == 1 and not (strict and (others or counted)) else None


def _wrapped(parts: Parts, skip: int, splits: tuple[str, ...] | None) -> bool:
    """True if everything is in one folder that is not a split or a class, because it has subfolders."""
    top = parts[0][skip]
    named = top in splits if splits else splits is None and role_of(top) is not None
    return _is_wrapped(parts, skip) and not named


def _is_wrapped(parts: Parts, skip: int) -> bool:
    """True if everything is in one folder that has subfolders."""
    return all(len(part) > skip + 2 for part in parts) and len({part[skip] for part in parts}) == 1


def _below(parts: Parts, skip: int) -> dict[str, set[str]]:
    """Return the names of the subfolders of each folder at the top that has any."""
    names: dict[str, set[str]] = {}
    for part in parts:
        if len(part) > skip + 2:
            names.setdefault(part[skip], set()).add(part[skip + 1])
    return names


def _chosen(tops: Mapping[str, int], splits: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the roles of the folders that the user named."""
    for name in splits:
        if name not in tops:
            raise DataError(f"has no folder '{name}' with images. Its folders are: {_named(tops)}. Set splits.")
    others = {name: count for name, count in tops.items() if name not in splits}
    return dict(zip(splits, ("train", "test"), strict=True)), _left_out(others)


def _inferred(tops: Mapping[str, int], below: Mapping[str, set[str]]) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the roles of the folders at the top by their names; none if they are classes.

    Args:
        tops: the number of images in each folder at the top.
        below: the names of its subfolders.

    Raises:
        DataError: some are splits and others are not, several are the same split, or they have the same subfolders.
    """
    roles: Mapping[str, Role | None] = {name: role_of(name) for name in tops}
    loose = {name: role_of(name, strict=False) for name in tops}
    if len(set(loose.values())) > 1 and all(loose.values()):
        roles = loose
    known = {name: role for name, role in roles.items() if role}
    if not known:
        _check_classes_at_top(loose, below)
        return {}, ()
    if len(known) < len(tops):
        others = [name for name in tops if name not in known]
        raise DataError(
            f"contains {_named(known)}, which are names of splits, next to {_named(others)}, which can be classes. "
            f"{ADVICE}"
        )
    return _by_names(known, tops)


def _by_names(known: Mapping[str, Role], tops: Mapping[str, int]) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the training set and the test set among folders that are all splits."""
    by_role: dict[Role, list[str]] = {}
    for name, role in sorted(known.items()):
        by_role.setdefault(role, []).append(name)
    for role, names in by_role.items():
        if len(names) > 1:
            raise DataError(f"contains {_named(names)}, which are all names of the {role} set. {ADVICE}")
    test = by_role.get("test") or by_role.get("validation")
    train = by_role.get("train")
    if not train or not test:
        missing = "test" if train else "train"
        raise DataError(f"has the folder {_named(tops)}, but no folder {missing}. Add it. {ADVICE}")
    spare = {name: tops[name] for name in by_role.get("validation", []) if name not in test}
    note = f"The folders '{train[0]}' and '{test[0]}' are the training set and the test set. {ADVICE}"
    usual = {train[0], test[0]} == {"train", "test"}
    return {train[0]: "train", test[0]: "test"}, (() if usual else (note,)) + _left_out(spare)


def _check_classes_at_top(roles: Mapping[str, Role | None], below: Mapping[str, set[str]]) -> None:
    """Refuse folders at the top that have the same subfolders, or names like splits: they can be splits."""
    counts = Counter(name for names in below.values() for name in names)
    shared = {name for name, count in counts.items() if count > 1}
    if shared:
        holders = {top for top, names in below.items() if names & shared}
        raise DataError(
            f"contains {_named(holders)}, which have the same subfolders {_named(shared)}, as splits have. {ADVICE}"
        )
    like = {top for top in below if roles[top]}
    if len({roles[top] for top in like}) > 1:
        raise DataError(f"contains {_named(like)}, which look like splits, next to other folders. {ADVICE}")


def _left_out(others: Mapping[str, int]) -> tuple[str, ...]:
    total = sum(others.values())
    many = f"{total:,} image{'s' if total != 1 else ''}"
    note = f"The rows of {_named(others)} ({many}) are left out. Set splits to use them as training set or test set."
    return (note,) if others else ()


def _check_classes(leaves: Sequence[Leaf], below: Sequence[str], splits: object) -> None:
    """Refuse splits inside classes, classes inside a folder `images`, and test rows of other classes."""
    classes = {leaf.label for leaf in leaves}
    inner = sorted({name for name in below if role_of(name)})
    if inner and splits is None:
        raise DataError(
            f"contains {_named(inner)} inside folders of classes. Put the folders of the splits at the top, or set "
            "splits to [] to read all images as one set."
        )
    only = next(iter(classes))
    if len(classes) == 1 and (len(below) == len(leaves) or only.lower() in FILLERS):
        raise DataError(f"has all images in '{only}', which does not look like a class. {PUT}")
    train, test = ({leaf.label for leaf in leaves if leaf.split == split} for split in ("train", "test"))
    if test - train:
        missing = f", and lacks {_named(train - test)}" if train - test else ""
        raise DataError(
            f"has a test set with other classes than the training set: it has {_named(test - train)}{missing}. Rename "
            "or remove these folders."
        )


def _check_no_copies(leaves: Sequence[Leaf], holders: set[str]) -> None:
    """Refuse classes inside a class, and a class with the name of a split that the other split does not have.

    Both are copies of splits or of classes, at a wrong place.

    Args:
        leaves: the images.
        holders: the folders of classes that have a subfolder with the name of a class.
    """
    if holders:
        raise DataError(
            f"contains folders of classes inside {_named(holders)}, which is next to the folders of the classes, as a "
            "copy of them is. Remove it. Set splits to [] if all folders at the top are classes."
        )
    train, test = ({leaf.label for leaf in leaves if leaf.split == split} for split in SETS)
    like = {name for name in train ^ test if role_of(name)} if train and test else set()
    if like:
        raise DataError(
            f"contains the folder {_named(like)}, which has the name of a split, next to classes, and only in "
            "one of both splits. Remove or rename it."
        )


def _about_classes(leaves: Sequence[Leaf]) -> tuple[str, ...]:
    train, test = ({leaf.label for leaf in leaves if leaf.split == split} for split in ("train", "test"))
    absent = (f"The test set has no images of {_named(train - test)}.",) if test and train - test else ()
    return (*similar_names(sorted({leaf.label for leaf in leaves})), *absent)


def _named(names: Mapping[str, object] | Sequence[str] | set[str]) -> str:
    shown = [f"'{name}'" for name in class_order(names)]
    return ", ".join(shown[:8]) + (f", … ({len(shown)} in all)" if len(shown) > 8 else "")
