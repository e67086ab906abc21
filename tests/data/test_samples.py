"""Data sets of other libraries."""

import numpy as np
import pytest
import torch
from PIL import Image

from antivenom.data.samples import from_hugging_face, from_torch
from antivenom.errors import DataError


def test_hugging_face_columns_of_numbers() -> None:
    hugging = pytest.importorskip("datasets", reason="the extra 'dev' is not installed")
    held = hugging.Dataset.from_dict({"a": [1.0, 2], "b": [3, 4], "label": ["no", "yes"]})
    data = from_hugging_face(held, image=None)
    assert data.x.tolist() == [[1, 3], [2, 4]]
    assert data.classes == ("no", "yes")
    with pytest.raises(DataError, match="no column 'image'"):
        from_hugging_face(held)


class Pairs(torch.utils.data.Dataset[tuple[Image.Image, int]]):
    """A torch data set as torchvision's are: PIL images and numbers, and the classes' names."""

    classes = ("a", "b")

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.new("RGB", (5, 4), (index, 0, 0)), index % 2

    def __len__(self) -> int:
        return 6


def test_any_torch_data_set() -> None:
    data = from_torch(Pairs())
    assert data.x.shape == (6, 3, 4, 5)
    assert data.x[:, 0, 0, 0].tolist() == list(range(6))
    assert data.classes == ("a", "b")
    assert from_torch((torch.zeros(3), index) for index in range(2)).x.shape == (2, 3)
    with pytest.raises(DataError, match="Row 1 must have the shape"):
        from_torch([(np.zeros(3), 0), (np.zeros(2), 1)])
    with pytest.raises(DataError, match="pairs"):
        from_torch(torch.utils.data.TensorDataset(torch.zeros(4, 3)))
