"""Arrays in .npz files, from friends and from strangers."""

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from antivenom.data.formats import npz
from antivenom.data.sources.npz import Npz
from antivenom.errors import DataError, MissingDataError
from antivenom.storage.keys import bytes_of
from tests.helpers.data_files import mutilate

FILE_EACH_TIME = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
"""The folder is shared between examples on purpose: each writes its file anew."""


PLAIN = st.one_of(
    arrays.integer_dtypes(endianness="?"),
    arrays.unsigned_integer_dtypes(endianness="?"),
    arrays.floating_dtypes(endianness="?"),
    arrays.boolean_dtypes(),
    arrays.unicode_string_dtypes(max_len=4),
)


def header(text: str, version: bytes = b"\1\0") -> bytes:
    raw = text.encode("latin1") + b"\n"
    return b"\x93NUMPY" + version + len(raw).to_bytes(2 if version[0] == 1 else 4, "little") + raw


def described(shape: str, descr: str = "'<f4'", order: str = "False") -> bytes:
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}")


def archive(file: Path, method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    with zipfile.ZipFile(file, "w", method) as out:
        for name, content in members.items():
            out.writestr(f"{name}.npy", content)
    return file


def saved(**members: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **members)
    return buffer.getvalue()


@given(
    arrays.arrays(PLAIN, arrays.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4)),
    st.booleans(),
    st.booleans(),
)
@FILE_EACH_TIME
def test_what_numpy_wrote_is_read(tmp_path: Path, array: np.ndarray, packed: bool, fortran: bool) -> None:
    file = tmp_path / "some.npz"
    array = np.asfortranarray(array) if fortran else array
    (np.savez_compressed if packed else np.savez)(file, x=array, other=1)
    read = npz.read(file, ["x"], ["absent"])
    assert list(read) == ["x"]
    assert (read["x"].dtype, read["x"].shape) == (array.dtype, array.shape)
    assert read["x"].tobytes() == array.tobytes()


def test_a_header_of_the_second_version_is_read(tmp_path: Path) -> None:
    text = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,)}"
    file = archive(tmp_path / "a.npz", x=header(text, b"\2\0") + b"\1\0\2\0")
    assert npz.read(file, ["x"])["x"].tolist() == [1, 2]


WRONG = {
    "objects": described("(1,)", "'|O'") + b"\0" * 8,
    "a pickle": described("(1,)", "'|O'") + b"cos\nsystem\n(S'true'\ntR.",
    "a structure": described("(1,)", "[('a', '<f4'), ('b', '|O')]") + b"\0" * 12,
    "rows within a type": described("(2,)", "('<f4', (2,))") + b"\0" * 16,
    "complex numbers": described("(1,)", "'<c8'") + b"\0" * 8,
    "dates": described("(1,)", "'<M8[D]'") + b"\0" * 8,
    "raw bytes": described("(1,)", "'|V8'") + b"\0" * 8,
    "a type that there is not": described("(1,)", "'<f3'") + b"\0" * 3,
    "a type without end": described("(1,)", "'<U99999999999999999999'"),
    "a type of no bytes": described("(1000000000000,)", "'<U0'"),
    "no type": described("(1,)", "None") + b"\0" * 8,
    "too few bytes": described("(3,)") + b"\0" * 11,
    "too many bytes": described("(3,)") + b"\0" * 13,
    "two gigabytes that are not there": described("(536870912,)") + b"\0" * 8,
    "more than all memory": described("(2147483647, 2147483647, 2147483647)") + b"\0" * 8,
    "a negative side": described("(-1,)") + b"\0" * 8,
    "two negative sides": described("(-1, -2)") + b"\0" * 8,
    "a true side": described("(True,)") + b"\0" * 4,
    "a broken side": described("(1.5,)") + b"\0" * 4,
    "no tuple": described("2") + b"\0" * 8,
    "too many dimensions": described("(" + "1," * 100 + ")") + b"\0" * 4,
    "no rows of endless length": described("(0, 99999999999999999999)"),
    "an unfinished header": header("{'descr': '<f4', 'shape': ("),
    "a header that is an expression": header("__import__('os').abort()"),
    "a deep header": header("(" * 4000),
    "a header of minuses": header("-" * 9000 + "1"),
    "a header that is a list": header("[1, 2]"),
    "keys that are no text": header("{1: 2, 'descr': '<f4', (): 3}"),
    "an unhashable key": header("{[]: 1}"),
    "Python 2": header("{'descr': '<f4', 'fortran_order': False, 'shape': (2L,)}") + b"\0" * 8,
    "no magic number": b"NUMPY" + b"\0" * 80,
    "nothing": b"",
    "half a length": b"\x93NUMPY\1\0\5",
    "a future version": header("{}", b"\x09\0"),
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_array_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    file = archive(tmp_path / "some.npz", x=content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            npz.read(file, ["x"])
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
    assert f"{file}: array 'x' " in str(caught.value)


def test_an_array_of_objects_is_refused_whoever_wrote_it(tmp_path: Path) -> None:
    file = tmp_path / "some.npz"
    np.savez(file, x=np.array([{"a": 1}], dtype=object), y=[1])
    with pytest.raises(DataError, match=r"Python objects, which could run code.*for labels of text, y\.astype\(str\)"):
        npz.read(file, ["x"])
    assert npz.read(file, ["y"])["y"].tolist() == [1]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_without_a_bound_on_its_ratio_is_refused(tmp_path: Path, method: int) -> None:
    file = archive(tmp_path / "some.npz", method, x=described("(8388608,)") + bytes(1 << 25))
    assert file.stat().st_size < 1 << 16
    with pytest.raises(DataError, match="must be stored or deflated"):
        npz.read(file, ["x"])


def lie(file: Path, **sizes: int) -> None:
    """Write other sizes into the ZIP's directory."""
    raw = bytearray(file.read_bytes())
    entry = raw.index(b"PK\1\2")
    for name, offset in (("packed", 20), ("unpacked", 24)):
        if name in sizes:
            raw[entry + offset : entry + offset + 4] = struct.pack("<I", sizes[name])
    file.write_bytes(raw)


@pytest.mark.parametrize(
    "sizes",
    [{"unpacked": 2**31 + 128}, {"unpacked": 2**31 + 128, "packed": 2**31}, {"packed": 2**31}, {"packed": 0}],
)
def test_a_directory_that_lies_costs_no_memory(tmp_path: Path, sizes: dict[str, int]) -> None:
    head = described("(536870912,)".ljust(70))
    file = archive(tmp_path / "some.npz", x=head.ljust(128, b"\n") + bytes(4000))
    lie(file, **sizes)
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            npz.read(file, ["x"])
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


@given(st.data())
@FILE_EACH_TIME
def test_a_mutilated_file_gives_arrays_or_one_error(tmp_path: Path, draw: st.DataObject) -> None:
    broken = bytearray(saved(x=np.arange(12.0).reshape(3, 4), y=np.arange(3), classes=np.array(["a", "b", "c"])))
    mutilate(broken, draw)
    file = tmp_path / "some.npz"
    file.write_bytes(broken)
    try:
        Npz(path=str(file)).load()
    except DataError as error:
        assert str(file) in str(error)


@given(st.binary(max_size=80))
@example(b"")
@example(b"PK\5\6" + b"\0" * 18)
@example(b"PK\5\6" + b"\xff" * 18)
@FILE_EACH_TIME
def test_noise_is_refused(tmp_path: Path, noise: bytes) -> None:
    file = tmp_path / "some.npz"
    file.write_bytes(noise)
    with pytest.raises(DataError, match=r"some\.npz"):
        npz.read(file, ["x"])


@given(st.integers(0, 200), st.text("{}()[]'\",:-1<f4OLTrue#\\ \n", max_size=40))
@FILE_EACH_TIME
def test_a_header_of_noise_gives_an_array_or_one_error(tmp_path: Path, size: int, noise: str) -> None:
    file = archive(tmp_path / "some.npz", x=header(noise) + bytes(size))
    with pytest.raises(DataError, match="damaged header"):
        npz.read(file, ["x"])


def test_what_is_missing_is_named_and_what_is_there_too(tmp_path: Path) -> None:
    file = tmp_path / "some.npz"
    np.savez(file, images=[1], labels=[2])
    with pytest.raises(DataError, match=r"has no array 'x' and 'y'\. Its arrays are: images, labels"):
        npz.read(file, ["x", "y"])
    with pytest.raises(DataError, match="is missing"):
        npz.read(tmp_path / "absent.npz", ["x"])
    with pytest.raises(DataError):
        npz.read(tmp_path, ["x"])
    with pytest.raises(MissingDataError, match=r"absent\.npz is missing"):
        bytes_of(Npz(path=str(tmp_path / "absent.npz")).files())
