"""Discovery of all registered components, with all checks that apply to them."""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

from antivenom.attacks.budget import Mode, PoisonBudget
from antivenom.errors import AntivenomError
from antivenom.registry import KINDS, Entry, entries
from antivenom.settings import build_as
from antivenom.testing.register import Check, checks_for, waivers_of
from antivenom.trial import trial_of


class Case(NamedTuple):
    """A component and a check that applies to it."""

    name: str
    component: Any
    check: Check


def cases(kind: str | None = None, *, quick: bool = False, waived: bool = False) -> list[Case]:
    """Return all registered components, with every check that applies and is not waived.

        @pytest.mark.parametrize(("name", "component", "check"), cases())
        def test_components(name, component, check):
            check(component)

    The list includes components of other packages. Each is created with the settings of its `trial`. An attack that can
    both replace and append rows is in the list twice. A component that cannot be created has one case, which fails with
    the reason.

    Args:
        kind: only the components of this kind; all kinds if omitted.
        quick: only quick checks, with the settings that take the least time, such as for a slow device.
        waived: only the checks that are waived, instead of the others.

    Raises:
        KeyError: the kind does not exist.

    >>> sorted({case.name for case in cases("goals")} & {"backdoor", "targeted"})
    ['backdoor', 'targeted']
    """
    kinds = KINDS if kind is None else (kind,)
    registered = (entry for each in kinds for entry in entries(each).values())
    return [case for entry in registered for case in _cases_of(entry, quick, waived)]


def try_out(kind: str, name: str, *, quick: bool = False) -> Any:
    """Return a registered component, with the settings of its trial.

    Raises:
        AntivenomError: the component cannot be loaded, or the settings of its trial are not valid.

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
    """Yield the component itself, and an attack's variant with the other mode if it has one."""
    yield name, component
    if isinstance(component, PoisonBudget) and not quick:
        mode: Mode = "replace" if component.appends else "append"
        yield f"{name}:{mode}", dataclasses.replace(component, mode=mode)


def _failing(entry: Entry, error: Exception) -> Check:
    def can_be_created(component: object) -> None:  # noqa: ARG001 - the component could not be created
        raise AssertionError(
            f"{KINDS[entry.kind].singular} '{entry.name}' cannot be created for its checks: {error} "
            "Set the settings for the checks in its class: trial = Trial(settings=...)."
        ) from error

    return can_be_created
