"""Folders of images, and their zip files."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from antivenom.data.sources.cifar10 import CLASSES
from antivenom.data.sources.folder import Folder
from antivenom.errors import DataError
from tests.helpers.data_files import (
    ROWS,
    some,
    write_folder,
)


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


def test_images_with_16_bits_keep_their_values(tmp_path: Path) -> None:
    values = np.arange(64, dtype=np.uint16).reshape(8, 8) * 3
    values[0, 0] = 65535
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(values).save(tmp_path / name)
    data = Folder(path=str(tmp_path)).load().train
    assert data.bounds == (0, 1)
    assert np.array_equal(np.round(data.inputs()[0, 2].numpy() * 65535), values)
    assert any("8 bits cannot hold" in note for note in data.assumptions)


def classes_in(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (4, 4), 9).save(root / name / f"{number}.png")


@pytest.mark.parametrize("inside", ["", "train/"])
@pytest.mark.parametrize("content", ["", "a.heic", "notes.txt", "deeper/a.heic", ".hidden.png"])
def test_a_class_folder_without_images_is_refused(tmp_path: Path, inside: str, content: str) -> None:
    root = tmp_path / "mine"
    classes_in(root, f"{inside}cat", f"{inside}emu", *(["test/cat"] if inside else []))
    empty = root / f"{inside}dog"
    (empty / content).parent.mkdir(parents=True, exist_ok=True)
    if content:
        (empty / content).write_text("")
    else:
        empty.mkdir()
    seen = (
        rf"'{inside}dog'{r' .1 files .heic.' if 'heic' in content else ''}\. .*remove these folders, or set empty_fol"
    )
    for path in (root, zipped(root)):
        with pytest.raises(DataError, match=seen):
            Folder(path=str(path)).load()
        data = Folder(path=str(path), empty_folders="ignore").load().train
        assert data.classes == ("cat", "emu")
        assert any("Folders without images are not classes: " in note for note in data.assumptions)


def test_folders_elsewhere_may_be_empty(tmp_path: Path) -> None:
    classes_in(tmp_path, "train/cat", "train/dog", "test/cat")
    for name in ("notes", "test/dog", "train/cat/more", "__MACOSX/fox", ".git"):
        (tmp_path / name).mkdir(parents=True)
    assert Folder(path=str(tmp_path)).load().train.classes == ("cat", "dog")
