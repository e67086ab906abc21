"""Call the methods of components. What a component does wrong becomes one line that names component and method."""

import functools
import inspect
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from antivenom.charts import WithEvidence, with_evidence
from antivenom.errors import AntivenomError, CapabilityError, ComponentError
from antivenom.registry import KINDS, name_of
from antivenom.settings import USES, needs_advice, needs_of

PHRASES: dict[type, str] = {Tensor: "a tensor of float numbers"}
ADVICE = "Set ANTIVENOM_DEBUG=1 to see the traceback."


@runtime_checkable
class _Able(Protocol):
    """The parts of a classifier that messages use."""

    name: str

    @property
    def can(self) -> frozenset[str]: ...


def guarded(part: object, contract: Callable[..., Any], expected: type[Any] | None, *, owner: object = None) -> Any:
    """Return the method of an object that fulfils a method of a contract, with checks of its parameters and result.

    Args:
        part: the object, such as a filter.
        contract: the method of the contract, such as `Filter.suspicion`. It has the name of the object's method.
        expected: the type that the method must return; None for any. For a tensor or a classifier, `WithEvidence` is
            also right.
        owner: the component that made the object, for messages; the object itself if omitted.

    Returns:
        A function with the parameters of the method. It raises a `ComponentError` if the method has other parameters,
        returns an object of another type, or raises an exception that is not an `AntivenomError`.
    """
    owner = part if owner is None else owner
    where = f"{_name(owner)}.{contract.__name__}"
    method = getattr(part, contract.__name__)

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            inspect.signature(method).bind(*args, **kwargs)
        except TypeError as error:
            raise ComponentError(f"{where} must have the parameters {_parameters(contract)}: {error}.") from error
        try:
            result = method(*args, **kwargs)
        except CapabilityError as error:
            raise (_undeclared(where, error, owner) or error) from error
        except AntivenomError:
            raise
        except Exception as error:
            raise ComponentError(f"{where} raised {raised(error, owner)} {ADVICE}") from error
        check_type(where, result, expected)
        return result

    return call


def scored(part: object, contract: Callable[..., Any], *args: Any, **kwargs: Any) -> WithEvidence[Tensor]:
    """Return the result of a detector or a filter, which must be a tensor, with its evidence."""
    return with_evidence(guarded(part, contract, Tensor)(*args, **kwargs))


def scores_from(
    part: object, contract: Callable[..., Any], *args: Any, rows: int, **kwargs: Any
) -> WithEvidence[Tensor]:
    """Return the scores of a detector or a filter: one finite float for each row, without a gradient.

    Args:
        part: the detector or filter.
        contract: the method of its contract.
        args: the arguments of the method.
        rows: the number of rows that it must score.
        kwargs: the keyword arguments of the method.

    Raises:
        ComponentError: the method raises an exception, or does not return such scores.
    """
    result = scored(part, contract, *args, **kwargs)
    where, scores = f"{_name(part)}.{contract.__name__}", result.result
    if scores.requires_grad:
        raise ComponentError(f"{where} must return a tensor without a gradient. Call .detach() on it.")
    if not scores.is_floating_point():
        kind = str(scores.dtype).removeprefix("torch.")
        raise ComponentError(f"{where} must return {PHRASES[Tensor]}; got a tensor of {kind}. Call .float() on it.")
    if scores.shape != (rows,) or not bool(torch.isfinite(scores).all()):
        bad = int((~torch.isfinite(scores)).sum())
        got = f"the shape {tuple(scores.shape)}" + (f", with {bad} not finite" if bad else "")
        advice = " Call .flatten() on it." if scores.shape == (rows, 1) else ""
        hint = _doubtful_scores(needs_of(part), args) if bad else ""
        raise ComponentError(f"{where} must return one finite number for each of {rows} rows; got {got}.{advice}{hint}")
    return result


def check_type(where: str, result: object, expected: type[Any] | None) -> None:
    """Check the type of a result.

    Raises:
        ComponentError: it has another type.
    """
    takes_evidence = expected is not None and expected.__name__ in ("Tensor", "Classifier")
    inner = result.result if takes_evidence and isinstance(result, WithEvidence) else result
    if expected is not None and not isinstance(inner, expected):
        raise ComponentError(f"{where} must return {_phrase(expected)}; got {_got(inner)}.")


def raised(error: Exception, owner: object) -> str:
    """Return an exception's type, the first line of its message, and the line of the component that led to it."""
    words = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    message = f": {words.rstrip('.')}" if words else ""
    return f"{type(error).__name__}{message} ({_line_of(error, owner)})."


def _line_of(error: Exception, owner: object) -> str:
    """Return the last line of the component that led to an exception, such as `filter.py, line 7`."""
    every = list(traceback.extract_tb(error.__traceback__))
    frames = every[1:] or every
    file = inspect.getmodule(type(owner))
    own = [each for each in frames if each.filename == getattr(file, "__file__", None)]
    last = (own or frames)[-1]
    path = Path(last.filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}, line {last.lineno}"


def _undeclared(where: str, error: CapabilityError, owner: object) -> ComponentError | None:
    """Return an error if a component called a method of a classifier that its `needs` do not declare, or None."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        ability, classifier = USES.get(frame.f_code.co_name), frame.f_locals.get("self")
        if ability is None or not isinstance(classifier, _Able) or ability in classifier.can | needs_of(owner):
            continue
        return ComponentError(
            f"{where} uses {ability} ({_line_of(error, owner)}), which {classifier.name} does not have. "
            f"Declare {needs_advice(needs_of(owner), ability)}."
        )
    return None


def _doubtful_scores(needs: frozenset[str], args: Iterable[object]) -> str:
    """Return a sentence about a need that is perhaps missing, if a classifier's scores are not probabilities."""
    for each in args:
        if isinstance(each, _Able) and "probabilities" not in each.can | needs:
            what = f"The scores of {each.name} can be negative, and do not sum to 1"
            return f" {what}: is `probabilities` missing in needs?"
    return ""


def _name(part: object) -> str:
    """Return the name of a component in a spec; `module:Class` for another object."""
    kind = next((kind for kind, each in KINDS.items() if any(map(functools.partial(hasattr, part), each.methods))), "")
    cls = type(part)
    return name_of(kind, cls) if kind else f"{cls.__module__}:{cls.__qualname__}"


def _phrase(expected: type[Any]) -> str:
    name = expected.__name__
    return PHRASES.get(expected, f"{'an' if name[0] in 'AEIOU' else 'a'} {name}")


def _got(value: object) -> str:
    if value is None:
        return "None"
    cls = type(value)
    return f"a {'NumPy array' if cls.__module__ == 'numpy' and cls.__name__ == 'ndarray' else cls.__name__}"


def _parameters(contract: Callable[..., Any]) -> str:
    """Return the parameters of a contract's method without `self`, such as `(x, classifier, *, rng, clean)`."""
    parameters = [each for each in inspect.signature(contract).parameters.values() if each.name != "self"]
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    return str(inspect.Signature(plain))
