"""Images in PNG files."""

from io import BytesIO

import numpy as np
import torch
from PIL import Image

from antivenom.data import Dataset
from antivenom.data.formats import images
from tests.helpers.data_files import (
    some,
)


def test_pngs_keep_every_pixel() -> None:
    row = torch.from_numpy(some()[0][0])
    read = np.asarray(Image.open(BytesIO(images.encode(row))))
    assert np.array_equal(read.transpose(2, 0, 1), row.numpy())
    assert Dataset.from_arrays(row[None], [0]).shape == (3, 32, 32)
