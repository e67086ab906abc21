"""Conformance checks: does a component keep its promises? Run them on your own.

    from antivenom.testing import check_component
    check_component(MyAttack(rate=0.2))

A check is a function that raises `AssertionError` with what was broken. Which ones apply follows from the contracts
that a component fulfils; `antivenom`'s own tests run all of them on every registered component. A check stands in the
file of what it checks, such as `antivenom.testing.attacks`; `check` registers it. What a component needs to be tried,
and the checks that it cannot pass, stand in its own file: `antivenom.trial.Trial`.
"""

from antivenom.testing._cases import Case, cases, try_out
from antivenom.testing._checks import check, check_component, checks_for
from antivenom.testing._device import on_device
from antivenom.testing._toys import global_state_untouched, toy_images, toy_network, toy_table
from antivenom.testing.classifiers import check_classifier
from antivenom.testing.second_device import second_device
from antivenom.trial import Trial

__all__ = [
    "Case",
    "Trial",
    "cases",
    "check",
    "check_classifier",
    "check_component",
    "checks_for",
    "global_state_untouched",
    "on_device",
    "second_device",
    "toy_images",
    "toy_network",
    "toy_table",
    "try_out",
]
