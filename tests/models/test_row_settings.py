"""Arguments of another type than a model takes: converted, or refused with what to pass instead."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from torch import nn

from antivenom.errors import SettingsError
from antivenom.models import as_classifier
from antivenom.models.checkpoints import LISTED, in_words

NET = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))


def test_a_number_is_the_shape_of_a_row_of_a_table() -> None:
    assert as_classifier(nn.Linear(5, 2), input_shape=5).input_shape == (5,)
    assert as_classifier(NET, input_shape=[1, 6, 6]).input_shape == (1, 6, 6)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", ["64", (), 0, (1, -6, 6), (1, 6.5), None])
def test_what_is_not_a_shape_is_refused(shape: Any) -> None:
    with pytest.raises(SettingsError, match="input_shape must be the shape of one row"):
        as_classifier(NET, input_shape=shape)


@pytest.mark.parametrize("bounds", [255, (1, 0), (0, 0), (0,), (0, float("inf")), (0, float("nan")), "01", (0, "1")])
def test_what_is_not_a_range_is_refused(bounds: Any) -> None:
    with pytest.raises(SettingsError, match=r"bounds must be two finite numbers \(low, high\) with low < high"):
        as_classifier(NET, input_shape=(1, 6, 6), bounds=bounds)


def test_a_range_in_an_array_is_taken() -> None:
    assert as_classifier(NET, input_shape=(1, 6, 6), bounds=np.array([0, 255])).bounds == (0.0, 255.0)  # type: ignore[arg-type]


ARRAYS = """
import numpy as np
from torch import nn
from antivenom import as_classifier, load
from antivenom.errors import DataError
from antivenom.metrics import accuracy
from sklearn.naive_bayes import GaussianNB
x = np.zeros((2, 1, 6, 6), np.float32)
c = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 4)), input_shape=(1, 6, 6))
e = as_classifier(GaussianNB(), input_shape=(1, 6, 6), classes=4)
for call in (c.scores, c.features, e.scores, lambda x: c.activations(x, c.layers()), lambda x: c.scores([[1.0]])):
    try:
        call(x)
    except DataError as error:
        print(error)
for scorer, data in ((c, (x, [0, 1])), (c.module, load("digits").test)):
    try:
        accuracy(scorer, data)
    except TypeError as error:
        print(error)
"""


def test_objects_of_another_type_are_refused_with_how_to_convert_them() -> None:
    done = subprocess.run(  # without the type checks of the tests
        [sys.executable, "-c", ARRAYS], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[:4] == ["x must be a tensor of rows; got numpy.ndarray. Convert it: torch.from_numpy(x).float()."] * 4
    assert lines[5].startswith("`data` must be a Dataset. Make one: Dataset.from_arrays(x, y); got")
    assert lines[6].startswith("`classifier` must be a classifier. Convert your model: as_classifier(model, ")
    assert lines[4] == "x must be a tensor of rows; got builtins.list. Pass inputs() of a Dataset."


def test_messages_about_models_have_right_plurals_and_the_next_step() -> None:
    with pytest.raises(SettingsError, match=r"got 'net\.pt'\. A file has only weights: .*read_weights\('net\.pt'\)"):
        as_classifier("net.pt", input_shape=3)
    with pytest.raises(SettingsError, match=r"mean must have 1 number; got 2\."):
        as_classifier(NET, input_shape=(1, 6, 6), mean=[0.1, 0.2])
    differences = [f"lack '{number}'" for number in range(LISTED + 1)]
    assert "; 1 more difference." in in_words(differences)
    assert "; 2 more differences." in in_words([*differences, "lack 'x'"])
