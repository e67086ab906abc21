"""Conformance checks of components. Run them on your own components.

    from antivenom.testing import check_component
    check_component(MyAttack(rate=0.2))

A check is a function that raises `AssertionError` if a component breaks its contract. The contracts of a component
determine its checks. The tests of `antivenom` run all checks on every registered component. The checks of a kind are in
one file, such as `antivenom.testing.attacks`; `check` registers a check. A component's own file contains the settings
for its checks, and the checks that it cannot pass: `antivenom.trial.Trial`.
"""

from antivenom.testing._cases import Case, cases, try_out
from antivenom.testing._device import on_device
from antivenom.testing._toys import global_state_untouched, toy_images, toy_network, toy_table, toy_victim
from antivenom.testing.classifiers import check_classifier
from antivenom.testing.register import check, check_component, checks_for
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
    "toy_victim",
    "try_out",
]
