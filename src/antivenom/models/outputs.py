"""Read class scores from what a module returns: a tensor, or a tensor inside another object."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from antivenom.errors import SettingsError

NAMES = {"logits": ("logits",), "probabilities": ("probabilities", "probs")}
"""The names of class scores in a mapping or an object, for each kind of outputs."""

ADVICE = "Return one tensor (n, classes) from forward."
ONE_NUMBER = "one number for each row"

Place = str | int | None


@dataclass(frozen=True)
class Outputs:
    """The class scores of a module.

    Attributes:
        kind: "logits" or "probabilities".
        width: the numbers per row: one per class, or 1 for two classes.
        converts: True if the module computes in another precision, so that scores are converted to float32.

    >>> Outputs("logits", 3).logits({"logits": torch.zeros(2, 3), "loss": None}, 2).shape
    torch.Size([2, 3])
    """

    kind: str
    width: int
    converts: bool = False

    @property
    def classes(self) -> int:
        """The number of classes. One number per row describes two classes."""
        return 2 if self.width == 1 else self.width

    def logits(self, out: object, rows: int) -> Tensor:
        """Return differentiable logits (rows, classes).

        Raises:
            SettingsError: the scores are not in the outputs for this number of rows.
        """
        scores = self.scores(out, rows)
        if self.width > 1:
            return scores if self.kind == "logits" else _log(scores)
        if self.kind == "logits":
            return torch.cat([torch.zeros_like(scores), scores], 1)
        return _log(torch.cat([1 - scores, scores], 1))

    def scores(self, out: object, rows: int) -> Tensor:
        """Return the numbers of the module (rows, width)."""
        tensor = out if isinstance(out, Tensor) else self._chosen(out, rows)
        if tensor.ndim != 2 or len(tensor) != rows:
            if tensor.numel() != rows * self.width:
                got = tuple(tensor.shape)
                raise SettingsError([f"The module must return ({rows}, {self.width}) for {rows} rows; got {got}."])
            tensor = tensor.reshape(rows, self.width)
        return tensor.float() if self.converts else tensor

    def _chosen(self, out: object, rows: int) -> Tensor:
        tensors = _tensors(out)
        for name in NAMES[self.kind]:
            if name in tensors:
                return tensors[name]
        wide = [each for each in tensors.values() if _width(each, rows) == self.width]
        if not wide:
            raise SettingsError([f"The module must return ({rows}, {self.width}); got {_in_words(tensors, out)}."])
        return wide[0]


def find_outputs(out: object, rows: int, kind: str, classes: int | None) -> tuple[Outputs, tuple[str, ...]]:
    """Find the class scores in the outputs of some rows. Return how to read them, and what was assumed.

    Args:
        out: the outputs of the module.
        rows: the number of rows, at least 2.
        kind: "logits" or "probabilities".
        classes: the number of classes if it is known.

    Raises:
        SettingsError: there are no class scores in the outputs, or several tensors that can be the class scores.

    >>> find_outputs((torch.zeros(()), torch.zeros(3, 5)), 3, "logits", None)[0].classes
    5
    """
    tensors = _tensors(out)
    place, tensor = _find(tensors, out, rows, kind, classes)
    _check(tensor, rows, place)
    width = _width(tensor, rows)
    assert width is not None
    result = Outputs(kind, width, tensor.dtype != torch.float32)
    if classes is not None and classes != result.classes:
        raise SettingsError([f"classes is {classes}, but the module returns scores of {result.classes} classes."])
    return result, tuple(_assumed(place, tensor, out, result))


def _find(tensors: dict[Place, Tensor], out: object, rows: int, kind: str, classes: int | None) -> tuple[Place, Tensor]:
    if None in tensors:
        return None, tensors[None]
    for name in NAMES[kind]:
        if name in tensors:
            return name, tensors[name]
    possible = {place: each for place, each in tensors.items() if _width(each, rows)}
    if not possible:
        whole = next((item for item in tensors.items() if _is_numbers_of_classes(item[1])), None)
        if whole is not None:
            return whole
        raise SettingsError([f"The module must return scores (n, classes); got {_in_words(tensors, out)}. {ADVICE}"])
    if classes is not None:
        fitting = {place: each for place, each in possible.items() if _width(each, rows) in (classes, 3 - classes)}
        possible = fitting or possible
    widths = {_width(each, rows) for each in possible.values()}
    first = next(iter(possible.items()))
    flat = [each.reshape(rows, -1) for each in possible.values()]
    if len(widths) > 1 or not all(torch.equal(each, flat[0]) for each in flat):
        listed = _in_words(possible, out)
        other = " Or pass classes=." if len(widths) > 1 and classes is None else ""
        raise SettingsError([f"The module returns several tensors that can be scores: {listed}. {ADVICE}{other}"])
    return first


def _tensors(out: object) -> dict[Place, Tensor]:
    """Return the tensors of an output by name or number; a tensor itself has the name None."""
    if isinstance(out, Tensor):
        return {None: out}
    if isinstance(out, Mapping):
        items: Iterator[tuple[object, object]] = iter(out.items())
    elif isinstance(out, tuple | list):
        fields = out._fields if isinstance(out, tuple) and hasattr(out, "_fields") else range(len(out))
        items = zip(fields, out, strict=True)
    else:
        items = iter(vars(out).items() if hasattr(out, "__dict__") else ())
    return {key if isinstance(key, int) else str(key): each for key, each in items if isinstance(each, Tensor)}


def _width(tensor: Tensor, rows: int) -> int | None:
    """Return the numbers per row if these can be class scores (n), (n, k) or (n, k, 1, …); else None."""
    shape = tuple(tensor.shape)
    if _is_numbers_of_classes(tensor) or tensor.is_complex() or shape[:1] != (rows,) or any(n != 1 for n in shape[2:]):
        return None
    return (shape[1] or None) if len(shape) > 1 else 1


def _is_numbers_of_classes(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() and not tensor.is_complex()


def _check(tensor: Tensor, rows: int, place: Place) -> None:
    """Raise SettingsError unless a tensor has class scores for all rows."""
    shape = tuple(tensor.shape)
    if _is_numbers_of_classes(tensor):
        dtype = str(tensor.dtype).removeprefix("torch.")
        raise SettingsError([f"The module returns class numbers ({dtype}), not scores. Return them before argmax."])
    if _width(tensor, rows) is not None:
        return
    where = "" if place is None else f" as {place!r}"
    if shape[:1] != (rows,):
        raise SettingsError(
            [
                "input_shape is probably wrong: x.view(-1, n) then mixes rows. It is the shape of one row, such as "
                "(1, 8, 8) for gray images of 8 x 8. The module must return one row of scores for each row of the "
                f"batch; got {shape}{where} for {rows} rows. If input_shape is right, keep the first dimension in "
                "forward, for example by x.view(len(x), -1)."
            ]
        )
    raise SettingsError([f"The module must return scores (n, classes); got {shape}{where} for {rows} rows. {ADVICE}"])


def _assumed(place: Place, tensor: Tensor, out: object, result: Outputs) -> Iterator[str]:
    shape = ", ".join(map(str, ("n", *tensor.shape[1:])))
    name = type(out).__name__
    kind = f"an {name}" if name[:1] in "AEIOUaeiou" else f"a {name}"
    if isinstance(place, int):
        yield (
            f"The module returns {kind}. Tensor number {place}, of shape ({shape}), is the "
            f"{result.kind}. If the scores are another tensor, return only them from forward."
        )
    elif place is not None:
        yield f"The module returns {kind}. Its {place!r}, of shape ({shape}), is the {result.kind}."
    if tensor.ndim > 2:
        yield f"The module returns ({shape}), which is read as (n, {result.width})."
    if result.width == 1:
        what = "logit" if result.kind == "logits" else "probability"
        other, plural = ("probability", "probabilities") if result.kind == "logits" else ("logit", "logits")
        yield (
            f"The module returns {ONE_NUMBER}: the {what} of class 1 of two classes. If it is a {other}, pass "
            f"outputs='{plural}'."
        )


def _in_words(tensors: Mapping[Place, Tensor], out: object) -> str:
    if not tensors:
        return (
            f"{type(out).__name__} without tensors" if isinstance(out, Mapping | tuple | list) else type(out).__name__
        )
    listed = [f"{place!r} ({', '.join(map(str, ('n', *each.shape[1:])))})" for place, each in tensors.items()]
    return f"{type(out).__name__} with {', '.join(listed)}"


def _log(probabilities: Tensor) -> Tensor:
    return probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()
