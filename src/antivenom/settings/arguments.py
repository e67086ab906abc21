"""Check the arguments of a component's main method, so that a wrong one has a clear error and no deep traceback.

The methods also check, before any work, that the rows fit the classifier, the surrogate or the architecture, that a
trained classifier has finite scores, and that the trusted rows are enough.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from antivenom.errors import DataError
from antivenom.settings.accuracy import doubt_about_rows
from antivenom.settings.clean_rows import with_remedy
from antivenom.settings.contracts import ChecksCleanRows, TakesNotes
from antivenom.settings.finite_scores import check_probe
from antivenom.settings.fits import check_fits
from antivenom.settings.scored_range import any_range
from antivenom.settings.taken_rows import check_rows

METHODS = ("score", "suspicion", "scan", "blame", "repair", "poison", "train_generator", "fit")
"""The methods whose arguments are checked."""

CHECKED = "__antivenom_checks_arguments__"
"""The attribute of a method that checks its arguments."""

DATASET = (("inputs", "ids"), "a Dataset. Make one: Dataset.from_arrays(x, y)")
CLASSIFIER = (
    ("scores", "can"),
    "a classifier. Convert your model: as_classifier(model, input_shape=(1, 28, 28)), with the shape of one row",
)
EXPECTED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "rng": (("child", "seed"), "an Rng. Pass rng=Rng(0), with `from antivenom import Rng`"),
    "classifier": CLASSIFIER,
    "surrogate": CLASSIFIER,
    "start": CLASSIFIER,
    "clean": DATASET,
    "data": DATASET,
}
"""For each argument, the members by which it is recognised, and the words of the message."""


def check_arguments(cls: type[Any]) -> None:
    """Replace the main methods of a component by methods that first check their arguments."""
    for name in METHODS:
        method = getattr(cls, name, None)
        if inspect.isfunction(method) and not hasattr(method, CHECKED):
            setattr(cls, name, _checking(cls.__name__, method))


def _checking(owner: str, method: Callable[..., Any]) -> Callable[..., Any]:
    parameters = inspect.signature(method).parameters
    names = list(parameters)[1:]
    optional = {name for name, each in parameters.items() if each.default is None or "None" in str(each.annotation)}
    optional |= {"start", "surrogate"}

    @functools.wraps(method)
    def checked(self: Any, *arguments: Any, **named: Any) -> Any:
        given = {**dict(zip(names, arguments, strict=False)), **named}
        where = f"{owner}.{method.__name__}"
        for name, value in given.items():
            if name in EXPECTED and not (value is None and name in optional):
                check_argument(name, value, where)
        if method.__name__ == "fit":
            _check_training(where, given)
        elif (trained := _trained(given)) is not None:
            _check_fits(where, trained, given)
        if isinstance(self, ChecksCleanRows) and given.get("clean") is not None:
            _check_clean(where, self, given["clean"])
        with any_range():  # the rows were checked; a component may change them on purpose
            result = method(self, *arguments, **named)
            return _with_notes(result, _trained(given), given) if isinstance(result, TakesNotes) else result

    setattr(checked, CHECKED, True)
    return checked


def check_argument(name: str, value: object, where: str = "", members: tuple[str, ...] | None = None) -> None:
    """Check that an argument has the members by which it is recognised.

    Args:
        name: a key of `EXPECTED`.
        value: the argument.
        where: the component and its method, for the message.
        members: the members, if they are not those of `EXPECTED`.

    Raises:
        TypeError: it does not have them.
    """
    known, expected = EXPECTED[name]
    if isinstance(value, type) or not all(hasattr(value, member) for member in members or known):
        place = f"{where}: " if where else ""
        raise TypeError(f"{place}`{name}` must be {expected}; got {_named(value)}.")


def _trained(given: Mapping[str, Any]) -> Any:
    """Return the trained classifier that a call uses; None if it has none."""
    if given.get("path"):
        return given["path"][-1].classifier
    return given.get("classifier", given.get("surrogate"))


def _check_fits(where: str, trained: Any, given: Mapping[str, Any]) -> None:
    """Check that the rows of a call fit a trained classifier, and that the classifier has finite scores."""
    sets = {name: given[name] for name in ("data", "clean") if given.get(name) is not None}
    for name, data in sets.items():
        check_fits(trained, data, f"{where}: `{name}`")
    if given.get("x") is not None:
        check_rows(trained, given["x"], None, f"{where}: `x`")
    for data in sets.values():
        check_probe(trained, data, where)


def _with_notes(result: TakesNotes, trained: Any, given: Mapping[str, Any]) -> Any:
    """Add what is assumed about the classifier of a call, and a doubt if it is rarely right on the rows."""
    sets = (given[name] for name in ("data", "clean") if given.get(name) is not None)
    doubts = (doubt_about_rows(trained, data) for data in sets)
    return result.with_notes(trained.assumptions, filter(None, doubts))


def _check_training(where: str, given: Mapping[str, Any]) -> None:
    """Check that the rows of a training fit the architecture, and the shape and range of the classifier to start from.

    A training may give the classifier to start from other classes.
    """
    data, classifier, start = (given.get(name) for name in ("data", "classifier", "start"))
    if data is None or classifier is None:
        return
    subject = f"{where}: `data`"
    if not len(data.x):
        raise DataError(f"{subject} must have at least one row; it has none.")
    check_fits(classifier, data, subject)
    if start is not None:
        check_rows(start, data.x, data.bounds, f"{subject} for `start`")
        check_probe(start, data, f"{where}: `start`")


def _check_clean(where: str, part: ChecksCleanRows, clean: Any) -> None:
    """Check that the trusted rows of a call are enough for a component that says what it requires."""
    if problems := list(part.clean_problems(clean)):
        raise DataError(with_remedy(where, problems, "Pass the rows that it requires as `clean`."))


def _named(value: object) -> str:
    kind = type(value)
    plain = isinstance(value, bool | int | float | str | type) or value is None
    return repr(value) if plain else f"an object of type {kind.__module__.partition('.')[0]}.{kind.__qualname__}"
