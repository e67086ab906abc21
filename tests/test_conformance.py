"""Every registered component keeps its promises; found by discovery, no list."""

from collections.abc import Callable
from typing import Any

import pytest

from bezoar.registry import entries
from bezoar.testing import (
    ATTACK_CHECKS,
    CLASSIFIER_CHECKS,
    MODEL_CHECKS,
    SOURCE_CHECKS,
    TRAINING_CHECKS,
    TRIGGER_CHECKS,
    check_attack,
    toy_images,
)

WAIVED: dict[tuple[str, str], str] = {}
"""(component, check): the reason."""

SETTINGS: dict[str, dict[str, Any]] = {
    "end_to_end": {"epochs": 8, "learning_rate": 5e-3, "batch_size": 32},
    "module": {"factory": "tests.toys:small_net"},
}
"""What a component needs beside its defaults to be tried on toys."""

HERE = {"npz": "has a file of its own: test_npz", "mnist": "its files are not part of the project: test_idx"}


def cases(kind: str, checks: tuple[Callable[..., None], ...]) -> list[Any]:
    return [
        pytest.param(name, check, id=f"{name}-{check.__name__}")
        for name in entries(kind)
        for check in checks
        if (name, check.__name__) not in WAIVED and name not in HERE
    ]


def made(kind: str, name: str) -> Any:
    return entries(kind)[name].load()(**SETTINGS.get(name, {}))


@pytest.mark.parametrize(("name", "check"), cases("attacks", ATTACK_CHECKS))
def test_attacks(name: str, check: Callable[[Any], None]) -> None:
    check(made("attacks", name))


@pytest.mark.parametrize(("name", "check"), cases("attacks", ATTACK_CHECKS))
def test_attacks_that_append(name: str, check: Callable[[Any], None]) -> None:
    cls = entries("attacks")[name].load()
    if "mode" not in cls.__dataclass_fields__:
        pytest.skip("it has no mode")
    check(cls(mode="append", **SETTINGS.get(name, {})))


@pytest.mark.parametrize(("name", "check"), cases("trainings", TRAINING_CHECKS))
def test_trainings(name: str, check: Callable[[Any], None]) -> None:
    check(made("trainings", name))


@pytest.mark.parametrize(("name", "check"), cases("triggers", TRIGGER_CHECKS))
def test_triggers(name: str, check: Callable[[Any], None]) -> None:
    check(made("triggers", name))


@pytest.mark.parametrize(("name", "check"), cases("models", MODEL_CHECKS))
def test_models(name: str, check: Callable[[Any], None]) -> None:
    check(made("models", name))


@pytest.mark.parametrize(("name", "check"), cases("models", CLASSIFIER_CHECKS))
def test_classifiers(name: str, check: Callable[[Any, Any], None]) -> None:
    from bezoar.rng import Rng

    data = toy_images(60)
    model = made("models", name)
    check(model.build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0)), data)


@pytest.mark.parametrize(("name", "check"), cases("datasets", SOURCE_CHECKS))
def test_sources(name: str, check: Callable[[Any], None]) -> None:
    check(made("datasets", name))


def test_a_waiver_names_a_check() -> None:
    from bezoar.attacks import LabelFlip

    with pytest.raises(AssertionError, match="no such check"):
        check_attack(LabelFlip(), waive={"attack_is_perfect": "it is not"})


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("writes into the data", "attack_leaves_its_inputs_alone"),
        ("draws from the global stream", "attack_leaves_its_inputs_alone"),
        ("ignores its stream", "attack_is_reproducible"),
        ("ignores its rate", "attack_keeps_its_rate"),
        ("does nothing", "attack_has_an_effect"),
    ],
)
def test_the_checks_can_fail(fault: str, check: str) -> None:
    from tests.toys import FaultyAttack

    by_name = {function.__name__: function for function in ATTACK_CHECKS}
    with pytest.raises(AssertionError):
        by_name[check](FaultyAttack(fault=fault))
