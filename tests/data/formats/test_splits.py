"""Folders of a training set and of a test set, by their names."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from antivenom.data.sources.folder import Folder
from antivenom.errors import DataError, SettingsError


def write(root: Path, *folders: str, images: int = 4) -> Path:
    for place, folder in enumerate(folders):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(images):
            Image.fromarray(np.full((8, 8, 3), 10 * place + number, np.uint8)).save(root / folder / f"{number}.png")
    return root


def both(*parts: str) -> list[str]:
    return [f"{part}/{name}" for part in parts for name in ("cat", "dog")]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Train", "Test"),
        ("TRAIN", "TEST"),
        ("Training", "Testing"),
        ("training_set", "test_set"),
        ("train_images", "test_images"),
        ("trainset", "testset"),
        ("train-data", "test-data"),
        ("images.train", "images.test"),
        ("TrainImages", "TestImages"),
        ("train2017", "val2017"),
        ("mnist_train", "mnist_test"),
        ("train", "dev"),
        ("Train", "Validation"),
    ],
)
def test_names_of_splits_are_recognised(tmp_path: Path, train: str, test: str) -> None:
    splits = Folder(path=str(write(tmp_path, *both(train, test)))).load()
    assert splits.train.classes == ("cat", "dog")
    assert (len(splits.train), len(splits.test)) == (8, 8)
    assert splits.train.x.max() == 13
    assert splits.test.x.min() == 20
    sentence = " ".join(splits.train.assumptions)
    assert all(f"'{name}'" in sentence for name in (train, test))
    assert "splits" in sentence


def test_train_and_test_need_no_word(tmp_path: Path) -> None:
    assert Folder(path=str(write(tmp_path, *both("train", "test")))).load().train.assumptions == ()


@pytest.mark.parametrize("valid", ["valid", "val", "Dev"])
def test_of_three_splits_the_validation_is_left_out_with_a_word(tmp_path: Path, valid: str) -> None:
    source = Folder(path=str(write(tmp_path, *both("train", "test", valid))))
    splits = source.load()
    assert sorted(splits.test.x.unique().tolist()) == [20, 21, 22, 23, 30, 31, 32, 33]
    assert len(source.row_names()) == len(splits.train)
    assert any(f"'{valid}'" in each and "8 images" in each for each in splits.train.assumptions)
    other = Folder(path=str(tmp_path), splits=("train", valid)).load()
    assert other.test.x.min() == 40


@pytest.mark.parametrize(
    "folders",
    [
        ["train", "cat", "dog"],
        ["train/cat", "train/dog", "cat"],
        both("train", "extra"),
        both("train", "training", "test"),
        both("test", "testing"),
        both("test", "val"),
        both("train"),
        both("Test"),
        ["train", "test"],
        ["cat/train", "cat/test", "dog/train", "dog/test"],
        ["train/images", "test/images"],
        both("one", "two"),
        both("site_a", "site_b", "site_c"),
        both("Entrenamiento", "Prueba"),
        [*both("seg_train", "seg_test"), "seg_pred"],
        [*both("seg_train/seg_train", "seg_test/seg_test"), "seg_pred/seg_pred"],
    ],
)
def test_what_can_be_splits_or_classes_is_refused(tmp_path: Path, folders: list[str]) -> None:
    with pytest.raises(DataError, match=r"splits|Put|Add") as caught:
        Folder(path=str(write(tmp_path, *folders))).load()
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("train", "test"),
    [("train/images", "test/images"), ("seg_train/seg_train", "seg_test/seg_test"), ("my/Train/all", "my/Test/all")],
)
def test_a_folder_between_split_and_classes_is_skipped(tmp_path: Path, train: str, test: str) -> None:
    splits = Folder(path=str(write(tmp_path, *both(train, test)))).load()
    assert splits.train.classes == ("cat", "dog")
    assert any("inside" in each for each in splits.train.assumptions)


def test_the_setting_splits_decides(tmp_path: Path) -> None:
    write(tmp_path / "vehicles", "train", "bus", "car")
    assert Folder(path=str(tmp_path / "vehicles"), splits=()).load().train.classes == ("bus", "car", "train")
    write(tmp_path / "mine", *both("one", "two", "train"))
    splits = Folder(path=str(tmp_path / "mine"), splits=("two", "one")).load()
    assert splits.train.x.min() == 20
    assert any("'train'" in each for each in splits.train.assumptions)
    with pytest.raises(DataError, match="no folder 'three'"):
        Folder(path=str(tmp_path / "mine"), splits=("three", "one")).load()
    with pytest.raises(SettingsError, match="splits"):
        Folder(path=str(tmp_path), splits=("one",))


@pytest.mark.parametrize("name", ["train_station", "testament", "development", "value", "training wheels", "90-train"])
def test_a_class_with_a_similar_name_is_a_class(tmp_path: Path, name: str) -> None:
    assert Folder(path=str(write(tmp_path, name, "cat"))).load().train.classes == tuple(sorted((name, "cat")))


def test_files_of_systems_are_ignored(tmp_path: Path) -> None:
    write(tmp_path, *both("train", "test"), "__MACOSX/train/cat", "@eaDir")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "train/Thumbs.db").write_bytes(b"x")
    splits = Folder(path=str(tmp_path)).load()
    assert (splits.train.classes, len(splits.train)) == (("cat", "dog"), 8)
    assert splits.train.assumptions == ()


@pytest.mark.parametrize("ending", [".heic", ".avif", ".npy"])
def test_images_of_other_formats_are_left_out_with_a_word(tmp_path: Path, ending: str) -> None:
    write(tmp_path, "cat", "dog")
    for number in range(3):
        (tmp_path / f"cat/{number}{ending}").write_bytes(b"x")
    (tmp_path / "cat/readme.txt").write_bytes(b"x")
    assert any(f"3 files {ending}" in each for each in Folder(path=str(tmp_path)).load().train.assumptions)


def test_subfolders_of_classes_get_a_word(tmp_path: Path) -> None:
    data = Folder(path=str(write(tmp_path, "cat/persian", "cat/siamese", "dog"))).load().train
    assert data.classes == ("cat", "dog")
    assert "8 images" in data.assumptions[0]


@pytest.mark.parametrize("other", ["Cat", "cat ", "unknown"])
def test_other_classes_in_the_test_set_are_refused_by_name(tmp_path: Path, other: str) -> None:
    write(tmp_path, *both("train"), f"test/{other}", "test/dog")
    with pytest.raises(DataError, match=f"'{other}'"):
        Folder(path=str(tmp_path)).load()


@pytest.mark.parametrize("other", ["CAT", "cat ", "Cat "])
def test_classes_that_differ_only_in_capitals_or_blanks_get_a_word(tmp_path: Path, other: str) -> None:
    data = Folder(path=str(write(tmp_path, "cat", other, "dog"))).load().train
    assert any(
        f"{other!r} and 'cat' are different" in each or f"'cat' and {other!r}" in each for each in data.assumptions
    )


def test_a_class_without_test_images_gets_a_word(tmp_path: Path) -> None:
    data = Folder(path=str(write(tmp_path, *both("train"), "train/owl", *both("test")))).load().train
    assert data.classes == ("cat", "dog", "owl")
    assert any("'owl'" in each for each in data.assumptions)


@pytest.mark.parametrize("inner", ["Training/Training", "Training/copy", "Testing/Testing", "Testing/test"])
def test_a_copy_of_the_classes_inside_a_split_is_refused(inner: str, tmp_path: Path) -> None:
    source = Folder(path=str(write(tmp_path, *both("Training", "Testing", inner))))
    name = inner.partition("/")[2]
    with pytest.raises(DataError, match=rf"folders of classes inside '{name}'.* as a copy of them is\. Remove it"):
        source.load()
    named = Folder(path=str(tmp_path), splits=("Training", "Testing"))
    with pytest.raises(DataError, match="as a copy of them is"):
        named.load()


def test_a_class_with_the_name_of_a_split_is_read_if_both_splits_have_it(tmp_path: Path) -> None:
    write(tmp_path, *both("Training", "Testing"), "Training/train")
    with pytest.raises(DataError, match="contains the folder 'train', which has the name of a split"):
        Folder(path=str(tmp_path)).load()
    write(tmp_path, "Testing/train")
    assert Folder(path=str(tmp_path)).load().train.classes == ("cat", "dog", "train")
