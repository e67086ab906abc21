"""Checks that components declare the abilities of a classifier that they use."""

from collections.abc import Callable
from typing import Any

from antivenom.calling import scores_from
from antivenom.defences import Detector, Filter, Scan
from antivenom.errors import CapabilityError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.settings import USES, DeclaresNeeds, needs_advice
from antivenom.testing._toys import toy_images, toy_victim
from antivenom.testing.register import check


class _UndeclaredError(CapabilityError):
    """A component calls a method of a classifier that requires an ability that it does not declare."""

    def __init__(self, method: str, ability: str) -> None:
        self.method, self.ability = method, ability
        super().__init__(f"`{method}` requires {ability}.")


def _restricted(abilities: frozenset[str]) -> Classifier:
    """Return a classifier with only these abilities.

    The methods that require another one raise an error. Without `probabilities`, its scores are in [-2, 2].
    """
    classifier = toy_victim()
    refused = {name: _refusing(name, ability) for name, ability in USES.items() if ability not in abilities}
    kind, can = type(classifier), classifier.can & abilities

    def passing(name: str) -> Callable[..., Any]:
        def call(self: Any, *given: Any, **named: Any) -> Any:
            self.__class__ = kind  # its own methods may use each other
            try:
                result = getattr(self, name)(*given, **named)
            finally:
                self.__class__ = restricted
            return result if name != "scores" or "probabilities" in abilities else 4 * result - 2

        return call

    allowed = {name: passing(name) for name in ("scores", *USES) if name not in refused}
    restricted = type("Restricted", (kind,), {**refused, **allowed, "can": property(lambda _: can)})
    classifier.__class__ = restricted
    return classifier


def _refusing(name: str, ability: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise _UndeclaredError(name, ability)

    return refuse


def _check_needs(part: DeclaresNeeds, use: Callable[[Classifier], object]) -> None:
    try:
        use(_restricted(part.needs))
    except _UndeclaredError as error:
        advice = needs_advice(part.needs, error.ability)
        raise AssertionError(f"{type(part).__name__} uses `classifier.{error.method}`. Add {advice}.") from error
    except CapabilityError as error:
        declared = ", ".join(sorted(part.needs)) or "nothing"
        raise AssertionError(
            f"it fails for a classifier that has only what `needs` declares ({declared}): {error} "
            "Add what it uses to `needs`."
        ) from error


@check
def detector_declares_its_needs(detector: Detector) -> None:
    """The detector works with a classifier that has only the declared abilities."""
    data, clean = toy_images(), toy_images(seed=2)

    def use(restricted: Classifier) -> object:
        return scores_from(detector, Detector.score, data, restricted, rows=len(data), rng=Rng(0), clean=clean)

    _check_needs(detector, use)


@check
def filter_declares_its_needs(one: Filter) -> None:
    """The filter works with a classifier that has only the declared abilities."""
    x, clean = toy_images(40).inputs(), toy_images(96, seed=2)

    def use(restricted: Classifier) -> object:
        return scores_from(one, Filter.suspicion, x, restricted, rows=len(x), rng=Rng(0), clean=clean)

    _check_needs(one, use)


@check
def scan_declares_its_needs(scan: Scan) -> None:
    """The scan works with a classifier that has only the declared abilities."""
    _check_needs(scan, lambda restricted: scan.scan(restricted, toy_images(96, seed=1), rng=Rng(0)))
