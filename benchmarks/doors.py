"""Fuzz the doors for data and models: random forms of known data must be read right, or refused.

    python -m benchmarks.doors [--quick] [--inputs N] [--seed N] [--json FILE]

Each input starts from known rows and labels, or from a network with known scores. It takes a random form: type, axis
order, form of the labels, image mode, column order, file format, form of the outputs. A slow oracle knows the truth.
A result is `right`, `refused` (an `AntivenomError`), `wrong` (other rows, labels or scores), or a `traceback`. It must
never be wrong or a traceback. 10,000 inputs, or 500 with `--quick`.
"""

import argparse
import json
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from antivenom.data import Dataset
from antivenom.data.samples import from_torch
from antivenom.data.sources.csv import Csv
from antivenom.data.sources.folder import Folder
from antivenom.data.sources.npz import Npz
from antivenom.errors import AntivenomError
from antivenom.models import as_classifier
from antivenom.rng import Rng
from benchmarks.machine import machine

Array = NDArray[Any]
Draw = np.random.Generator
Pairs = list[tuple[tuple[float, ...], str]]

TOLERANCE = 2e-3
"""The largest difference of a number from the truth: half a grey level of uint8."""


@dataclass(frozen=True)
class Truth:
    """Known rows (n, ...), channels first for images, of numbers from 0 to 255, and the class names (n)."""

    rows: Array
    names: list[str]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one input: what happened, the door, and the form of the input."""

    result: str
    door: str
    form: str


def truth_of(draw: Draw, *, image: bool) -> Truth:
    """Return random rows, all different, with random labels."""
    count = int(draw.integers(6, 30))
    shape: tuple[int, ...] = (int(draw.integers(2, 9)),)
    if image:
        channels = int(draw.choice([1, 3, 4, 2, 13], p=[0.4, 0.35, 0.15, 0.05, 0.05]))
        side = draw.integers(3 if channels in (1, 3, 4) else 5, 10, 2)  # a 13-channel image of width 3 is absurd
        shape = (channels, *map(int, side))
        if draw.random() < 0.4:
            shape = (shape[0], shape[1], shape[1])
    rows = draw.integers(0, 256, (count, *shape))
    rows.reshape(count, -1)[:, 0] = np.arange(count) * 8 % 256  # all rows differ
    classes = int(draw.integers(2, 5))
    labels = np.concatenate([np.arange(classes), draw.integers(0, classes, max(0, count - classes))])[:count]
    return Truth(rows, [str(label) for label in draw.permutation(labels)])


def labels_of(draw: Draw, truth: Truth) -> tuple[Any, list[str], str]:
    """Return the labels in a random form, the names that they must get, and the form in words."""
    numbers = np.array(list(map(int, truth.names)))
    form = str(draw.choice(["ints", "floats", "from 1", "gaps", "one-hot", "text", "bytes", "objects", "column", "bool",
                            "fractions", "nan", "none", "soft", "uint8", "list", "masked"]))  # fmt: skip
    names = truth.names
    if form == "from 1":
        return numbers + 1, [str(number + 1) for number in numbers], form
    if form == "gaps":
        return numbers * 100 + 7, [str(number * 100 + 7) for number in numbers], form
    if form == "text":
        return np.array([f"class {name}" for name in names]), [f"class {name}" for name in names], form
    if form == "bytes":
        return np.array([name.encode() for name in names]), names, form
    if form == "bool":
        return numbers % 2 == 1, [str(number % 2) for number in numbers], form
    broken: list[Any] = numbers.tolist()
    broken[0] = None
    values: dict[str, Any] = {
        "ints": numbers,
        "floats": numbers.astype(float),
        "one-hot": np.eye(numbers.max() + 1)[numbers],
        "objects": numbers.astype(object),
        "column": numbers[:, None],
        "fractions": numbers + 0.5,
        "nan": np.where(np.arange(len(numbers)) == 1, np.nan, numbers),
        "none": broken,
        "soft": np.full((len(numbers), 3), 1 / 3),
        "uint8": numbers.astype(np.uint8),
        "list": numbers.tolist(),
        "masked": np.ma.masked_array(numbers, np.arange(len(numbers)) == 0),
    }
    return values[form], names, form


def array_of(draw: Draw, truth: Truth) -> tuple[Any, dict[str, Any], float, str]:
    """Return the rows in a random type and layout, the arguments of `from_arrays`, the scale, and the form in words."""
    rows, settings, scale = truth.rows, dict[str, Any](), 1.0
    layout = "as is"
    if rows.ndim == 4:
        layout = str(draw.choice(["first", "last", "no axis"] if rows.shape[1] == 1 else ["first", "last"]))
        rows = {"first": rows, "last": np.moveaxis(rows, 1, -1), "no axis": rows[:, 0]}[layout]
        if draw.random() < 0.3:
            settings["channels"] = {"first": "first", "last": "last", "no axis": "none"}[layout]
    kind = str(
        draw.choice(["uint8", "float32", "float64", "float16", "int64", "uint16", ">i4", "unit", "masked", "nan"])
    )
    if kind == "uint8":
        return rows.astype(np.uint8), settings, 255.0, f"{kind} {layout}"
    if kind == "unit":
        return (rows / 255).astype(np.float32), {**settings, "bounds": (0, 1)}, 255.0, f"{kind} {layout}"
    if kind == "masked":
        return np.ma.masked_equal(rows.astype(float), int(rows.flat[0])), settings, scale, f"{kind} {layout}"
    if kind == "nan":
        broken = rows.astype(float)
        broken.flat[-1] = np.nan
        return broken, settings, scale, f"{kind} {layout}"
    return rows.astype(kind), settings, scale, f"{kind} {layout}"


def pairs_of(*sets: Dataset) -> Pairs:
    """Return all rows with the names of their classes, in order."""
    return sorted(
        (tuple(map(float, row.flatten())), data.classes[int(label)])
        for data in sets
        for row, label in zip(data.inputs(), data.y, strict=True)
    )


def expected(rows: Array, names: list[str], scale: float) -> Pairs:
    """Return the true rows with the true names, in order."""
    return sorted((tuple(map(float, row.ravel() / scale)), name) for row, name in zip(rows, names, strict=True))


def same(got: Pairs, want: Pairs) -> bool:
    """Return True if all rows and names agree."""
    return len(got) == len(want) and all(
        name == other and len(row) == len(true) and np.allclose(row, true, atol=TOLERANCE, rtol=TOLERANCE)
        for (row, name), (true, other) in zip(got, want, strict=True)
    )


def arrays(draw: Draw, folder: Path) -> tuple[str, Callable[[], bool]]:  # noqa: ARG001
    """Try `Dataset.from_arrays`."""
    truth = truth_of(draw, image=draw.random() < 0.8)
    x, settings, scale, form = array_of(draw, truth)
    y, names, label_form = labels_of(draw, truth)
    settings |= {"renumber": True} if draw.random() < 0.5 else {}
    if draw.random() < 0.3 and not isinstance(x, np.ma.MaskedArray) and x.dtype.isnative and x.dtype != np.uint16:
        x = torch.from_numpy(np.ascontiguousarray(x))

    def read() -> bool:
        data = Dataset.from_arrays(x, y, **settings)
        order = [tuple(map(float, row.flatten())) for row in data.inputs()]
        return same(pairs_of(data), expected(truth.rows, names, scale)) and len(order) == len(names)

    return f"{form}, {label_form}", read


def npz(draw: Draw, folder: Path) -> tuple[str, Callable[[], bool]]:
    """Try an `.npz` file."""
    truth = truth_of(draw, image=draw.random() < 0.8)
    x, settings, scale, form = array_of(draw, truth)
    y, names, label_form = labels_of(draw, truth)
    masked = isinstance(x, np.ma.MaskedArray) or isinstance(y, np.ma.MaskedArray)
    x, y = np.ma.getdata(x), np.ma.getdata(y) if isinstance(y, np.ma.MaskedArray) else y
    np.savez(folder / "fuzz.npz", x=x, y=np.asarray(y))

    def read() -> bool:
        splits = Npz(path=str(folder / "fuzz.npz"), **settings).load()
        return masked or same(pairs_of(splits.train, splits.test), expected(truth.rows, names, scale))

    return f"{form}, {label_form}", read


def samples(draw: Draw, folder: Path) -> tuple[str, Callable[[], bool]]:  # noqa: ARG001
    """Try a torch data set of pairs or mappings."""
    truth = truth_of(draw, image=True)
    y, names, label_form = labels_of(draw, truth)
    form = str(draw.choice(["tensor", "array", "image", "mapping", "float"]))
    rows: list[Any] = [torch.from_numpy(row.astype(np.uint8)) for row in truth.rows]
    if form == "array":
        rows = [row.numpy() for row in rows]
    if form == "float":
        rows = [row.float() / 255 for row in rows]
    if form == "image":
        rows = [_picture(row) for row in truth.rows]
    listed = list(y) if not isinstance(y, np.ma.MaskedArray) else [y[index] for index in range(len(y))]
    pairs: list[Any] = list(zip(rows, listed, strict=True))
    renumber = bool(draw.random() < 0.5)
    if form == "mapping":
        pairs = [{"image": row, "label": label} for row, label in pairs]

    def read() -> bool:
        data = from_torch(pairs, bounds=(0, 1), renumber=renumber)
        return same(pairs_of(data), expected(truth.rows, names, 255.0))

    return f"{form} of {truth.rows.shape[1]} channels, {label_form}", read


def _picture(row: Array) -> Any:
    """Return a PIL image; an array if no image has this number of channels."""
    pixels = row.astype(np.uint8)
    if len(pixels) in (3, 4):
        return Image.fromarray(pixels.transpose(1, 2, 0))
    return Image.fromarray(pixels[0]) if len(pixels) == 1 else pixels


def table(draw: Draw, folder: Path) -> tuple[str, Callable[[], bool]]:
    """Try a CSV file."""
    truth = truth_of(draw, image=False)
    rows, names = truth.rows, truth.names
    whole, text = bool(draw.random() < 0.5), bool(draw.random() < 0.4)
    cells = [[str(value) if whole else f"{value}.5" for value in row] for row in rows]
    labels = [f"kind {name}" for name in names] if text else list(names)
    place = int(draw.integers(0, len(cells[0]) + 1))
    header = [f"f{number}" for number in range(len(cells[0]))]
    name = str(draw.choice(["label", "class", "Target", "y", "digit", "kind"]))
    index = str(draw.choice(["none", "none", "unnamed", "id"]))
    missing = bool(draw.random() < 0.15)
    lines = [[*row[:place], label, *row[place:]] for row, label in zip(cells, labels, strict=True)]
    head = [*header[:place], name, *header[place:]]
    if missing:
        lines[3][place] = str(draw.choice(["", "?", "nan", "NA"]))
    if index != "none":
        lines = [[str(number), *line] for number, line in enumerate(lines)]
        head = [{"unnamed": "", "id": "id"}[index], *head]
    has_header = bool(draw.random() < 0.7)
    settings: dict[str, Any] = (
        {"label": name if has_header else place + (index != "none")} if draw.random() < 0.3 else {}
    )
    written = [head, *lines] if has_header else lines
    (folder / "fuzz.csv").write_text("\n".join(",".join(line) for line in written) + "\n")
    want = expected(rows + (0.0 if whole else 0.5), labels, 1.0)

    def read() -> bool:
        splits = Csv(path=str(folder / "fuzz.csv"), **settings).load()
        return not missing and same(pairs_of(splits.train, splits.test), want)

    form = f"label {name} at {place} of {len(header)}, {'text' if text else 'numbers'}, index {index}, "
    return form + f"header {has_header}, whole {whole}, missing {missing}, set {bool(settings)}", read


def pictures(draw: Draw, folder: Path) -> tuple[str, Callable[[], bool]]:
    """Try a folder of images in random modes."""
    truth = truth_of(draw, image=True)
    mode = str(draw.choice(["L", "RGB", "I;16", "I", "F", "1", "P", "LA", "RGBA"]))
    grey = bool(draw.random() < 0.5)
    root = Path(tempfile.mkdtemp(dir=folder))
    levels = truth.rows[:, 0]
    want = levels.astype(float)
    for number, (row, name) in enumerate(zip(levels, truth.names, strict=True)):
        image, seen = _in_mode(row, mode)
        want[number] = seen
        (root / name).mkdir(exist_ok=True)
        image.save(root / name / f"{number}.{'tif' if mode in ('I', 'F') else 'png'}")

    def read() -> bool:
        splits = Folder(path=str(root), mode="grey" if grey else "rgb").load()
        rows = want[:, None] if grey else np.repeat(want[:, None], 3, 1)
        return same(pairs_of(splits.train, splits.test), expected(rows, truth.names, 255.0))

    return f"mode {mode} as {'grey' if grey else 'rgb'}", read


def _in_mode(row: Array, mode: str) -> tuple[Image.Image, Array]:
    """Return an image of grey levels (height, width) in a mode, and the levels that must be read."""
    levels = row.astype(np.uint8)
    if mode == "I;16":
        return Image.fromarray((row * 257).astype(np.uint16)), row
    if mode == "I":
        return Image.fromarray(row.astype(np.int32)), row
    if mode == "F":
        return Image.fromarray((row / 255).astype(np.float32)), row
    if mode == "1":
        return Image.fromarray(row > 127), np.where(row > 127, 255, 0)
    if mode == "P":
        image = Image.fromarray(255 - levels).convert("P")
        image.putpalette([255 - value // 3 for value in range(768)])  # an index is not its grey
        return image, row
    if mode in ("LA", "RGBA"):
        return Image.fromarray(levels).convert(mode), row  # without transparent pixels
    return Image.fromarray(levels).convert(mode), row


class Wrapped(nn.Module):
    """A network whose outputs have a random form."""

    def __init__(self, net: nn.Module, form: str) -> None:
        super().__init__()
        self.net, self.form = net, form

    def forward(self, x: torch.Tensor) -> Any:
        """Return the outputs in this form."""
        out = self.net(x)
        forms: dict[str, Callable[[], Any]] = {
            "plain": lambda: out,
            "tuple": lambda: (out, out.sum()),
            "list": lambda: [out],
            "dict": lambda: {"logits": out},
            "one": lambda: out[:, :1],
            "flat one": lambda: out[:, 0],
            "spatial": lambda: out[:, :, None, None],
            "probabilities": lambda: out.softmax(1),
            "log probabilities": lambda: out.log_softmax(1),
            "classes": lambda: out.argmax(1),
            "lost batch": lambda: out.mean(0),
            "nothing": lambda: None,
            "nan": lambda: out * float("nan"),
        }
        return forms[self.form]()


def models(draw: Draw, folder: Path) -> tuple[str, Callable[[], bool]]:  # noqa: ARG001
    """Try `as_classifier` with modules of known scores."""
    classes, side = int(draw.integers(2, 6)), int(draw.integers(4, 8))
    with Rng(int(draw.integers(1 << 30))).torch_globally():
        net = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(3 * side**2, classes))
    form = str(draw.choice(["plain", "tuple", "list", "dict", "one", "flat one", "spatial", "probabilities",
                            "log probabilities", "classes", "lost batch", "nothing", "nan"]))  # fmt: skip
    kind = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}[
        str(draw.choice(["float32", "float32", "float64", "bfloat16"]))
    ]
    norm = str(draw.choice(["none", "list", "tensor", "numpy", "spatial"]))
    wrapped = Wrapped(net, form).to(kind).train(bool(draw.random() < 0.5))
    mean, std = [0.4], [0.3]
    values: dict[str, Callable[[list[float]], Any]] = {
        "none": lambda _: None,
        "list": list,
        "tensor": torch.tensor,
        "numpy": np.array,
        "spatial": lambda one: np.array(one).reshape(1, 1, 1),
    }
    x = torch.rand(5, 1, side, side, generator=Rng(0).child("x").generator())
    inputs = ((x - mean[0]) / std[0] if norm != "none" else x).to(kind)
    with torch.no_grad():
        out = net.eval()(inputs).float()
    one = torch.stack([torch.zeros(5), out[:, 0]], 1)
    want = (one if form in ("one", "flat one") else out).softmax(1)
    named: dict[str, Any] = {"outputs": "probabilities"} if form == "probabilities" and draw.random() < 0.7 else {}

    def read() -> bool:
        made = as_classifier(
            wrapped, input_shape=(1, side, side), mean=values[norm](mean), std=values[norm](std), **named
        )
        if form in ("classes", "lost batch", "nothing"):
            return False
        scores = made.scores(x)
        if form == "nan":  # predictions, metrics and defences refuse or count such scores
            return not bool(scores.isfinite().any())
        return scores.shape == want.shape and torch.allclose(
            scores, want, atol=2e-2 if kind == torch.bfloat16 else 1e-4
        )

    return f"{form}, {kind}, mean as {norm}", read


DOORS: dict[str, Callable[[Draw, Path], tuple[str, Callable[[], bool]]]] = {
    "arrays": arrays,
    "npz": npz,
    "samples": samples,
    "table": table,
    "pictures": pictures,
    "models": models,
}


def attempt(door: str, number: int, seed: int, folder: Path) -> Outcome:
    """Try one input."""
    draw = Rng(seed).child("doors").child(f"{door} {number}").numpy()
    form, read = DOORS[door](draw, folder)
    try:
        return Outcome("right" if read() else "wrong", door, form)
    except AntivenomError:
        return Outcome("refused", door, form)
    except Exception:  # noqa: BLE001 - a traceback is what the benchmark looks for
        return Outcome("traceback", door, f"{form}\n{traceback.format_exc(limit=-2)}")


def main() -> int:
    """Try all inputs and print the numbers of outcomes; return 1 if any input was read wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--inputs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=DOORS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    count = arguments.inputs or (500 if arguments.quick else 10_000)
    doors = [arguments.only] if arguments.only else list(DOORS)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes = [
            attempt(doors[number % len(doors)], number, arguments.seed, Path(folder)) for number in range(count)
        ]
    print(machine())
    counts = Counter((outcome.door, outcome.result) for outcome in outcomes)
    for door in doors:
        print(door, {result: counts[door, result] for result in ("right", "refused", "wrong", "traceback")})
    bad = [outcome for outcome in outcomes if outcome.result in ("wrong", "traceback")]
    for outcome in bad[:20]:
        print(outcome.result, outcome.door, outcome.form)
    if arguments.json:
        arguments.json.write_text(json.dumps({f"{door} {result}": number for (door, result), number in counts.items()}))
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
