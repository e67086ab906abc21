"""Parquet files, as others write them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from antivenom.data.samples import from_hugging_face
from antivenom.data.sources.cifar10 import CLASSES
from antivenom.data.sources.parquet import Parquet
from antivenom.errors import DataError
from tests.helpers.data_files import (
    some,
)


def test_parquet_as_hugging_face_writes_it(tmp_path: Path) -> None:
    hugging = pytest.importorskip("datasets", reason="the extra 'dev' is not installed")
    x, y = some()
    features = hugging.Features({"image": hugging.Image(), "label": hugging.ClassLabel(names=list(CLASSES))})
    rows = {"image": [Image.fromarray(row.transpose(1, 2, 0)) for row in x], "label": y.tolist()}
    held = hugging.Dataset.from_dict(rows, features=features)
    held.to_parquet(tmp_path / "mine.parquet")
    file = str(tmp_path / "mine.parquet")
    for data in (Parquet(path=file, test_path=file).load().train, from_hugging_face(held)):
        assert np.array_equal(data.x.numpy(), x)
        assert data.y.tolist() == y.tolist()
        assert data.classes == CLASSES


def test_parquet_of_numbers(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    import pyarrow.parquet as pq

    file = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"a": [1.5, 2, 3, 4], "b": [1, 2, 3, 4], "kind": list("xyxy")}), file)
    data = Parquet(path=str(file), image=None, label="kind", test_path=str(file)).load().train
    assert data.x.tolist() == [[1.5, 1], [2, 2], [3, 3], [4, 4]]
    assert data.classes == ("x", "y")
    for wrong, message in (("nothing", "no column 'nothing'"), ("a", "got double")):
        with pytest.raises(DataError, match=message):
            Parquet(path=str(file), image=wrong, label="kind").load()
