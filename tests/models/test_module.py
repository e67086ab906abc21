"""Modules by import path."""

import pytest
import torch

from antivenom.errors import SettingsError
from antivenom.models import ModuleClassifier
from antivenom.models.module import Module
from antivenom.rng import Rng
from antivenom.testing import global_state_untouched

IMAGE = {"input_shape": (2, 8, 10), "classes": 5, "bounds": (0.0, 1.0)}


def same(one: ModuleClassifier, other: ModuleClassifier) -> bool:
    first, second = one.state(), other.state()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_factory_is_called_with_what_it_asks_for_and_from_the_stream() -> None:
    model = Module(factory="tests.helpers.toys:small_net", mean=0.5)
    with global_state_untouched():
        built = model.build(**IMAGE, rng=Rng(0))
    assert same(built, model.build(**IMAGE, rng=Rng(0)))
    assert same(built.fresh(Rng(1)), model.build(**IMAGE, rng=Rng(1)))
    assert not same(built, built.fresh(Rng(1)))


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("torch.nn:Flatten", "classes is 5, but the module returns scores of 160 classes"),
        ("builtins:dict", "must be a function that returns"),
        ("os:path", "must be a function that returns"),
        ("pathlib:PurePath", r"must return an nn.Module; got Pure"),
    ],
)
def test_a_factory_that_makes_something_else_is_refused(factory: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        Module(factory=factory).build(**IMAGE, rng=Rng(0))


def required_number(num_classes: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(num_classes))


def another_number(num_classes: int = 10) -> torch.nn.Module:
    return required_number(num_classes)


def test_a_factory_whose_number_of_classes_has_another_name_is_refused_with_the_right_one() -> None:
    for name in ("required_number", "another_number"):
        with pytest.raises(SettingsError, match=r"argument must be called `classes`.*num_classes"):
            Module(factory=f"{__name__}:{name}").build(**IMAGE, rng=Rng(0))
