"""Call the methods of components. What a component does wrong becomes one line that names component and method."""

import functools
import inspect
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, Protocol, TypeVar, get_args, get_origin, get_type_hints, runtime_checkable

import torch
from torch import Tensor

from antivenom.charts import WithEvidence, with_evidence
from antivenom.errors import ADVICE, AntivenomError, CapabilityError, ComponentError, in_words
from antivenom.registry import KINDS, name_of
from antivenom.settings import USES, needs_advice, needs_of

P = ParamSpec("P")
R = TypeVar("R")
PHRASES: dict[type, str] = {Tensor: "a tensor of float numbers"}


@runtime_checkable
class _Able(Protocol):
    """The parts of a classifier that messages use."""

    name: str

    @property
    def can(self) -> frozenset[str]: ...


def guarded(
    part: object,
    contract: Callable[..., Any],
    expected: type[Any] | None,
    *,
    owner: object = None,
    passing: Sequence[Exception] = (),
) -> Any:
    """Return the method of an object that fulfils a method of a contract, with checks of its parameters and result.

    Args:
        part: the object, such as a filter.
        contract: the method of the contract, such as `Filter.suspicion`. It has the name of the object's method.
        expected: the type that the method must return; None for any. `WithEvidence` of it is right too if the contract
            says so.
        owner: the component that made the object, for messages; the object itself if omitted.
        passing: exceptions that are not the component's, such as those of a callback. The caller may add to them during
            the call. They are raised as they are.

    Returns:
        A function with the parameters of the method. It raises a `ComponentError` if the method has other parameters,
        returns an object of another type, or raises an exception that is not an `AntivenomError`.
    """
    owner = part if owner is None else owner
    call = _guarded(part, contract, getattr(part, contract.__name__), owner, passing)
    where = f"{_name(owner)}.{contract.__name__}"

    @functools.wraps(call)
    def checked(*args: Any, **kwargs: Any) -> Any:
        result = call(*args, **kwargs)
        check_type(where, result, expected, evidence=_returns_evidence(contract))
        return result

    return checked


def _guarded(
    part: object,
    contract: Callable[..., Any],
    function: Callable[..., Any],
    owner: object,
    passing: Sequence[Exception] = (),
) -> Callable[..., Any]:
    """Return a function that calls a method of an object, or `function` in its place, and names what goes wrong."""
    where = f"{_name(owner)}.{contract.__name__}"
    method = getattr(part, contract.__name__)

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            inspect.signature(method).bind(*args, **kwargs)
        except TypeError as error:
            raise ComponentError(f"{where} must have the parameters {_parameters(contract)}: {error}.") from error
        try:
            return function(*args, **kwargs)
        except CapabilityError as error:
            raise (_undeclared(where, error, owner) or error) from error
        except AntivenomError:
            raise
        except Exception as error:
            if any(error is each for each in passing):
                raise
            raise ComponentError(f"{where} raised {raised(error, owner)} {ADVICE}") from error

    return call


class Own:
    """The exceptions of our own functions that a component calls, such as callbacks. They are not the component's."""

    def __init__(self) -> None:
        self.exceptions: list[Exception] = []

    def calling(self, function: Callable[P, R]) -> Callable[P, R]:
        """Return the function; it keeps an exception that it raises."""

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                self.exceptions.append(error)
                raise

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


def whole_numbers_from(
    part: object, contract: Callable[..., Any], noun: str, below: int, *args: Any, each_row: bool = False
) -> Tensor:
    """Return the result of a method that returns whole numbers from 0 to `below` - 1 (n), int64.

    Args:
        part: the object with the method, such as an arrival.
        contract: the method of its contract.
        noun: what the numbers are, such as "positions".
        below: the number above the largest.
        args: the arguments of the method.
        each_row: the message says that there is one number for each row.

    Raises:
        ComponentError: the method raises an exception, or does not return such numbers.
    """
    numbers = guarded(part, contract, None)(*args)
    words = f"a tensor of {noun} (int64)" + (", one for each row" if each_row else "")
    if not isinstance(numbers, Tensor):
        raise must_return(part, contract, f"{words}; got {got(numbers)}.")
    if numbers.dtype != torch.int64 or numbers.ndim != 1:
        kind, shape = str(numbers.dtype).removeprefix("torch."), tuple(numbers.shape)
        advice = f"{kind}. Call .long() on it." if numbers.dtype != torch.int64 else f"the shape {shape}."
        raise must_return(part, contract, f"{words}; got a tensor of {advice}")
    wrong = numbers[(numbers < 0) | (numbers >= below)]
    if len(wrong):
        raise must_return(part, contract, f"{noun} from 0 to {below - 1}; got {int(wrong[0])}.")
    return numbers


def sentences_from(part: object, contract: Callable[..., Any], *args: Any) -> list[str]:
    """Return the sentences that a method yields, such as the problems that a component reports.

    Raises:
        ComponentError: the method raises an exception, or yields something else.
    """

    def listed(*given: Any) -> Any:
        made = getattr(part, contract.__name__)(*given)
        return made if made is None or isinstance(made, str) else list(made)  # a generator raises only now

    sentences = _guarded(part, contract, listed, part)(*args)
    wrong = [each for each in sentences if not isinstance(each, str)] if isinstance(sentences, list) else [sentences]
    if wrong:
        raise must_return(part, contract, f"sentences, one for each problem, or an empty list; got {got(wrong[0])}.")
    return list(sentences)


def must_return(part: object, contract: Callable[..., Any], words: str) -> ComponentError:
    """Return the error about a wrong result of a component's method."""
    return ComponentError(f"{_name(part)}.{contract.__name__} must return {words}")


def check_type(where: str, result: object, expected: type[Any] | None, *, evidence: bool = False) -> None:
    """Check the type of a result. With `evidence`, `WithEvidence` of the type is right too.

    Raises:
        ComponentError: it has another type.
    """
    inner = result.result if evidence and isinstance(result, WithEvidence) else result
    if expected is not None and not isinstance(inner, expected):
        raise ComponentError(f"{where} must return {_phrase(expected)}; got {got(inner)}.")


@functools.cache
def _returns_evidence(contract: Callable[..., Any]) -> bool:
    """Return whether the result of a contract's method may be `WithEvidence`, from its annotation."""
    return any(get_origin(each) is WithEvidence for each in get_args(get_type_hints(contract).get("return")))


def raised(error: Exception, owner: object) -> str:
    """Return an exception's type, the first line of its message, and the line of the component that led to it."""
    return f"{in_words(error)} ({_line_of(error, owner)})."


def _line_of(error: Exception, owner: object) -> str:
    """Return the last line of the component that led to an exception, such as `filter.py, line 7`."""
    every = list(traceback.extract_tb(error.__traceback__))
    frames = every[1:] or every
    file = inspect.getmodule(owner if inspect.isroutine(owner) or isinstance(owner, type) else type(owner))
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


def got(value: object) -> str:
    """Return the type of a value in words, such as "a NumPy array"."""
    if value is None:
        return "None"
    cls = type(value)
    name = "NumPy array" if cls.__module__ == "numpy" and cls.__name__ == "ndarray" else cls.__name__
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"


def _parameters(contract: Callable[..., Any]) -> str:
    """Return the parameters of a contract's method without `self`, such as `(x, classifier, *, rng, clean)`."""
    parameters = [each for each in inspect.signature(contract).parameters.values() if each.name != "self"]
    plain = [each.replace(annotation=inspect.Parameter.empty, default=_shown(each.default)) for each in parameters]
    return str(inspect.Signature(plain)).replace("=Ellipsis", "=...")


def _shown(default: object) -> object:
    """Return the default of a parameter, or an ellipsis for a function, whose `repr` says nothing."""
    return ... if inspect.isroutine(default) else default
