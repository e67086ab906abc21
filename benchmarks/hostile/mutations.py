"""Hostile forms of JSON, YAML, arrays, tensors and files."""

import json
import math
import os
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.files.writing import write_bytes
from benchmarks.hostile.isolated import MARKER

Array = NDArray[Any]
Draw = np.random.Generator

RAW = "@raw@"
"""The mark of text that stands in the file without quotes."""

MOST_LETTERS = 5000
"""The most letters of a text that is repeated."""

NAMES = ("../out", "/tmp/out", "..", ".", "", "a/b", "a\nb", "\x00", "\x1b[31m", "\ud800", "x" * 5000, "con",
         "名" * 300, "<script>", "{{ 7 * 7 }}", "$x_{", "%s%n", f"{MARKER}:X", MARKER)  # fmt: skip

TORCH_TYPES = (torch.complex64, torch.bool, torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.int64,
               torch.uint8, torch.int32, torch.float8_e4m3fn, torch.uint16, torch.uint64)  # fmt: skip


def odd_value(draw: Draw) -> Any:
    """Return a value that a reader does not expect."""
    values: tuple[Callable[[], Any], ...] = (
        lambda: draw.choice(np.array([None, True, False, 0, -1, 1, 2, 7, 1.5, 1e308, -1e308, 5e-324], object)),
        lambda: draw.choice([2**31, 2**53 + 1, 2**62]).item() * int(draw.choice([1, -1])),
        lambda: int(draw.choice([2**63, 2**64], 1)[0]) if draw.random() < 0 else 2**64 + 1,
        lambda: 10**400,
        lambda: (
            RAW + str(draw.choice(["NaN", "Infinity", "-Infinity", "1e999", "-0", "1" + "0" * 5000, "0." + "1" * 99]))
        ),
        lambda: str(draw.choice(np.array(NAMES, object))),
        list,
        dict,
        lambda: [odd_value(draw) for _ in range(int(draw.integers(1, 4)))],
        lambda: {str(draw.choice(np.array(NAMES, object))): odd_value(draw)},
        lambda: {"name": str(draw.choice([f"{MARKER}:X", ":live", "badnets", "patch", "backdoor", "mlp", "os:abort"]))},
        lambda: deep(int(draw.choice([10, 300, 900, 20_000]))),
        lambda: [0] * int(draw.choice([2, 100, 5000])),
        lambda: {"array": str(draw.choice(["0", "1", "9", "x"]))},
        lambda: f"{MARKER}:X",
    )
    return values[int(draw.integers(len(values)))]()


def deep(levels: int) -> str:
    """Return nested lists as raw text."""
    return f"{RAW}{'[' * levels}{']' * levels}"


def mutated(draw: Draw, content: Any, count: int | None = None) -> Any:
    """Return JSON content with a few odd changes."""
    for _ in range(int(draw.choice([1, 1, 1, 2, 4])) if count is None else count):
        content = _changed(draw, content)
    return content


def _changed(draw: Draw, node: Any) -> Any:
    """Return a copy with one change somewhere."""
    if not isinstance(node, dict | list) or not node or draw.random() < 0.06:
        return _near(draw, node) if draw.random() < 0.4 else odd_value(draw)
    if isinstance(node, list):
        made = list(node)
        place = int(draw.integers(len(made)))
        change = draw.random()
        if change < 0.1:
            del made[place]
        elif change < 0.2:
            made.insert(place, made[int(draw.integers(len(made)))])
        elif change < 0.25:
            made *= int(draw.choice([2, 50]))
        else:
            made[place] = _changed(draw, made[place])
        return made
    result = dict(node)
    keys = list(result)
    key, change = keys[int(draw.integers(len(keys)))], draw.random()
    if change < 0.12:
        del result[key]
    elif change < 0.2:
        result[str(draw.choice(np.array((*NAMES, *keys), object)))] = result.pop(key)
    elif change < 0.26:
        result[str(draw.choice(np.array(NAMES, object)))] = odd_value(draw)
    elif change < 0.34:
        other = keys[int(draw.integers(len(keys)))]
        result[key], result[other] = result[other], result[key]
    else:
        result[key] = _changed(draw, result[key])
    return result


def _near(draw: Draw, value: Any) -> Any:
    """Return a value of the same type that is a little wrong."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return draw.choice(np.array([value + 1, value - 1, -value, 10**6, 10**12, 2**63 - 1, 2**63, 0], object))
    if isinstance(value, float):
        whole = round(value % 1e6) if math.isfinite(value) else 0
        return draw.choice(np.array([-value, value * 1e30, 1e300, 0.0, whole, str(value)], object))
    if isinstance(value, str):
        return draw.choice(
            np.array([value.upper(), value + "\x00", value[:MOST_LETTERS] * 200, value[:-1], f"../{value}", 3], object)
        )
    return odd_value(draw)


def as_text(content: Any) -> str:
    """Return content as JSON text. Raw text is written without quotes."""
    parts = json.dumps(content, ensure_ascii=True).split(f'"{RAW}')
    return parts[0] + "".join(part.replace('"', "", 1) for part in parts[1:])


def spoiled(draw: Draw, content: bytes) -> bytes:
    """Return bytes with a few changes, or other bytes."""
    change, made = int(draw.integers(8)), bytearray(content)
    place = int(draw.integers(len(made))) if made else 0
    if change < 3 and made:
        for _ in range(int(draw.choice([1, 3, 20]))):
            made[int(draw.integers(len(made)))] = int(draw.integers(256))
        return bytes(made)
    odd = (content[:place], content[place:], content + content, b"\xef\xbb\xbf" + content, bytes(draw.bytes(64)), b"")
    return odd[int(draw.integers(len(odd)))]


def odd_array(draw: Draw, array: Array) -> Array:
    """Return an array with another type, shape, or values."""
    change = int(draw.integers(10))
    with np.errstate(all="ignore"):
        if change < 4:
            kinds = ("c8", "c16", "?", "f2", "f8", "i1", "u8", "S5", "U5", "M8[s]", "m8[s]", ">f4", ">i8", "i8", "u2")
            kind = str(draw.choice([*kinds, "O", "longdouble", "u1", "f4"]))
            try:
                return array.astype(kind)
            except (TypeError, ValueError, OverflowError):
                return np.zeros(array.shape, kind)
        if change < 7:
            shapes = (array.reshape(-1), array[None], array[..., None], array[:-1] if array.ndim else array, array.T,
                      np.zeros((), array.dtype), np.zeros((0,), array.dtype), np.zeros((0, 10**12), array.dtype),
                      np.zeros((1,) * 30, array.dtype), np.zeros((3, *array.shape), array.dtype), array[:1],
                      np.concatenate([array, array]) if array.ndim else array)  # fmt: skip
            return shapes[int(draw.integers(len(shapes)))]
        made = array.copy()
        odd = (np.nan, np.inf, -np.inf, -1, 2**31, 2**62, 1e300, 255, 10**6, 0, 1)
        if made.size and made.dtype.kind in "biuf":
            value = odd[int(draw.integers(len(odd)))]
            where = slice(None) if draw.random() < 0.3 else int(draw.integers(made.size))
            made.reshape(-1)[where] = np.asarray(value).astype(made.dtype)
        return made


def odd_arrays(draw: Draw, arrays: dict[str, Array]) -> bytes:
    """Return the bytes of an `.npz` file with odd arrays, names, headers or compression."""
    made: dict[str, Any] = dict(arrays)
    names = list(made) or ["x"]
    name, change = names[int(draw.integers(len(names)))], draw.random()
    if change < 0.5 and name in made:
        made[name] = odd_array(draw, made[name])
    elif change < 0.6:
        made.pop(name, None)
    elif change < 0.75:
        other = str(draw.choice(np.array(NAMES[:-6], object)))
        made[other] = made.pop(name, np.zeros(3)) if draw.random() < 0.5 else np.zeros(int(draw.choice([0, 3, 1000])))
    elif change < 0.9:
        made[name] = _false_header(draw)
    elif change < 0.95:
        for number in range(int(draw.choice([10, 3000]))):
            made[f"extra{number}"] = np.zeros(1)
    elif change < 0.96:
        made[name] = np.zeros(int(draw.choice([30, 60])) << 20, np.uint8)
    return packed(made, stored=draw.random() < 0.3)


def packed(arrays: dict[str, Any], *, stored: bool = False) -> bytes:
    """Return the bytes of an `.npz` file. Bytes in place of an array are written as they are."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            member = BytesIO()
            if isinstance(array, bytes):
                member.write(array)
            else:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=True)
            info = zipfile.ZipInfo(f"{name.encode('utf-8', 'replace').decode()[:60_000]}.npy")
            info.compress_type = archive.compression
            archive.writestr(info, member.getvalue())
    return buffer.getvalue()


def _false_header(draw: Draw) -> bytes:
    """Return an array whose header does not fit its content."""
    shapes = ("(1000000000000,)", "(2, -1)", "(1e3,)", "()", "(0, 0, 99999999999)", f"({'1,' * 400})", "(True,)", "[2]",
              "(" * 300, f"({'9' * 5000},)", "(4294967296, 4294967296, 4294967296)")  # fmt: skip
    kinds = (
        "'<f4'",
        "'|O'",
        "'<f0'",
        "'|S0'",
        "'|S99999999'",
        "'<U2147483647'",
        "[('a', '<f4')]",
        "'<i3'",
        "None",
        "'<c8'",
    )
    text = f"{{'descr': {draw.choice(kinds)}, 'fortran_order': False, 'shape': {draw.choice(shapes)}, }}"
    head = text.encode().ljust(118) + b"\n"
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", min(len(head), 65535))
        + head
        + draw.bytes(int(draw.choice([0, 8, 64])))
    )


def odd_tensors(draw: Draw, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors with an odd type, shape, name or values."""
    made = dict(tensors)
    names = list(made) or ["x"]
    name, change = names[int(draw.integers(len(names)))], int(draw.integers(8))
    value = made.get(name, torch.zeros(2))
    if change < 3:
        kind = TORCH_TYPES[int(draw.integers(len(TORCH_TYPES)))]
        made[name] = value.to(kind)
    elif change < 5:
        flat = value.reshape(-1)
        blanks = [torch.zeros(shape, dtype=value.dtype) for shape in ((), (1,) * 20, (0, 10**9))]
        odd = (flat, value[None], flat[:0], value[:1] if value.ndim else flat, torch.cat([flat, flat]), *blanks)
        made[name] = odd[int(draw.integers(len(odd)))]
    elif change == 5:
        made.pop(name, None)
    elif change == 6:
        made[
            str(draw.choice(np.array([*NAMES[:8], *names, "chart x", "chart 0", "0 x"], object))).replace("\ud800", "")
        ] = value
    elif value.numel():
        made[name] = _odd_numbers(draw, value.detach().clone())
    return made


def _odd_numbers(draw: Draw, value: torch.Tensor) -> torch.Tensor:
    """Return a tensor with one odd number, or with no other numbers."""
    place = slice(None) if draw.random() < 0.5 else int(draw.integers(value.numel()))
    whole = [255, 0, 1] if value.dtype in (torch.uint8, torch.bool) else [-1, 2**40, 300]
    odd = [float("nan"), float("inf"), -1.0, 1e30] if value.is_floating_point() else whole
    value.reshape(-1)[place] = odd[int(draw.integers(len(odd)))]
    return value


def odd_file(draw: Draw, file: Path, outside: Path) -> None:
    """Replace a file by a FIFO, a folder, a link, a device, or nothing."""
    file.unlink(missing_ok=True)
    odd: tuple[Callable[[], object], ...] = (
        lambda: os.mkfifo(file),
        file.mkdir,
        lambda: file.symlink_to(outside),
        lambda: file.symlink_to("/dev/zero"),
        lambda: file.symlink_to(file.name),
        lambda: file.symlink_to("/etc/passwd"),
        lambda: file.symlink_to("/proc/self/mem"),
        lambda: None,
        lambda: _sparse(file),
    )
    odd[int(draw.integers(len(odd)))]()


def _sparse(file: Path) -> None:
    file.touch()
    os.truncate(file, 40 << 30)


def without_checksums(folder: Path) -> None:
    """Remove the checksums of files, as a stranger would: otherwise they refuse every change."""
    for file in (*folder.rglob("manifest.json"), *folder.rglob("truth.json")):
        content = json.loads(file.read_text())
        file.write_text(json.dumps({key: content[key] for key in content if key not in ("files", "checksum")}))


def write(file: Path, content: bytes | str) -> None:
    """Write a mutated file."""
    write_bytes(file, content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
