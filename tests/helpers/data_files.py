"""Files of data sets, as others write them: CIFAR's layouts, folders of images, Parquet and IDX."""

import pickle
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from antivenom.data.formats import images, recordio
from antivenom.data.sources.cifar10 import CLASSES
from antivenom.rng import Rng

ROWS = 12


def some(seed: int = 0, rows: int = ROWS, classes: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 3, 32, 32) and labels in the alphabet's order, as a folder gives them back."""
    rng = Rng(seed).child("images").numpy()
    return rng.integers(0, 256, (rows, 3, 32, 32), dtype=np.uint8), np.sort(rng.integers(0, classes, rows))


def binary(x: np.ndarray, *labels: np.ndarray) -> bytes:
    heads = np.stack([one.astype(np.uint8) for one in labels], 1)
    return np.concatenate([heads, x.reshape(len(x), -1)], 1).tobytes()


def png(row: np.ndarray) -> bytes:
    return images.encode(torch.from_numpy(row))


def parts(x: np.ndarray, y: np.ndarray, tx: np.ndarray, ty: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Five training files and the test file."""
    for number, rows in enumerate(np.array_split(np.arange(len(x)), 5), 1):
        yield number, x[rows], y[rows]
    yield 0, tx, ty


def write_binary(root: Path, *sets: np.ndarray) -> None:
    folder = root / "cifar10/cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for number, x, y in parts(*sets):
        (folder / (f"data_batch_{number}.bin" if number else "test_batch.bin")).write_bytes(binary(x, y))


def write_python(root: Path, *sets: np.ndarray) -> None:
    folder = root / "cifar10/cifar-10-batches-py"
    folder.mkdir(parents=True)
    for number, x, y in parts(*sets):
        held = {b"data": x.reshape(len(x), -1), b"labels": y.tolist(), b"batch_label": b"one", b"filenames": [b"a.png"]}
        name = f"data_batch_{number}" if number else "test_batch"
        (folder / name).write_bytes(pickle.dumps(held, protocol=2))


def write_recordio(root: Path, *sets: np.ndarray) -> None:
    (root / "cifar10").mkdir(parents=True)
    for name, x, y in (("train", *sets[:2]), ("val", *sets[2:])):
        records = (
            recordio.Record((float(label),), (index, 0), png(row), 0)
            for index, (row, label) in enumerate(zip(x, y, strict=True))
        )
        (root / f"cifar10/cifar10_{name}.rec").write_bytes(recordio.write(records))


def write_folder(root: Path, *sets: np.ndarray) -> None:
    for name, x, y in (("train", *sets[:2]), ("test", *sets[2:])):
        for index, (row, label) in enumerate(zip(x, y, strict=True)):
            file = root / name / CLASSES[label] / f"{index:04}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(png(row))


def parquet_of(**columns: object) -> bytes:
    pa = pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    import pyarrow.parquet as pq

    stream = BytesIO()
    pq.write_table(pa.table(columns), stream)
    return stream.getvalue()


def idx_bytes(array: np.ndarray) -> bytes:
    header = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def mutilate(broken: bytearray, draw: st.DataObject) -> None:
    """Flip, cut, insert or delete bytes at one to four places, which hypothesis draws."""
    for _ in range(draw.draw(st.integers(1, 4))):
        where = draw.draw(st.integers(0, max(0, len(broken) - 1)))
        match draw.draw(st.sampled_from(["flip", "cut", "insert", "delete"])):
            case "flip" if broken:
                broken[where] ^= draw.draw(st.integers(1, 255))
            case "cut":
                del broken[where:]
            case "insert":
                broken[where:where] = draw.draw(st.binary(min_size=1, max_size=8))
            case "delete":
                del broken[where : where + 3]
