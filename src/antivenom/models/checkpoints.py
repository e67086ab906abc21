"""Find the weights in a checkpoint, and fit their names to those of a module."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from antivenom.errors import CapabilityError, DataError

DEPTH = 4
"""The most dictionaries inside of each other in which weights are searched."""

COMPILED = "_orig_mod."
"""What `torch.compile` adds to the names of weights."""


LISTED = 3
"""The most differences of weights that a message lists."""

TYPES = frozenset(
    {torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8}
    | {torch.uint8, torch.bool}
)
"""The types of weights that every function of torch takes."""


class Weights(dict[str, Tensor]):
    """Tensors by name.

    Attributes:
        assumptions: what was assumed when they were read, one sentence each.
    """

    assumptions: tuple[str, ...] = ()


def find_weights(content: object, file: str, part: str | None = None) -> Weights:
    """Return the one mapping of names to tensors in the content of a checkpoint.

    Args:
        content: the content of the file.
        file: its name, for messages.
        part: the keys of the mapping, separated by dots; None if there is only one.

    Raises:
        DataError: there is none, or more than one; or `part` names none of them.

    >>> import torch
    >>> find_weights({"epoch": 3, "ema": {"w": torch.ones(1)}}, "net.pt").assumptions
    ("net.pt: the weights are those of 'ema'. The file contains no others.",)
    """
    matches = dict(_candidates(content))
    named = ", ".join(map(repr, filter(None, matches)))
    if part is not None:
        if part not in matches:
            raise DataError(f"{file} has no weights in {part!r}. It has: {named or 'weights without a key'}.")
        return _made(matches[part], (f"{file}: the weights are those of {part!r}.",), file)
    if len(matches) > 1:
        raise DataError(
            f"{file} contains {len(matches)} sets of weights: {named}. Choose one: weights_part in a spec, "
            "--weights-part of antivenom measure, or read_weights(FILE, part=...) in Python."
        )
    if not matches:
        raise DataError(f"{file} {_without_weights(content)}. Save model.state_dict().")
    [(path, weights)] = matches.items()
    about = (f"{file}: the weights are those of {path!r}. The file contains no others.",) if path else ()
    return _made(weights, about, file)


def check_state(state: Mapping[str, object]) -> None:
    """Raise CapabilityError if a state is not a mapping of names to tensors, such as a whole checkpoint.

    >>> import torch
    >>> check_state({"model": {"w": torch.ones(1)}, "ema": {"w": torch.ones(1)}})
    Traceback (most recent call last):
        ...
    antivenom.errors.CapabilityError: A state must have tensors by name; 'model' is not a tensor. It has several sets...
    """
    odd = next((key for key, value in state.items() if not isinstance(value, Tensor)), None)
    if odd is None:
        return
    paths = [path for path, _ in _candidates(state) if path]
    keys = "".join(f"[{key!r}]" for key in paths[0].split(".")) if paths else ""
    advice = "Pass model.state_dict()."
    if len(paths) == 1:
        advice = f"Its weights are in {paths[0]!r}: take {keys}."
    elif paths:
        sets = ", ".join(map(repr, paths))
        advice = f"It has several sets of weights: {sets}. Take one of them, such as {keys}."
    raise CapabilityError(f"A state must have tensors by name; {odd!r} is not a tensor. {advice}")


def fitted(weights: Mapping[str, Tensor], names: tuple[str, ...]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return weights with the names of a module, and what was assumed. Weights that do not fit are returned unchanged.

    A prefix of wrappers, such as `module.`, `_orig_mod.` or `model.`, is removed if the weights then have all names. A
    prefix that only the module has is added if the weights then have exactly its names. Both can happen.

    Args:
        weights: the weights by name.
        names: the names of the module's parameters and buffers.

    Raises:
        DataError: the weights have all names under several prefixes, or fit several parts of the module.

    >>> import torch
    >>> fitted({"module.w": torch.ones(1)}, ("w",))[1]
    ("The prefix 'module.' of the names of the weights is removed.",)
    """
    assumptions = weights.assumptions if isinstance(weights, Weights) else ()
    if not names or not weights or weights.keys() == set(names):
        return dict(weights), assumptions
    plain = {name: name.replace(COMPILED, "") for name in weights}
    if len(set(plain.values())) < len(plain) or any(COMPILED in name for name in names):
        plain = {name: name for name in weights}
    renamed = {plain[name]: value for name, value in weights.items()}
    prefixes = [name.removesuffix(names[0]) for name in renamed if name == names[0] or name.endswith(f".{names[0]}")]
    complete = [prefix for prefix in prefixes if all(f"{prefix}{name}" in renamed for name in names)]
    if "" in complete:
        complete = [""]
    if len(complete) > 1:
        listed = ", ".join(repr(prefix) for prefix in complete)
        raise DataError(f"The weights have all names of the module under several prefixes: {listed}. Save one of them.")
    if not complete:
        added = _with_prefix(renamed, names, plain, assumptions) or _with_other_prefix(
            renamed, names, plain, assumptions
        )
        return added or (dict(weights), assumptions)
    return _without(complete[0], renamed, plain, assumptions)


def misfits(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Return why weights do not fit those of a module, a sentence without its subject for each difference.

    >>> import torch
    >>> misfits({"w": torch.ones(12, 3)}, {"w": torch.ones(10, 3), "b": torch.ones(10)})
    ["have no 'b'", "have 'w' of shape (12, 3) instead of (10, 3)"]
    """
    missing = [f"have no '{name}'" for name in own if name not in weights]
    others = [f"have '{name}', which the module does not have" for name in weights if name not in own]
    shapes = [
        f"have '{name}' of shape {tuple(weights[name].shape)} instead of {tuple(value.shape)}"
        for name, value in own.items()
        if name in weights and weights[name].shape != value.shape
    ]
    return [*missing, *others, *shapes]


def in_words(differences: list[str]) -> str:
    """Return the result of `misfits` as one sentence with advice; an empty text without differences."""
    if not differences:
        return ""
    others = len(differences) - LISTED
    more = f"; {others} more difference{'s' * (others > 1)}" if others > 0 else ""
    listed = ", and ".join(differences[:LISTED])
    return f"they {listed}{more}. Build the module as it was when they were saved, with the same number of classes."


def _without(
    prefix: str, renamed: dict[str, Tensor], plain: dict[str, str], assumptions: tuple[str, ...]
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    kept = {name.removeprefix(prefix): value for name, value in renamed.items() if name.startswith(prefix)}
    others = [name for name in renamed if not name.startswith(prefix)]
    sentences = _about_removed(plain, prefix)
    if others and prefix:
        sentences.append(f"{len(others)} other tensors in the file are not used: {', '.join(sorted(others)[:3])}.")
    return kept, (*assumptions, *sentences)


def _with_prefix(
    renamed: dict[str, Tensor], names: tuple[str, ...], plain: dict[str, str], assumptions: tuple[str, ...]
) -> tuple[dict[str, Tensor], tuple[str, ...]] | None:
    """Add the prefix with which weights have exactly the names of a module; None if there is none."""
    first, known = next(iter(renamed)), set(names)
    prefixes = [name.removesuffix(first) for name in names if name.endswith(f".{first}")]
    parts = [prefix for prefix in prefixes if all(f"{prefix}{name}" in known for name in renamed)]
    if len(parts) > 1:
        listed = ", ".join(map(repr, parts))
        raise DataError(f"The weights fit several parts of the module: {listed}. Save the weights of all parts.")
    if not parts or len(renamed) != len(names):
        return None
    added = {f"{parts[0]}{name}": value for name, value in renamed.items()}
    sentence = f"The prefix {parts[0]!r} is added to the names of the weights."
    return added, (*assumptions, *_about_removed(plain), sentence)


def _with_other_prefix(
    renamed: dict[str, Tensor], names: tuple[str, ...], plain: dict[str, str], assumptions: tuple[str, ...]
) -> tuple[dict[str, Tensor], tuple[str, ...]] | None:
    """Replace the prefix of all weights by that of all names of a module; None if they then differ."""
    for old in _common_prefixes(tuple(renamed)):
        rest = {name.removeprefix(old): value for name, value in renamed.items()}
        for new in _common_prefixes(names):
            is_layer = not any("." in name for name in rest)  # the prefix is the name of the only layer
            if not is_layer and {f"{new}{name}" for name in rest} == set(names):
                sentence = f"The prefix {new!r} is added to the names of the weights."
                added = {f"{new}{name}": value for name, value in rest.items()}
                return added, (*assumptions, *_about_removed(plain, old), sentence)
    return None


def _common_prefixes(names: tuple[str, ...]) -> Iterator[str]:
    """Yield the prefixes that all names have, the shortest first."""
    parts = names[0].split(".")
    for count in range(1, len(parts)):
        prefix = ".".join(parts[:count]) + "."
        if all(name.startswith(prefix) for name in names):
            yield prefix


def _about_removed(plain: dict[str, str], prefix: str = "") -> list[str]:
    removed = [COMPILED] * any(name != short for name, short in plain.items()) + [prefix] * bool(prefix)
    return [f"The prefix {each!r} of the names of the weights is removed." for each in removed]


def _candidates(content: object, path: str = "", depth: int = DEPTH) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """Yield all mappings of names to weights, with their keys. States of optimizers are left out."""
    if not isinstance(content, Mapping) or not content or "param_groups" in content:
        return
    if all(isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()):
        if any(torch.is_floating_point(value) and value.ndim for value in content.values()):
            yield path, content
    elif depth:
        for key, value in content.items():
            if isinstance(key, str):
                yield from _candidates(value, f"{path}.{key}".lstrip("."), depth - 1)


def _made(weights: Mapping[str, Tensor], assumptions: tuple[str, ...], file: str) -> Weights:
    for name, value in weights.items():
        if value.dtype not in TYPES:
            raise DataError(f"{file}: the weights {name!r} must be plain real numbers; got {value.dtype}.")
    made = Weights((str(name), Tensor.detach(value)) for name, value in weights.items())
    made.assumptions = assumptions
    return made


def _without_weights(content: object) -> str:
    tensors = isinstance(content, Mapping) and any(isinstance(value, Tensor) for value in content.values())
    if tensors and isinstance(content, Mapping):
        odd = [key for key, value in content.items() if not isinstance(key, str) or not isinstance(value, Tensor)]
        if odd:
            return f"must contain tensors by name; {odd[0]!r} is not one"
    return "must contain a state dict of names and tensors"
