"""Files from strangers: antivenom's own error, the file's name, little memory, and nothing outside the folder."""

import os
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from antivenom.data.formats import cifar, images, plain_pickle, recordio
from antivenom.data.formats.findings import Findings
from antivenom.data.formats.tree import Tree
from antivenom.data.sources.folder import Folder
from antivenom.data.sources.parquet import Parquet
from antivenom.errors import AntivenomError, DataError
from tests.helpers.data_files import binary, parquet_of, png, some

FILE_EACH_TIME = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Runs:
    """What a hostile pickle is made of."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/this-must-not-be",)


def deep(levels: int) -> bytes:
    return b"\x80\x04" + b")" + b"\x85" * levels + b"."


HOSTILE_PICKLES = {
    "a call": (pickle.dumps({"data": Runs()}), "system"),
    "a call by name, protocol 0": (b"cos\nsystem\n(S'ls'\ntR.", "os.system"),
    "a builtin": (b"cbuiltins\neval\n(S'1'\ntR.", "builtins.eval"),
    "an array of objects": (pickle.dumps(np.array([Runs(), 1], dtype=object)), "it"),
    "an array of floats": (pickle.dumps(np.zeros(3)), "not u1"),
    "a huge length": (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b"x.", "."),
    "a huge memo": (b"\x80\x04Nr\xff\xff\xff\xff0.", "POP"),
    "a huge shape": (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R\x89U\x01xtb.",
        "bytes",
    ),
    "tuples in tuples as a key": (b"\x80\x04}" + b")" + b"\x85" * 20_000 + b"Ns.", "a key must be"),
    "an extension": (b"\x80\x02\x82\x01.", "EXT1"),
    "a persistent id": (b"Pabc\n.", "PERSID"),
    "an object": (b"(cos\nPathLike\no.", "os.PathLike"),
    "nothing": (b"", "."),
    "only a stop": (b".", "."),
    "two results": (b"NN.", "."),
    "a name alone": (b"cnumpy\nndarray\n.", "name"),
}


@pytest.mark.parametrize("name", HOSTILE_PICKLES)
def test_a_pickle_runs_nothing_and_asks_for_nothing(tmp_path: Path, name: str) -> None:
    content, message = HOSTILE_PICKLES[name]
    (tmp_path / "data_batch_1").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(DataError, match=message) as caught:
        cifar.read_python(tmp_path / "data_batch_1", "labels")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "data_batch_1" in str(caught.value)
    assert peak < 8_000_000
    assert not Path("/tmp/this-must-not-be").exists()


@pytest.mark.slow
def test_deep_pickles_do_not_crash() -> None:
    assert isinstance(plain_pickle.parse(deep(100_000), "it"), tuple)


def test_a_pickle_of_too_many_steps_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_pickle, "MAX_STEPS", 100)
    with pytest.raises(DataError, match="more than 100 steps"):
        plain_pickle.parse(b"(" + b"]" * 200 + b"l.", "it")


def test_a_cyclic_pickle_is_no_label(tmp_path: Path) -> None:
    loop: list[object] = []
    loop.append(loop)
    x = some()[0]
    (tmp_path / "one").write_bytes(pickle.dumps({"data": x.reshape(len(x), -1), "labels": loop * len(x)}))
    with pytest.raises(DataError, match="whole numbers, one per row"):
        cifar.read_python(tmp_path / "one", "labels")


@pytest.mark.parametrize("size", [1, 3072, 3074, 3073 * 2 + 5, 0])
def test_a_binary_file_ends_with_a_record(tmp_path: Path, size: int) -> None:
    (tmp_path / "one.bin").write_bytes(bytes(size))
    with pytest.raises(DataError, match=f"one.bin must consist of records .* its size is {size}"):
        cifar.read_binary(tmp_path / "one.bin")


HEAD = recordio.MAGIC
RECORDS = {
    "another magic": (b"abcdefgh", "at offset 0"),
    "half a header": (HEAD + b"\0", "at offset 0"),
    "a length that is not there": (HEAD + struct.pack("<I", (1 << 29) - 1) + b"x", "before the 536870911 bytes"),
    "too short for a header": (HEAD + struct.pack("<I", 4) + b"abcd", "shorter than a header"),
    "labels that are not there": (
        HEAD + struct.pack("<I", 24) + struct.pack("<IfQQ", 1 << 31, 0, 0, 0),
        "declares 2147483648 labels",
    ),
    "a middle without a beginning": (HEAD + struct.pack("<I", 2 << 29), "out of order"),
    "a beginning without an end": (HEAD + struct.pack("<I", 1 << 29), "in the middle of the record"),
    "an unknown continuation": (HEAD + struct.pack("<I", 7 << 29), "out of order"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_says_where_it_is_wrong(tmp_path: Path, name: str) -> None:
    content, message = RECORDS[name]
    (tmp_path / "one.rec").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        list(recordio.read(tmp_path / "one.rec"))
    assert "one.rec" in str(caught.value)


def bomb() -> bytes:
    """A small PNG that claims 60,000 × 60,000 pixels."""
    content = bytearray(png(some()[0][0]))
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    return bytes(content)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", bomb(), png(some()[0][0])[:200], b"%PDF-1.4", b"\0" * 500]
)
def test_an_image_is_one_or_is_refused(content: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(DataError, match="some place"):
        images.Canvas().decode(content, "some place", Findings())
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def folder_of(root: Path) -> Path:
    for name in ("a/1.png", "b/1.png", "a/2.png", "b/2.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(png(some()[0][0]))
    return root


def link_out(root: Path) -> None:
    (root.parent / "secret.png").write_bytes(png(some()[0][0]))
    (root / "a/3.png").symlink_to(root.parent / "secret.png")


def link_folder(root: Path) -> None:
    (root / "c").symlink_to(root / "a")


def link_cycle(root: Path) -> None:
    (root / "a/3.png").symlink_to(root / "a/3.png")


def pipe(root: Path) -> None:
    os.mkfifo(root / "a/3.png")


def at_the_top(root: Path) -> None:
    (root / "3.png").write_bytes(png(some()[0][0]))


def damaged(root: Path) -> None:
    (root / "b/2.png").write_bytes(b"no image")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (link_out, "leads out of"),
        (link_folder, "must not be a link to a folder"),
        (link_cycle, "leads out of|not a regular file"),
        (pipe, "not a regular file"),
        (at_the_top, "not in a class folder"),
        (damaged, "b/2.png is not an image"),
    ],
)
def test_a_folder_is_read_from_within(tmp_path: Path, spoil: Callable[[Path], None], message: str) -> None:
    root = folder_of(tmp_path / "mine")
    assert len(Folder(path=str(root)).load().train) == 3
    spoil(root)
    with pytest.raises(DataError, match=message):
        Folder(path=str(root)).load()


def test_an_empty_folder_holds_no_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no images"):
        Folder(path=str(tmp_path)).load()


def zipped(members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def black() -> bytes:
    stream = BytesIO()
    Image.new("RGB", (3000, 3000)).save(stream, "BMP")
    return stream.getvalue()


GOOD = png(some()[0][0])
ARCHIVES = {
    "a path that leads out": (zipped({"a/1.png": GOOD, "../../b/1.png": GOOD}), "leads out of the ZIP"),
    "a path from the root": (zipped({"a/1.png": GOOD, "/b/1.png": GOOD}), "leads out of the ZIP"),
    "a path with backslashes": (zipped({"a/1.png": GOOD, "b\\..\\1.png": GOOD}), "leads out of the ZIP|not in a class"),
    "a bomb": (zipped({"a/1.bmp": black(), "b/1.bmp": black()}), "unpacked from only"),
    "no ZIP file": (b"something", "not a folder or a ZIP file"),
    "half of one": (zipped({"a/1.png": GOOD})[:-30], "not a folder or a ZIP file"),
    "nothing in it": (zipped({}), "has no images"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_zip_file_writes_nowhere_and_is_no_bomb(tmp_path: Path, name: str) -> None:
    content, message = ARCHIVES[name]
    (tmp_path / "mine.zip").write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        Folder(path=str(tmp_path / "mine.zip")).load()
    assert "mine.zip" in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.zip"]


def test_a_parquet_file_is_no_bomb(tmp_path: Path) -> None:
    rows = 1_000
    content = parquet_of(image=[bytes(100_000)] * rows, label=[0] * rows)
    assert len(content) < 1_000_000
    (tmp_path / "mine.parquet").write_bytes(content)
    with pytest.raises(DataError, match="unpack"):
        Parquet(path=str(tmp_path / "mine.parquet")).load()


def valid() -> dict[str, bytes]:
    x, y = some(rows=2)
    record = recordio.Record((1.0, 2.0), (0, 0), png(x[0]), 0)
    return {
        "pickle": pickle.dumps({"data": x.reshape(2, -1), "labels": y.tolist()}, 2),
        "binary": binary(x[:, :, :4, :4].repeat(8, 2).repeat(8, 3), y),
        "recordio": recordio.write(iter([record])),
        "zip": zipped({"a/1.png": GOOD, "b/1.png": GOOD}),
        "image": GOOD,
        "parquet": parquet_of(image=[GOOD, GOOD], label=[0, 1]),
    }


def read(kind: str, file: Path) -> None:
    if kind == "pickle":
        cifar.read_python(file, "labels")
    elif kind == "binary":
        cifar.read_binary(file)
    elif kind == "recordio":
        list(recordio.read(file))
    elif kind == "zip":
        Folder(path=str(file)).load()
    elif kind == "image":
        images.Canvas().decode(file.read_bytes(), "it", Findings())
    else:
        Parquet(path=str(file)).load()


@pytest.mark.parametrize("kind", valid())
@given(data=st.data())
@FILE_EACH_TIME
def test_any_damage_is_antivenoms_own_error(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    content = bytearray(valid()[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(1, 8))] = data.draw(st.binary(max_size=8))
    file = tmp_path / f"some.{'zip' if kind == 'zip' else 'file'}"
    file.write_bytes(content)
    with suppress(AntivenomError):
        read(kind, file)


def test_a_tree_closes_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.zip").write_bytes(zipped({"a/1.png": GOOD, "b/1.png": GOOD}))
    with Tree(tmp_path / "mine.zip") as tree:
        assert tree.content(tree.leaves[0]) == GOOD
    with pytest.raises(DataError):
        tree.content(tree.leaves[0])
