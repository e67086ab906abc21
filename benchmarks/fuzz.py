"""Fuzz every file reader: damaged and hostile files may raise only `AntivenomError`, in limited time and memory.

    python -m benchmarks.fuzz [--quick] [--inputs N] [--only READER] [--atheris] [--json FILE]

Each input is a valid file in which bytes are changed, removed, inserted, repeated or cut off, or a random sequence of
tokens of the format. Each reader reads 100,000 inputs, or 2,000 with `--quick`. With `--atheris`, libFuzzer chooses the
inputs by code coverage. Then only one reader is possible, because libFuzzer ends the process.
"""

import argparse
import gzip
import io
import json
import pickle
import random
import resource
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import save

from antivenom.data.formats import cifar, idx, images, npz, plain_pickle, recordio
from antivenom.data.formats.findings import Findings
from antivenom.data.sources.csv import Csv
from antivenom.data.sources.folder import Folder
from antivenom.data.sources.parquet import Parquet
from antivenom.errors import AntivenomError
from antivenom.models.files import read_weights
from benchmarks.machine import machine

SLOWEST = 5.0
"""The time limit for one input, in seconds."""

MAX_GROWTH = 512 << 20
"""The number of bytes by which the memory of the process may grow."""


@dataclass(frozen=True)
class Reader:
    """A reader, valid files for it, and tokens of its format."""

    name: str
    suffix: str
    seeds: tuple[bytes, ...]
    read: Callable[[Path], object]
    words: tuple[bytes, ...] = ()


def _readers() -> list[Reader]:
    x = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3, 32, 32)
    png = images.encode(torch.from_numpy(x[0][:, :8, :8].copy()))
    jpeg = io.BytesIO()
    from PIL import Image  # noqa: PLC0415

    Image.fromarray(x[0].transpose(1, 2, 0)).save(jpeg, "JPEG")
    small = {"data": x[:1].reshape(1, -1), "labels": [3], "filenames": ["a.png"]}
    digits = b"\0\0\x08\3" + struct.pack(">3I", 2, 3, 4) + bytes(24)
    arrays, archive, table, weights = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(arrays, x=x[:, :, :2, :2], y=np.arange(2))
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in ("a/1.png", "b/1.png", "a/2.png", "b/2.png"):
            opened.writestr(name, png)
    pq.write_table(pa.table({"image": [png] * 8, "label": [0, 1] * 4}), table)
    torch.save({"a": torch.zeros(2)}, weights)
    rows = b"a,b,label\n1,2,cat\n3,4,dog\n5,6,cat\n7,8,dog\n"
    records = (recordio.Record((1.0,), (0, 0), png, 0), recordio.Record((1.0, 2.0), (0, 0), recordio.MAGIC + png, 0))
    opcodes = tuple(bytes([code]) for code in b"(.0]}lde)tasubRcqrhjKMJIUTBXCV\x80\x85\x86\x87\x88\x89\x8a\x93\x94\x95")
    return [
        Reader("plain_pickle", ".pkl", tuple(pickle.dumps(small, p) for p in range(5)),
               lambda file: cifar.read_python(file, "labels"), (*opcodes, b"cnumpy\nndarray\n", b"cnumpy\ndtype\n")),
        Reader("cifar_binary", ".bin", ((b"\1" + x[0].tobytes()) * 2,), cifar.read_binary),
        Reader("recordio", ".rec", (recordio.write(iter(records)),), lambda file: list(recordio.read(file)),
               (recordio.MAGIC, struct.pack("<I", 1 << 29), struct.pack("<I", 24))),
        Reader("idx", ".idx", (digits,), idx.read),
        Reader("idx_gzip", ".gz", (gzip.compress(digits),), idx.read),
        Reader("npz", ".npz", (arrays.getvalue(),), lambda file: npz.read(file, ("x", "y"))),
        Reader("image", ".png", (png, jpeg.getvalue()),
               lambda file: images.Canvas(size=(8, 8)).decode(file.read_bytes(), str(file), Findings()),
               (b"IHDR", b"IDAT")),
        Reader("zip", ".zip", (archive.getvalue(),), lambda file: Folder(path=str(file), size=(8, 8)).load(),
               (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"../")),
        Reader("parquet", ".parquet", (table.getvalue(),), lambda file: Parquet(path=str(file), size=(8, 8)).load()),
        Reader("csv", ".csv", (rows,), lambda file: Csv(path=str(file)).load(), (b",", b'"', b"\n", b"nan", b"1e400")),
        Reader("weights", ".pt", (weights.getvalue(),), read_weights),
        Reader("safetensors", ".safetensors", (save({"a": torch.zeros(2)}),), read_weights),
    ]  # fmt: skip


def damaged(reader: Reader, dice: random.Random) -> bytes:
    """Return one damaged input."""
    if reader.words and dice.random() < 0.2:
        return b"".join(
            dice.choice(reader.words) + dice.randbytes(dice.randrange(6)) for _ in range(dice.randrange(30))
        )
    content = bytearray(dice.choice(reader.seeds))
    for _ in range(dice.randrange(1, 6)):
        at, length = dice.randrange(len(content) + 1), dice.randrange(1, 9)
        match dice.randrange(6):
            case 0:
                content[at : at + length] = dice.randbytes(length)
            case 1:
                del content[at : at + length]
            case 2:
                content[at:at] = dice.choice(reader.words) if reader.words else dice.randbytes(length)
            case 3:
                content[at : at + length] = dice.choice((b"\xff", b"\0", b"\x7f", b"\x80")) * length
            case 4:
                content[at:at] = content[at : at + dice.randrange(1, 200)] * dice.randrange(1, 4)
            case _:
                del content[at:]
                content += dice.randbytes(dice.randrange(4))
    return bytes(content)


def fuzz(reader: Reader, inputs: int, folder: Path) -> dict[str, object]:
    """Read the given number of inputs, and return the results."""
    dice, file = random.Random(0), folder / f"input{reader.suffix}"
    refused, slowest, before = 0, 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    for number in range(inputs):
        file.write_bytes(damaged(reader, dice))
        start = time.perf_counter()
        try:
            reader.read(file)
        except AntivenomError:
            refused += 1
        except BaseException:
            print(f"{reader.name}, input {number}: {file.read_bytes()[:400]!r}")
            raise
        slowest = max(slowest, time.perf_counter() - start)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    assert slowest < SLOWEST, f"{reader.name}: one input took {slowest:.1f} s"
    assert grown < MAX_GROWTH, f"{reader.name}: {grown >> 20} MiB more memory"
    took = round(time.perf_counter() - began, 1)
    return {
        "reader": reader.name, "inputs": inputs, "refused": refused, "seconds": took,
        "slowest": round(slowest, 3), "grown_mib": grown >> 20,
    }  # fmt: skip


def with_atheris(reader: Reader, inputs: int, folder: Path) -> None:
    """Let libFuzzer choose the inputs. It ends the process."""
    import atheris  # noqa: PLC0415

    file = folder / f"input{reader.suffix}"

    def one(content: bytes) -> None:
        file.write_bytes(content)
        try:
            reader.read(file)
        except AntivenomError:
            return

    seeds = folder / "seeds"
    seeds.mkdir()
    for number, seed in enumerate(reader.seeds):
        (seeds / str(number)).write_bytes(seed)
    for module in (cifar, idx, images, npz, plain_pickle, recordio):
        for name, value in list(vars(module).items()):
            if callable(value) and getattr(value, "__module__", "") == module.__name__ and hasattr(value, "__code__"):
                setattr(module, name, atheris.instrument_func(value))
    atheris.Setup([sys.argv[0], f"-runs={inputs}", "-seed=1", "-max_len=8000", "-rss_limit_mb=4096", str(seeds)], one)
    atheris.Fuzz()


def main() -> None:
    """Fuzz the readers and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="2,000 inputs for each reader instead of 100,000")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--only", metavar="READER")
    parser.add_argument("--atheris", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    options = parser.parse_args()
    inputs = 2_000 if options.quick else options.inputs
    rows = []
    print(" · ".join(f"{name} {value}" for name, value in machine().items()), flush=True)
    for reader in _readers():
        if options.only not in (None, reader.name):
            continue
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
            if options.atheris:
                with_atheris(reader, inputs, Path(folder))
            row = fuzz(reader, inputs, Path(folder))
        rows.append(row)
        print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "readers": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
