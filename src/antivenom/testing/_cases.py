"""Every registered component with every check that applies to it, by discovery."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

from antivenom.attacks.budget import Mode, PoisonBudget
from antivenom.errors import AntivenomError
from antivenom.registry import KINDS, Entry, entries
from antivenom.settings import build_as
from antivenom.testing._checks import Check, checks_for, waivers_of
from antivenom.trial import trial_of


class Case(NamedTuple):
    """A component and a check that applies to it."""

    name: str
    component: Any
    check: Check


def cases(kind: str | None = None, *, quick: bool = False, waived: bool = False) -> list[Case]:
    """All registered components, those of other packages too, with every check that applies and is not waived.

        @pytest.mark.parametrize(("name", "component", "check"), cases())
        def test_components(name, component, check):
            check(component)

    A component is made with the settings of its `trial`. An attack that can both replace rows and append them comes
    twice. One that cannot be made gives a case that fails and says why.

    Args:
        kind: the components of one kind alone; all kinds where left out.
        quick: quick checks alone, with the cheapest settings, such as for a slow device.
        waived: only those that are waived, instead of all others.

    Raises:
        KeyError: there is no such kind.

    >>> sorted({case.name for case in cases("goals")} & {"backdoor", "targeted"})
    ['backdoor', 'targeted']
    """
    kinds = KINDS if kind is None else (kind,)
    found = (entry for each in kinds for entry in entries(each).values())
    return [case for entry in found for case in _cases_of(entry, quick, waived)]


def try_out(kind: str, name: str, *, quick: bool = False) -> Any:
    """A registered component, with the settings of its trial.

    Raises:
        AntivenomError: it cannot be loaded, or its trial's settings do not fit.

    >>> try_out("goals", "targeted")
    Targeted(pairs=((0, 1),))
    """
    cls = entries(kind)[name].load()
    return build_as(cls, trial_of(cls).settings_for(quick=quick), path=cls.__name__, allow_code=True)


def _cases_of(entry: Entry, quick: bool, waived: bool) -> Iterator[Case]:
    try:
        component = try_out(entry.kind, entry.name, quick=quick)
        waivers = waivers_of(component)
    except (AntivenomError, AssertionError, TypeError) as error:
        if not waived:
            yield Case(entry.name, entry, _failing(entry, error))
        return
    for name, variant in _variants(entry.name, component, quick):
        for check in checks_for(variant, quick=quick):
            if (check.__name__ in waivers) == waived:
                yield Case(name, variant, check)


def _variants(name: str, component: Any, quick: bool) -> Iterator[tuple[str, Any]]:
    """The component itself; an attack that can also put its rows in the other way, that way too."""
    yield name, component
    if isinstance(component, PoisonBudget) and not quick:
        mode: Mode = "replace" if component.appends else "append"
        yield f"{name}:{mode}", dataclasses.replace(component, mode=mode)


def _failing(entry: Entry, error: Exception) -> Check:
    def can_be_tried(component: object) -> None:  # noqa: ARG001 - there is none
        raise AssertionError(
            f"{KINDS[entry.kind].singular} '{entry.name}' cannot be tried: {error} "
            "What it needs to be tried stands in its own class: trial = Trial(settings=...)."
        ) from error

    return can_be_tried
