"""Hostile folders of runs and grids: for the report, `Result.load` and `SweepResult`."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from antivenom.data.formats import npz
from antivenom.errors import AntivenomError
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import Result, SweepResult, load_spec
from antivenom.storage.files import read_json, read_tensors, write_tensors
from benchmarks.hostile.base import Base
from benchmarks.hostile.isolated import MARKER, watched
from benchmarks.hostile.mutations import (
    Draw,
    as_text,
    mutated,
    odd_arrays,
    odd_file,
    odd_tensors,
    spoiled,
    without_checksums,
    write,
)
from benchmarks.hostile.remembered import Remembered

SPEC = {
    "attack": {"name": "badnets", "target": 7},
    "model": "mlp",
    "training": {"name": "end_to_end", "epochs": 1},
}

WHOLE = 0.02
"""The share of inputs for which everything is computed again."""

DRAWN = 0.005
"""The share of folders that are read in every way, with all charts drawn."""

USES = {
    "victim.safetensors": ("victim",),
    "control.safetensors": ("control",),
    "poison.npz": ("poisoned",),
    "goal.json": ("poisoned",),
}
"""The uses of a result that read a file. All uses may read the other files."""

LARGE_GRID = {f"x{number}": [1, 2] for number in range(20_000)}

ALL_USES = ("assumptions", "chart", "control", "poisoned", "text", "victim")

LARGE = 1 << 30
"""A file of this size is not changed, in bytes."""


class RunFolders:
    """Mutated folders of a small run, of the same run without charts, and of a grid of two cells."""

    def __init__(self, root: Path, seed: int) -> None:
        self.seed, self.base = seed, root / "base"
        load_spec(SPEC).run(out=self.base / "run")
        load_spec({**SPEC, "grid": {"attack.rate": [0.05, 0.1]}}).run(out=self.base / "grid")
        without_checksums(self.base)
        shutil.copytree(self.base / "run", self.base / "bare")
        (self.base / "bare" / "charts.json").write_text("[]")
        shutil.copytree(self.base / "grid", self.base / "bare_grid")
        for cell in (self.base / "bare_grid" / "cells").iterdir():
            (cell / "charts.json").write_text("[]")
        for old in self.base.rglob("report.html"):
            old.unlink()
        self.bases = {each.name: Base(each) for each in self.base.iterdir()}
        self.remembered = Remembered()

    def __call__(self, number: int, folder: Path) -> str:
        """Mutate a folder, and read it as the changed file is read; a few in every way, with all charts drawn."""
        draw = Rng(self.seed).child("run folders").child(str(number)).numpy()
        kind = str(draw.choice(["run", "bare", "grid", "bare_grid"], p=[0.1, 0.8, 0.01, 0.09]))
        with self.bases[kind].copied(folder / kind) as run:
            place = run
            if kind.endswith("grid"):
                cells = sorted((run / "cells").iterdir())
                place = cells[int(draw.integers(2))] if draw.random() < 0.5 else run
            changed = {_mutate(draw, place, folder) for _ in range(int(draw.choice([1, 1, 2])))}
            whole = draw.random() < DRAWN
            with self.remembered.everything(whole):
                results = self._read(run, kind, {""} if whole else changed, draw.random() < 0.5)
        return "read" if "read" in results else "refused"

    def _read(self, run: Path, kind: str, changed: set[str], reports: bool) -> list[str]:
        """Read a run or a grid: all of it if `changed` has an empty name, otherwise what reads the changed files."""
        other = self._sweep if kind.endswith("grid") else partial(self._load, changed=changed)
        if "" in changed:
            return [self._report(run), other(run)]
        return [self._report(run) if reports and not changed & USES.keys() else other(run)]

    def _report(self, run: Path) -> str:
        try:
            with watched():
                write_report(run)
        except AntivenomError:
            return "refused"
        return "read"

    def _load(self, run: Path, changed: set[str]) -> str:
        try:
            with watched():
                result = Result.load(run)
        except AntivenomError:
            return "refused"
        uses = {use for name in changed for use in (USES.get(name) or ALL_USES)}
        for use in sorted(uses):
            try:
                with watched():
                    _use(result, use)
            except AntivenomError:
                continue
        return "read"

    def _sweep(self, run: Path) -> str:
        try:
            with watched():
                cells = sorted(each.name for each in (run / "cells").iterdir() if each.is_dir())
                manifest = read_json(run / "manifest.json")
                axes = {cell: {"attack.rate": 0.05 * number} for number, cell in enumerate(cells, 1)}
                sweep = SweepResult(str(type(manifest)), run, axes)
                for cell in cells:
                    sweep.results[cell].repeats  # noqa: B018 - an access reads the cell
                list(sweep.rows())
                sweep.chart("attack.success_rate")
                sweep.write_table()
        except AntivenomError:
            return "refused"
        return "read"


def _use(result: Result, use: str) -> Any:
    if use == "text":
        return repr(result) + result._repr_html_()
    return result.chart("attack.success_rate") if use == "chart" else getattr(result, use)


def _mutate(draw: Draw, place: Path, folder: Path) -> str:
    """Change one file of a folder. Return its name; an empty name for a change of the whole folder."""
    files = sorted(each for each in place.iterdir() if each.is_file() and not each.is_symlink())
    files = [each for each in files if each.stat().st_size < LARGE]  # a change before this one may have made it large
    if not files:
        return ""
    file = files[int(draw.integers(len(files)))]
    change = draw.random()
    if change < 0.08:
        odd_file(draw, file, folder.parent / "outside")
    elif change < 0.16:
        write(file, spoiled(draw, file.read_bytes()))
    elif change < 0.19:
        for name in ("figures", "cells", "repeats", "report.html"):
            if not (place / name).exists():
                (place / name).symlink_to(folder.parent / "outside")
        return ""
    else:
        mutate_content(draw, file)
    return file.name


def mutate_content(draw: Draw, file: Path) -> None:
    """Change the content of a file, in its own format."""
    if file.suffix == ".json":
        try:
            write(file, as_text(mutated(draw, json.loads(file.read_text()))))
        except (ValueError, RecursionError):
            return
    elif file.suffix == ".yaml":
        write(file, odd_yaml(draw, file))
    elif file.suffix == ".npz":
        try:
            write(file, odd_arrays(draw, npz.read(file, npz.names(file))))
        except (AntivenomError, ValueError, TypeError):
            write(file, b"PK\x05\x06" + bytes(18))
    elif file.suffix == ".safetensors":
        try:
            tensors, about = read_tensors(file)
            odd = mutated(draw, about)
            content = json.loads(as_text(odd if isinstance(odd, dict) and draw.random() < 0.5 else about))
            write_tensors(file, odd_tensors(draw, tensors), content)
        except (AntivenomError, ValueError, TypeError, RuntimeError, RecursionError):
            write(file, spoiled(draw, file.read_bytes()))


def odd_yaml(draw: Draw, file: Path) -> str:
    """Return a spec with odd settings, long paths and large grids."""
    try:
        spec = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, ValueError, RecursionError):
        return "a: ["
    change = draw.random()
    if not isinstance(spec, dict) or change < 0.04:
        return "{a: " * int(draw.choice([10, 400, 5000]))
    if change < 0.3:
        grids: tuple[Any, ...] = (
            LARGE_GRID, {"seed": [1] * 5000}, {"seed": list(range(200))}, 3, {"attack": [{"name": f"{MARKER}:X"}]},
            {"attack.rate": [[0.1], {}]}, None,
        )  # fmt: skip
        spec |= {"grid": grids[int(draw.integers(len(grids)))]}
    elif change < 0.5:
        spec["dataset"] = {
            "name": str(draw.choice(["npz", "csv", "folder", "parquet", f"{MARKER}:X"])),
            "path": str(
                draw.choice(
                    np.array(["x" * 5000, "/" + "y/" * 3000, "\x00", "~root/x", "/dev/zero", "/proc", ""], object)
                )
            ),
        }
    elif change < 0.7:
        part = str(draw.choice(["model", "attack", "training", "dataset"]))
        spec[part] = {"name": str(draw.choice([f"{MARKER}:X", "module", "estimator", "poison_file", "transfer"])),
                      "weights": "x" * 5000, "factory": f"{MARKER}:X", "path": "x" * 5000, "file": "\x00"}  # fmt: skip
    else:
        spec = mutated(draw, spec)
    return as_text(spec)
