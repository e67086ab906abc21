"""Samples and labels as users have them: in torch and in Hugging Face data sets."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, IterableDataset, Subset
from torch.utils.data import Dataset as TorchDataset

from antivenom.data.samples import from_hugging_face, from_torch
from antivenom.errors import DataError


class Rows(TorchDataset[Any]):
    def __init__(self, label: Callable[[int], Any], row: Callable[[int], Any] | None = None) -> None:
        self.label, self.row = label, row or (lambda i: torch.full((1, 8, 8), i / 10))

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        if index >= 6:
            raise IndexError
        return self.row(index), self.label(index)


@pytest.mark.parametrize(
    ("label", "numbers", "classes"),
    [
        (lambda i: torch.eye(3)[i % 3], [0, 1, 2] * 2, ("0", "1", "2")),
        (lambda i: np.eye(3)[i % 3], [0, 1, 2] * 2, ("0", "1", "2")),
        (lambda i: ["dog", "cat"][i % 2], [1, 0] * 3, ("cat", "dog")),
        (lambda i: b"cat", [0] * 6, ("cat",)),
        (lambda i: float(i % 2), [0, 1] * 3, ("0", "1")),
        (lambda i: torch.tensor([i % 2]), [0, 1] * 3, ("0", "1")),
        (lambda i: np.bool_(i % 2), [0, 1] * 3, ("0", "1")),
        (lambda i: i % 2 + 5, [0, 1] * 3, ("5", "6")),
    ],
)
def test_labels_of_any_form(label: Callable[[int], Any], numbers: list[int], classes: tuple[str, ...]) -> None:
    data = from_torch(Rows(label), renumber=True)
    assert data.y.tolist() == numbers
    assert data.classes == classes


@pytest.mark.parametrize(
    "label",
    [
        lambda i: None,
        lambda i: None if i == 3 else 1,
        lambda i: None if i == 3 else "cat",
        lambda i: float("nan") if i == 3 else 1.0,
        lambda i: 0.7,
        lambda i: torch.tensor(0.7),
        lambda i: torch.tensor([0.3, 0.7]),
        lambda i: {"boxes": 1},
        lambda i: ["cat", "dog"],
        lambda i: torch.ones(3),
        lambda i: "" if i == 3 else "cat",
        lambda i: 1 if i else "cat",
        lambda i: torch.eye(3)[i % 3] if i else 1,
        lambda i: -1 if i == 3 else 1 + i % 2,
    ],
)
def test_labels_that_are_missing_or_no_classes_are_refused(label: Callable[[int], Any]) -> None:
    with pytest.raises(DataError, match=r"[Ll]abel"):
        from_torch(Rows(label))


@pytest.mark.parametrize("size", [1, 3, 6])
def test_a_loader_of_batches_is_refused(size: int) -> None:
    loader = DataLoader(Rows(lambda i: i % 2), batch_size=size)
    with pytest.raises(DataError, match=r"loader\.dataset"):
        from_torch(loader)
    with pytest.raises(DataError, match="batch"):
        from_torch(list(loader))


@pytest.mark.parametrize("keys", [("image", "label"), ("pixel_values", "labels"), ("img", "target"), ("x", "y")])
def test_samples_may_be_mappings(keys: tuple[str, str]) -> None:
    samples = [{keys[0]: torch.zeros(1, 4, 4), keys[1]: i % 2, "path": "a"} for i in range(4)]
    data = from_torch(samples)
    assert data.y.tolist() == [0, 1, 0, 1]
    assert any("'path'" in each for each in data.assumptions)


def test_a_row_of_several_arrays_is_refused() -> None:
    for row in ((torch.zeros(2), torch.zeros(2)), [Image.new("L", (4, 4))] * 2, (np.zeros(2), torch.zeros(2))):
        with pytest.raises(DataError, match="one array or image"):
            from_torch([(row, 0)])
    assert from_torch([([1.0, 2.0], 0)]).x.tolist() == [[1, 2]]
    assert from_torch([(torch.zeros(1, 5), torch.tensor([0]))] * 2).y.tolist() == [0, 0]


def test_mappings_without_one_clear_row_and_label_are_refused() -> None:
    row = torch.zeros(1, 4, 4)
    for sample in ({"image": row}, {"image": row, "img": row, "label": 1}, {"pic": row, "species": 1}):
        with pytest.raises(DataError, match="parts"):
            from_torch([sample])
    assert from_torch([{"pic": row, "species": 0}], parts=("pic", "species")).y.tolist() == [0]


def test_three_parts_are_refused_unless_named() -> None:
    samples = [(torch.zeros(1, 4, 4), i % 2, i) for i in range(4)]
    with pytest.raises(DataError, match=r"3 parts.*parts="):
        from_torch(samples)
    assert from_torch(samples, parts=(0, 1)).y.tolist() == [0, 1, 0, 1]
    for wrong in ((0, 5), ("a", "b")):
        with pytest.raises(DataError, match="parts"):
            from_torch(samples, parts=wrong)


def endless() -> Iterator[tuple[torch.Tensor, int]]:
    while True:
        yield torch.zeros(2), 0
        yield torch.ones(2), 1


class Endless(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return endless()


class WithLength(Endless):
    def __len__(self) -> int:
        return 5

    def __iter__(self) -> Iterator[Any]:
        return (pair for pair, _ in zip(endless(), range(5), strict=False))


class NoLength(TorchDataset[Any]):
    def __getitem__(self, index: int) -> Any:
        return torch.zeros(2), index % 2


@pytest.mark.parametrize("make", [endless, Endless, NoLength])
def test_what_does_not_end_is_bounded(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antivenom.data.samples.MOST", 1000)
    with pytest.raises(DataError, match="limit"):
        from_torch(make())
    data = from_torch(make(), limit=7)
    assert len(data) == 7
    assert any("first 7" in each for each in data.assumptions)


def test_an_iterable_data_set_may_have_a_length() -> None:
    assert len(from_torch(WithLength())) == 5
    assert not from_torch(WithLength(), limit=5).assumptions


@pytest.mark.parametrize("wrong", [5, None, {"x": 1, "y": 2}, "text", (torch.zeros(4, 2), torch.zeros(4))])
def test_what_is_no_data_set_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError):
        from_torch(wrong)


class Named(Rows):
    classes = (("tench", "Tinca"), ("goldfish",))


class Indexed(Rows):
    class_to_idx: ClassVar = {"dog": 1, "cat": 0}


class Disagreeing(Indexed):
    classes = ("dog", "cat")


def test_class_names_of_torch_data_sets() -> None:
    def label(i: int) -> int:
        return i % 2

    assert from_torch(Named(label)).classes == ("tench, Tinca", "goldfish")
    assert from_torch(Indexed(label)).classes == ("cat", "dog")
    assert from_torch(Subset(Subset(Indexed(label), [1, 3, 5]), [0, 1])).classes == ("cat", "dog")
    assert from_torch(ConcatDataset([Indexed(label), Indexed(label)])).classes == ("cat", "dog")
    with pytest.raises(DataError, match="class_to_idx"):
        from_torch(Disagreeing(label))
    with pytest.raises(DataError, match="different classes"):
        from_torch(ConcatDataset([Indexed(label), Named(label)]))


RAMP = np.tile(np.linspace(0, 1, 64), (4, 1))


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(RAMP.astype(np.float32)),
        Image.fromarray((RAMP * 65535).astype(np.uint16)),
        Image.fromarray((RAMP * 65535).astype(np.int32)),
        Image.fromarray(np.round(RAMP * 255).astype(np.uint8)).convert("P"),
    ],
)
def test_pil_images_go_through_the_decoder(image: Image.Image) -> None:
    data = from_torch([(image, 0), (image, 1)])
    assert data.x.dtype == (torch.uint8 if image.mode == "P" else torch.float32)
    assert np.abs(data.inputs()[0, 0].numpy() - RAMP).max() <= (1 / 255 if image.mode == "P" else 2e-5)
    assert data.bounds == (0, 1)
    wide = from_torch([(image, 0), (image, 1), (Image.new("L", image.size), 1)], bounds=(-1, 1), mode="grey")
    assert np.abs(wide.inputs()[0, 0].numpy() - (RAMP * 2 - 1)).max() <= 2 / 255
    assert float(wide.inputs()[2].max()) == -1


def test_rows_that_do_not_match_are_refused() -> None:
    light, dark = torch.zeros(1, 4, 4), torch.zeros(1, 4, 4, dtype=torch.uint8)
    for rows in ([light, dark], [Image.new("L", (4, 4)), light], [light, Image.new("L", (4, 4))], ["a.png", "b.png"]):
        with pytest.raises(DataError, match=r"[Rr]ow"):
            from_torch([(row, 0) for row in rows])
    with pytest.raises(DataError, match="transparent"):
        from_torch([(Image.new("RGBA", (4, 4)), 0)])


def hugging(**columns: Any) -> Any:
    datasets = pytest.importorskip("datasets", reason="the extra 'dev' is not installed")
    features = columns.pop("features", None)
    return datasets.Dataset.from_dict(columns, features=features and datasets.Features(features(datasets)))


@pytest.mark.parametrize(
    ("labels", "names"),
    [([0, None, 1], None), (["a", None, "b"], None), ([0.5, 1, 2], None), ([0, -1, 1], ["no", "yes"])],
)
def test_hugging_face_labels_that_are_missing_are_refused(labels: list[Any], names: list[str] | None) -> None:
    made = hugging(
        a=[1.0, 2, 3],
        label=labels,
        features=names and (lambda d: {"a": d.Value("float32"), "label": d.ClassLabel(names=names)}),
    )
    with pytest.raises(DataError, match=r"[Ll]abel"):
        from_hugging_face(made, image=None)


def test_hugging_face_labels() -> None:
    for labels, classes in ((["x", "y", "x"], ("x", "y")), ([3, 5, 3], ("3", "5")), ([1.0, 0, 1], ("0", "1"))):
        made = from_hugging_face(hugging(a=[1.0, 2, 3], label=labels), image=None, renumber=True)
        assert made.classes == classes


@pytest.mark.parametrize("column", [[1.0, None, 3.0], ["1", "2", "3"], [[1, 2], [3, 4], [5, 6]], [1.0, np.nan, 2]])
def test_hugging_face_columns_without_numbers_are_refused(column: list[Any]) -> None:
    with pytest.raises(DataError, match="'b'"):
        from_hugging_face(hugging(a=[1.0, 2, 3], b=column, label=[0, 1, 0]), image=None)


def test_hugging_face_images_go_through_the_decoder() -> None:
    deep = Image.fromarray((RAMP * 65535).astype(np.uint16))
    made = hugging(image=[deep, deep], label=[0, 1], features=lambda d: {"image": d.Image(), "label": d.Value("int64")})
    data = from_hugging_face(made, mode="grey")
    assert np.abs(data.x[0, 0].numpy() - RAMP).max() <= 2e-5
    assert data.bounds == (0, 1)
    assert "65535" in data.assumptions[0]
    bytes_only = from_hugging_face(made.cast_column("image", made.features["image"].__class__(decode=False)))
    assert bytes_only.shape == (3, 4, 64)


def test_other_hugging_face_objects_have_a_message() -> None:
    datasets = pytest.importorskip("datasets", reason="the extra 'dev' is not installed")
    made = hugging(a=[1.0, 2, 3], label=[0, 1, 0])
    with pytest.raises(DataError, match=r"train.*test"):
        from_hugging_face(datasets.DatasetDict(train=made, test=made), image=None)
    with pytest.raises(DataError, match="stream"):
        from_hugging_face(made.to_iterable_dataset(), image=None)
    with pytest.raises(DataError, match="'species'"):
        from_hugging_face(hugging(a=[1.0, 2], species=["a", "b"]), image=None)


GREY = [Image.fromarray(np.full((4, 64), 20 * number, np.uint8)) for number in range(6)]


def grey_images() -> Any:
    return hugging(image=GREY, label=[0, 1] * 3, features=lambda d: {"image": d.Image(), "label": d.Value("int64")})


@pytest.mark.parametrize("kind", ["torch", "numpy"])
def test_the_format_of_a_hugging_face_data_set_does_not_matter(kind: str) -> None:
    plain = from_hugging_face(grey_images(), mode="grey")
    formatted = from_hugging_face(grey_images().with_format(kind), mode="grey")
    assert torch.equal(plain.x, formatted.x)
    assert (plain.bounds, plain.assumptions) == (formatted.bounds, formatted.assumptions)


@pytest.mark.parametrize("kind", [None, "numpy", "torch"])
def test_hugging_face_columns_of_arrays_are_rows(kind: str | None) -> None:
    pixels = [np.asarray(image) for image in GREY]
    typed = hugging(
        image=pixels,
        label=[0, 1] * 3,
        features=lambda d: {"image": d.Array2D((4, 64), "uint8"), "label": d.Value("int64")},
    )
    data = from_hugging_face(typed.with_format(kind))
    assert (data.x.dtype, data.shape, data.bounds) == (torch.uint8, (1, 4, 64), (0, 1))
    assert torch.equal(data.x, from_hugging_face(grey_images(), mode="grey").x)
    assert "The column 'image' has arrays of the shape (4, 64)" in data.assumptions[0]
    lists = hugging(rows=[[1.0, 2.0], [3.0, 4.0]], label=[0, 1]).with_format(kind)
    assert from_hugging_face(lists, image="rows", bounds=(0, 5)).x.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(DataError, match="mode can only be set for images; the column 'rows' has arrays"):
        from_hugging_face(lists, image="rows", mode="grey")
    with pytest.raises(DataError, match=r"'rows' has lists \(pass image='rows' if they are the rows\)"):
        from_hugging_face(lists, image=None)


def test_a_column_of_rows_with_another_name_is_named() -> None:
    with pytest.raises(DataError, match=r"Its columns are: picture, label\. Pass image='picture' if it contains"):
        from_hugging_face(grey_images().rename_column("image", "picture"))
    with pytest.raises(DataError, match=r"Pass image='pixel_values' if it contains the rows"):
        from_hugging_face(hugging(pixel_values=[[1], [2]], label=[0, 1]))


def test_images_of_hugging_face_are_scaled_to_bounds() -> None:
    assert from_hugging_face(grey_images(), bounds=(-1, 1)).inputs().min() == -1


def test_grey_images_as_three_channels_are_an_assumption() -> None:
    note = "6 images in grey, and none in colour, so the three channels of the rows are equal. Set mode to grey for one"
    assert note in from_hugging_face(grey_images()).assumptions[0]
    assert not from_hugging_face(grey_images(), mode="grey").assumptions
    mixed = hugging(
        image=[*GREY[:5], Image.new("RGB", (64, 4), "red")],
        label=[0, 1] * 3,
        features=lambda d: {"image": d.Image(), "label": d.Value("int64")},
    )
    assert not from_hugging_face(mixed).assumptions
