"""MNIST's files, from friends and from strangers."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antivenom.data.formats import idx
from antivenom.errors import DataError
from antivenom.rng import Rng
from tests.helpers.data_files import idx_bytes, mutilate

LARGE = 2**31
FILE_EACH_TIME = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
"""The folder is shared between examples on purpose: each writes its file anew."""


def claim(*shape: int) -> bytes:
    return b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def images(rows: int, seed: int = 0) -> np.ndarray:
    return Rng(seed).child("images").numpy().integers(0, 256, (rows, 4, 5), dtype=np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some-idx"


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.booleans())
@FILE_EACH_TIME
def test_what_was_written_is_read(tmp_path: Path, shape: list[int], packed: bool) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    file = tmp_path / ("some.gz" if packed else "some")
    file.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    read = idx.read(file)
    assert read.dtype == torch.uint8
    assert np.array_equal(read.numpy(), array)


WRONG = {
    "nothing": b"",
    "half a magic number": b"\0\0\x08",
    "another type": b"\0\0\x0d\1" + struct.pack(">I", 0),
    "no dimensions": b"\0\0\x08\0",
    "five dimensions": claim(1, 1, 1, 1, 1) + b"x",
    "half a header": claim(2, 2)[:9],
    "too short": claim(2, 2) + b"abc",
    "too long": claim(2, 2) + b"abcde",
    "no dimensions to speak of": claim(0) + b"a",
    "two gigabytes that are not there": claim(LARGE) + b"abc",
    "all that 32 bits can say": claim(*[2**32 - 1] * 4) + b"abc",
    "a NumPy file": b"\x93NUMPY\x01\x00",
    "a gzip file without the ending": gzip.compress(claim(1) + b"a"),
}


@pytest.mark.parametrize("written", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("packed", [False, True])
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, written: bytes, packed: bool) -> None:
    file = tmp_path / ("some.gz" if packed else "some")
    file.write_bytes(gzip.compress(written) if packed else written)
    with pytest.raises(DataError) as caught:
        idx.read(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(0,), (0, 4), (4, 0), (2**32 - 1, 0)])
def test_no_bytes_are_an_array_too(file: Path, shape: tuple[int, ...]) -> None:
    file.write_bytes(claim(*shape))
    assert tuple(idx.read(file).shape) == shape


def test_no_bytes_of_a_shape_that_no_tensor_can_have_are_refused(file: Path) -> None:
    file.write_bytes(claim(0, 2**32 - 1, 2**32 - 1))
    with pytest.raises(DataError, match="cannot have the shape"):
        idx.read(file)


@pytest.mark.parametrize(
    "written",
    [claim(LARGE), claim(LARGE, 3), claim(2**32 - 1, 2**32 - 1)],
)
def test_a_header_that_lies_costs_no_memory(file: Path, written: bytes) -> None:
    file.write_bytes(written + bytes(1000))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="ends before"):
            idx.read(file)
        assert tracemalloc.get_traced_memory()[1] < 4 * idx.CHUNK
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_left_after_the_bytes_that_its_header_promises(tmp_path: Path) -> None:
    file = tmp_path / "bomb.gz"
    file.write_bytes(gzip.compress(claim(10) + bytes(1 << 26)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="continues after"):
            idx.read(file)
        assert tracemalloc.get_traced_memory()[1] < 4 * idx.CHUNK
    finally:
        tracemalloc.stop()


@given(st.data(), st.booleans())
@FILE_EACH_TIME
def test_a_mutilated_file_gives_an_array_or_one_error(tmp_path: Path, draw: st.DataObject, packed: bool) -> None:
    raw = idx_bytes(images(3))
    broken = bytearray(gzip.compress(raw) if packed else raw)
    mutilate(broken, draw)
    file = tmp_path / ("some.gz" if packed else "some")
    file.write_bytes(broken)
    try:
        assert idx.read(file).dtype == torch.uint8
    except DataError as error:
        assert str(file) in str(error)


@given(st.binary(max_size=64), st.booleans())
@FILE_EACH_TIME
def test_noise_gives_an_array_or_one_error(tmp_path: Path, noise: bytes, packed: bool) -> None:
    file = tmp_path / ("some.gz" if packed else "some")
    file.write_bytes(noise)
    try:
        idx.read(file)
    except DataError as error:
        assert str(file) in str(error)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be a regular file; got a folder"):
        idx.read(tmp_path)
