"""The same images through every format: what was written is what is read."""

import csv
import json
import pickle
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from antivenom.data import Dataset
from antivenom.data.formats import cifar, images, plain_pickle, recordio
from antivenom.data.samples import from_hugging_face, from_torch
from antivenom.data.sources.cifar10 import CLASSES, Cifar10
from antivenom.data.sources.cifar100 import Cifar100
from antivenom.data.sources.csv import Csv
from antivenom.data.sources.fashion_mnist import FashionMnist
from antivenom.data.sources.folder import Folder
from antivenom.data.sources.parquet import Parquet
from antivenom.errors import DataError, MissingDataError
from tests.helpers.data_files import (
    ROWS,
    binary,
    idx_bytes,
    png,
    some,
    write_binary,
    write_folder,
    write_python,
    write_recordio,
)

WRITERS: dict[str, Callable[..., None]] = {
    "binary": write_binary,
    "python": write_python,
    "recordio": write_recordio,
}


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_of_cifar10_gives_the_same_tensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    x, y = some()
    test_x, test_y = some(1, 4)
    WRITERS[layout](tmp_path, x, y, test_x, test_y)
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))
    for source in (Cifar10(), Cifar10(layout=layout)):  # type: ignore[arg-type]
        splits = source.load()
        assert np.array_equal(splits.train.x.numpy(), x)
        assert splits.train.y.tolist() == y.tolist()
        assert np.array_equal(splits.test.x.numpy(), test_x)
        assert splits.test.y.tolist() == test_y.tolist()
        assert splits.train.classes == CLASSES
        assert len(source.files()) == (2 if layout == "recordio" else 6)


def test_a_layout_that_is_there_in_part_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))
    with pytest.raises(MissingDataError, match=r"Looked for .*data_batch_1.bin.*cifar10_train.rec"):
        Cifar10().load()
    write_python(tmp_path, *some(), *some(1, 4))
    (tmp_path / "cifar10/cifar-10-batches-bin").mkdir()
    (tmp_path / "cifar10/cifar-10-batches-bin/data_batch_1.bin").write_bytes(b"")
    assert len(Cifar10().load().train) == ROWS


@pytest.mark.parametrize("labels", ["fine", "coarse"])
@pytest.mark.parametrize("layout", ["binary", "python", "recordio"])
def test_cifar100_has_two_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labels: str, layout: str) -> None:
    x, fine = some(classes=100)
    coarse = fine // 5
    home = tmp_path / "cifar100"
    names = {"fine": [f"f{n}" for n in range(100)], "coarse": [f"c{n}" for n in range(20)]}
    for name in ("train", "test"):
        if layout == "binary":
            file, held = home / f"cifar-100-binary/{name}.bin", binary(x, coarse, fine)
        elif layout == "python":
            table = {"data": x.reshape(ROWS, -1), "fine_labels": fine.tolist(), "coarse_labels": coarse.tolist()}
            file, held = home / f"cifar-100-python/{name}", pickle.dumps(table, protocol=4)
        else:
            file = home / f"cifar100_{'train' if name == 'train' else 'val'}.rec"
            pairs = zip(x, coarse, fine, strict=True)
            held = recordio.write(recordio.Record((float(c), float(f)), (0, 0), png(row), 0) for row, c, f in pairs)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(held)
        if layout == "binary":
            (file.parent / f"{'fine' if name == 'train' else 'coarse'}_label_names.txt").write_text(
                "\n".join(names["fine" if name == "train" else "coarse"]) + "\n"
            )
        if layout == "python":
            meta = {f"{kind}_label_names": found for kind, found in names.items()}
            (file.parent / "meta").write_bytes(pickle.dumps(meta, protocol=2))
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))
    train = Cifar100(labels=labels).load().train  # type: ignore[arg-type]
    assert np.array_equal(train.x.numpy(), x)
    assert train.y.tolist() == (fine if labels == "fine" else coarse).tolist()
    count = 100 if labels == "fine" else 20
    expected = map(str, range(count)) if layout == "recordio" else names[labels]
    assert train.classes == tuple(expected)


def test_fashion_mnist_lies_where_mnist_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIVENOM_DATA", str(tmp_path))
    (tmp_path / "fashion_mnist").mkdir()
    x, y = some()[0][:, 0, :28, :28], np.arange(ROWS) % 10
    for part in ("train", "t10k"):
        (tmp_path / f"fashion_mnist/{part}-images-idx3-ubyte").write_bytes(idx_bytes(x))
        (tmp_path / f"fashion_mnist/{part}-labels-idx1-ubyte").write_bytes(idx_bytes(y))
    data = FashionMnist().load().train
    assert np.array_equal(data.x[:, 0].numpy(), x)
    assert data.classes[9] == "Ankle boot"


def zipped(root: Path, inside: str = "") -> Path:
    file = root.with_suffix(".zip")
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, inside + str(path.relative_to(root)))
    return file


@pytest.mark.parametrize("inside", ["", "mine/", "a/b/"])
def test_a_folder_and_its_zip_give_the_same_tensors(tmp_path: Path, inside: str) -> None:
    x, y = some()
    write_folder(tmp_path / "mine", x, y, *some(1, 4))
    (tmp_path / "mine/train/readme.txt").write_text("not an image")
    (tmp_path / "mine/.hidden.png").write_text("nor this")
    for path in (tmp_path / "mine", zipped(tmp_path / "mine", inside)):
        source = Folder(path=str(path))
        splits = source.load()
        held = [CLASSES.index(splits.train.classes[label]) for label in splits.train.y.tolist()]
        assert np.array_equal(splits.train.x.numpy(), x)
        assert held == y.tolist()
        assert splits.train.ids.tolist() == list(range(ROWS))
        assert len(splits.test) == 4
        assert all(file.is_file() for file in source.files())


def test_a_folder_without_splits_keeps_a_share_for_testing(tmp_path: Path) -> None:
    write_folder(tmp_path, *some(), *some(1, 4))
    seen: list[tuple[int, int]] = []
    splits = Folder(path=str(tmp_path / "train"), test_share=0.5).load(lambda done, of: seen.append((done, of)))
    assert len(splits.train) == len(splits.test) == ROWS // 2
    assert seen[-1] == (ROWS, ROWS)


@pytest.mark.parametrize(("fit", "corner", "middle"), [("stretch", 255, 255), ("crop", 255, 255), ("pad", 0, 255)])
def test_images_of_any_size_come_to_one(tmp_path: Path, fit: str, corner: int, middle: int) -> None:
    for index, size in enumerate([(40, 20), (20, 40), (8, 8), (64, 16)]):
        file = tmp_path / f"{index % 2}/{index}.png"
        file.parent.mkdir(exist_ok=True)
        Image.new("RGBA", size, (255, 255, 255, 255)).save(file)
    x = Folder(path=str(tmp_path), size=(10, 10), mode="grey", fit=fit).load().train.x  # type: ignore[arg-type]
    assert x.shape[1:] == (1, 10, 10)
    wide = x[(x[:, 0, 5, 5] == middle)]
    assert len(wide) == len(x)
    assert int(x[:, 0, 0, 5].min()) == corner
    with pytest.raises(DataError, match="Set a size"):
        Folder(path=str(tmp_path)).load()


def test_a_table_of_numbers(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    rows = [[0.5, "dog", -1], [1e3, "cat", 2], [3, "dog", 4], [5, "cat", 6]]
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([["a", "kind", "b"], *rows])
    splits = Csv(path=str(file), label="kind", test_path=str(file)).load()
    assert splits.train.x.tolist() == [[0.5, -1], [1000, 2], [3, 4], [5, 6]]
    assert splits.train.y.tolist() == [1, 0, 1, 0]
    assert splits.train.classes == ("cat", "dog")
    assert len(Csv(path=str(file), label="kind").load().test) == 1


def test_whole_numbers_are_class_numbers(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("a,b\n" + "".join(f"{n},{n}\n" for n in (0, 2, 10, 2)))
    data = Csv(path=str(file), test_path=str(file)).load().train
    assert data.y.tolist() == [0, 2, 10, 2]
    assert len(data.classes) == 11


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must begin with a line"),
        ("a\n1\n", "must begin with a line"),
        ("a,a\n1,2\n", "different column names"),
        ("a,b\n", "at least one row"),
        ("a,b\n1\n", "line 2 must have 2 columns"),
        ("a,b\nx,1\n", "line 2 must contain finite numbers; got 'x'"),
        ("a,b\n1,0\nnan,1\n", "line 3 must contain finite numbers; got 'nan'"),
        ("a,b\n1e999,1\n", "line 2 must contain finite numbers; got '1e999'"),
        ('a,b\n"1,2\n', "not a CSV file"),
        ("a,b\n\ud800,1\n", "must be UTF-8"),
    ],
)
def test_a_table_says_where_it_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.csv"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(DataError, match=message):
        Csv(path=str(file)).load()


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


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(plain, st.integers(0, 5))
def test_plain_pickles_read_back(value: object, protocol: int) -> None:
    if protocol < 3:  # there, bytes are a call of a codec and text is what Python 2 made it
        value = json.loads(json.dumps({"a": [1, None, True, -(2**70)]}))
    assert plain_pickle.parse(pickle.dumps(value, protocol), "it") == value


@given(arrays.arrays(np.uint8, arrays.array_shapes(max_dims=3, min_side=0)), st.integers(0, 5))
def test_arrays_in_pickles_read_back(array: np.ndarray, protocol: int) -> None:
    for order in ("C", "F"):
        read = plain_pickle.parse(pickle.dumps({"a": np.asarray(array, order=order)}, min(protocol, 4)), "it")
        assert np.array_equal(read["a"], array)


magic = st.sampled_from([recordio.MAGIC, b"", b"x", recordio.MAGIC * 2])


@given(st.lists(st.tuples(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=3), magic, st.binary())))
def test_records_read_back(held: list[tuple[list[float], bytes, bytes]]) -> None:
    records = [recordio.Record(tuple(labels), (7, 8), head + tail, 0) for labels, head, tail in held]
    read = list(recordio.parse(recordio.write(iter(records)), "it"))
    assert [(one.labels, one.ids, one.image) for one in read] == [(one.labels, one.ids, one.image) for one in records]


def test_names_in_cifars_own_files(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("a\nb c\n\n")
    assert cifar.names_in_text(tmp_path / "names.txt") == ("a", "b c")


def test_pngs_keep_every_pixel() -> None:
    row = torch.from_numpy(some()[0][0])
    read = np.asarray(Image.open(BytesIO(images.encode(row))))
    assert np.array_equal(read.transpose(2, 0, 1), row.numpy())
    assert Dataset.from_arrays(row[None], [0]).shape == (3, 32, 32)
