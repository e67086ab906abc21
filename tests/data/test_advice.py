"""Messages about data name the setting that decides."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from antivenom import Experiment
from antivenom.data import Dataset, Splits
from antivenom.data.samples import from_torch
from antivenom.errors import DataError, SettingsError
from antivenom.settings import build
from antivenom.settings.fields import checked, fields_of


def data(labels: list[int], width: int = 8) -> Dataset:
    return Dataset.from_arrays(np.zeros((len(labels), 8, width), np.uint8), labels)


def test_an_experiment_says_how_to_divide_one_data_set() -> None:
    field = next(each for each in fields_of(Experiment) if each.name == "dataset")
    _, problem = checked(field, data([0, 1]), "dataset")
    assert problem is not None
    assert problem.endswith(" Pass Splits(train=…, test=…), or divide the rows: data.split(0.2, Rng(0)).")


def test_sets_that_do_not_match_name_the_arguments() -> None:
    with pytest.raises(DataError, match=r"4 and 3 classes.*Pass the same classes= .*Dataset.several_from_arrays"):
        Splits(train=data([0, 1, 2, 3]), test=data([0, 1, 2]))
    renamed = Dataset.from_arrays(np.zeros((2, 8, 8), np.uint8), [0, 1], classes=["a", "b"])
    with pytest.raises(DataError, match=r"the classes 0, 1 and a, b.*Pass the same classes= "):
        Splits(train=data([0, 1]), test=renamed)
    with pytest.raises(DataError) as caught:
        Splits(train=data([0, 1]), test=data([0, 1], width=9))
    assert "classes=" not in str(caught.value)


IMAGE = Image.new("L", (4, 4))


@pytest.mark.parametrize("sample", [(0, IMAGE), (0, torch.zeros(1, 4, 4)), (0, np.zeros((4, 4)))])
def test_a_label_before_the_row_is_said_with_parts(sample: Any) -> None:
    with pytest.raises(DataError, match=r"^Labels must be .*Pass parts=\(1, 0\) if the label comes first"):
        from_torch([sample, sample], bounds=(0, 1))
    assert len(from_torch([sample, sample], bounds=(0, 1), parts=(1, 0))) == 2


def test_a_label_that_is_an_image_in_a_mapping_is_said_with_parts() -> None:
    with pytest.raises(DataError, match=r"^Labels must be .*mappings, parts= has the keys"):
        from_torch([{"image": IMAGE, "label": IMAGE}])


def test_a_target_is_the_number_of_a_class() -> None:
    with pytest.raises(SettingsError, match=r"^attack.target must be the number of a class, at least 0; got 'glioma'"):
        build("attacks", {"name": "badnets", "target": "glioma"}, path="attack")
