"""The mean and std of rows, as users have them."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from antivenom.errors import SettingsError
from antivenom.models import as_classifier

NET = nn.Sequential(nn.Flatten(), nn.Linear(48, 4))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ROWS = torch.rand(5, 3, 4, 4)


def taken(mean: Any = None, std: Any = None, **more: Any) -> Any:
    return as_classifier(NET, input_shape=(3, 4, 4), mean=mean, std=std, **more)


FORMS = {
    "list": list,
    "array": np.array,
    "float32 array": lambda v: np.array(v, np.float32),
    "tensor": torch.tensor,
    "(3, 1, 1)": lambda v: np.array(v).reshape(3, 1, 1),
    "(1, 3, 1, 1)": lambda v: torch.tensor(v).reshape(1, 3, 1, 1),
    "(1, 1, 3)": lambda v: np.array(v).reshape(1, 1, 3),
    "nested list": lambda v: [[[each]] for each in v],
    "a parameter": lambda v: nn.Parameter(torch.tensor(v)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_form_of_mean_and_std_is_the_same(form: Any) -> None:
    expected, got = taken(MEAN, STD), taken(form(MEAN), form(STD))
    assert torch.allclose(got.scores(ROWS), expected.scores(ROWS))
    assert all(isinstance(each, tuple) for each in (got.mean, got.std))
    assert got.copy().identity() is not None


@pytest.mark.parametrize("form", [float, np.float64, np.array, torch.tensor, lambda v: [v], lambda v: (v,)])
def test_one_number_is_for_all_channels(form: Any) -> None:
    assert torch.allclose(taken(form(0.5), form(0.25)).scores(ROWS), taken((0.5,) * 3, (0.25,) * 3).scores(ROWS))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "two numbers": ({"mean": [0.1, 0.2]}, "one per channel"),
    "a number per pixel": ({"mean": np.zeros((3, 4, 4))}, r"one per channel.*\(3, 4, 4\)"),
    "no numbers": ({"std": []}, "one per channel"),
    "text": ({"mean": "0.5"}, "mean must be"),
    "a list of text": ({"mean": ["a", "b", "c"]}, "mean must be"),
    "ragged": ({"mean": [[0.1], [0.2, 0.3]]}, "mean must be"),
    "std 0": ({"std": np.array([0.1, 0.0, 0.1])}, "std must be above 0"),
    "std below 0": ({"std": torch.tensor([-0.1])}, "std must be above 0"),
    "NaN": ({"mean": [0.1, float("nan"), 0.2]}, "finite"),
    "infinite": ({"std": float("inf")}, "finite"),
    "of bytes": (
        {"mean": (123.7, 116.3, 103.5), "std": (58.4, 57.1, 57.4)},
        r"mean.*123\.7.*outside.*\[0, 1\].*bounds",
    ),
    "mean below the range": ({"mean": -0.5}, r"outside.*\[0, 1\]"),
    "std of bytes": ({"mean": 0.5, "std": 58.4}, r"std.*58\.4.*wider than.*\[0, 1\]"),
    "of shares for bytes": ({"mean": MEAN, "std": STD, "bounds": (0, 255)}, r"\[0, 255\].*rows in \[0, 1\]"),
}


@pytest.mark.parametrize(("more", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_mean_or_std_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        taken(**more)


def test_a_mean_of_bytes_fits_bytes_and_any_number_fits_any_range() -> None:
    colours = taken((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), bounds=(0, 255))
    assert colours.normalised(torch.full((1, *colours.input_shape), 123.7))[0, :, 0, 0].tolist() == pytest.approx(
        [0.0, 7.4 / 57.1, 20.2 / 57.4], abs=1e-5
    )
    assert taken(123.7, 58.4, bounds=None).bounds is None
    assert taken(0.0, 1.0, bounds=(0, 255)).bounds == (0, 255)
