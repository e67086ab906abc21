"""Checks that components declare the abilities of a classifier that they use."""

from collections.abc import Callable
from typing import Any

from antivenom.defences import Detector, Filter, Scan
from antivenom.errors import CapabilityError
from antivenom.models import Classifier
from antivenom.rng import Rng
from antivenom.testing._toys import toy_images, toy_victim
from antivenom.testing.register import check

USES = {"logits": "gradients", "features": "features", "layers": "features", "learn": "incremental"}
"""The methods of a classifier that require an ability."""


def _restricted(abilities: frozenset[str]) -> Classifier:
    """Return a classifier with only these abilities. The methods that require another one raise `CapabilityError`."""
    classifier = toy_victim()
    refused = {name: _refusing(name, ability) for name, ability in USES.items() if ability not in abilities}
    kind, can = type(classifier), classifier.can & abilities

    def passing(name: str) -> Callable[..., Any]:
        def call(self: Any, *given: Any, **named: Any) -> Any:
            self.__class__ = kind  # its own methods may use each other
            try:
                return getattr(self, name)(*given, **named)
            finally:
                self.__class__ = restricted

        return call

    allowed = {name: passing(name) for name in ("scores", *USES) if name not in refused}
    restricted = type("Restricted", (kind,), {**refused, **allowed, "can": property(lambda _: can)})
    classifier.__class__ = restricted
    return classifier


def _refusing(name: str, ability: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise CapabilityError(f"`{name}` requires {ability}.")

    return refuse


def _check_needs(needs: frozenset[str], use: Callable[[Classifier], object]) -> None:
    try:
        use(_restricted(needs))
    except CapabilityError as error:
        declared = ", ".join(sorted(needs)) or "nothing"
        raise AssertionError(
            f"it fails for a classifier that has only what `needs` declares ({declared}): {error} "
            "Add what it uses to `needs`, such as needs = frozenset({'gradients'})."
        ) from error


@check
def detector_declares_its_needs(detector: Detector) -> None:
    """The detector works with a classifier that has only the declared abilities."""
    data, clean = toy_images(), toy_images(seed=2)
    _check_needs(detector.needs, lambda restricted: detector.score(data, restricted, rng=Rng(0), clean=clean))


@check
def filter_declares_its_needs(one: Filter) -> None:
    """The filter works with a classifier that has only the declared abilities."""
    x, clean = toy_images(40).inputs(), toy_images(96, seed=2)
    _check_needs(one.needs, lambda restricted: one.suspicion(x, restricted, rng=Rng(0), clean=clean))


@check
def scan_declares_its_needs(scan: Scan) -> None:
    """The scan works with a classifier that has only the declared abilities."""
    _check_needs(scan.needs, lambda restricted: scan.scan(restricted, toy_images(96, seed=1), rng=Rng(0)))
