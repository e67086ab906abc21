"""Hostile packages with entry points: `antivenom list` must work, import nothing, and say what is broken."""

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from typer import testing
from typer.testing import CliRunner

from antivenom import registry
from antivenom.cli import app
from antivenom.errors import AntivenomError
from antivenom.rng import Rng
from benchmarks.hostile.isolated import MARKER, watched
from benchmarks.hostile.mutations import NAMES, Draw, odd_file, spoiled
from benchmarks.hostile.run_folders import WHOLE

GOOD = '''"""An attack."""

from antivenom.settings import component


@component
class Mine:
    """It flips labels."""

    def poison(self, data, *, rng, surrogate=None):
        return data
'''

TEXTS = ("class (", "(" * 50_000, "-" * 100_000 + "1", "x = " + "[" * 3000, "import ", f"import {MARKER}",
    "from . import x",
         "import " + "a." * 5000 + "b", "class Mine: 3", "\x00", "# coding: klingon\n", "x = " + "9" * 5000,
         "\ufeff", "\x0c" * 9,
         "from __main__ import x", "import os.path.no, sys.x", "@" + "a." * 3000 + "component\nclass Mine: pass",
         "class Mine:\n    '''" + "x" * 100_000 + "'''", "x = 1" + "+1" * 20_000, "\\",
         "def f():\n\treturn 1\n        return 2",
         "import " + "z" * 5000, "raise SystemExit", "@component\nclass Mine:\n    '''\x1b[31m\n'''",
         "f'{" * 200)  # fmt: skip


class Plugins:
    """Packages with a broken module, class, entry point or metadata."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.seed = root, seed
        registry._built_in = functools.cache(registry._built_in)
        testing._get_command = functools.cache(testing._get_command)  # type: ignore[attr-defined]
        self.path = [each for each in sys.path if "site-packages" not in Path(each).parts]

    def __call__(self, number: int, folder: Path) -> str:
        """Make a package, put it on the path, and list all components."""
        draw = Rng(self.seed).child("plugins").child(str(number)).numpy()
        place = folder / f"site{number}"
        module = f"strange{number}"
        broken = self._package(draw, place, module)
        shows = draw.random() < 0.03
        with self._only(place, others=shows or draw.random() < WHOLE):
            with watched():
                shown = listed = CliRunner().invoke(app, ["list", "attacks"])
            if shows:  # this imports the plugin, which is installed
                shown = CliRunner().invoke(app, ["show", "mine"])
        for outcome in (listed, shown):
            if outcome.exception is not None and not isinstance(outcome.exception, AntivenomError | SystemExit):
                raise RuntimeError("the command failed") from outcome.exception
        if listed.exit_code:
            raise RuntimeError(f"antivenom list ends with {listed.exit_code}: {listed.exception!r}")
        if broken and "cannot be" not in " ".join(listed.stdout.split()):
            raise RuntimeError(f"antivenom list does not say that the plugin is broken:\n{listed.stdout}")
        if "\x1b[31m" in listed.stdout or "\x00" in listed.stdout:
            raise RuntimeError("antivenom list prints control characters")
        return "read"

    @contextlib.contextmanager
    def _only(self, place: Path, *, others: bool) -> Iterator[None]:
        """Look for packages in this place only, and in the other installed packages if `others`."""
        before = sys.path
        sys.path = [str(place), *(before if others else self.path)]
        importlib.invalidate_caches()
        registry.entries.cache_clear()
        registry._installed.cache_clear()
        try:
            yield
        finally:
            sys.path = before

    def _package(self, draw: Draw, place: Path, module: str) -> bool:
        """Write a package. Return whether its module is surely broken."""
        about = place / f"{module}-1.0.dist-info"
        about.mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n"
        point, file, broken = f"mine = {module}:Mine", place / f"{module}.py", False
        file.write_text(GOOD)
        change = draw.random()
        if change < 0.2:
            odd_file(draw, file, self.root / "outside" / "kept.txt")
            broken = not file.is_file()
        elif change < 0.45:
            file.write_bytes(TEXTS[int(draw.integers(len(TEXTS)))].encode())
        elif change < 0.6:
            file.write_bytes(spoiled(draw, GOOD.encode()))
        elif change < 0.75:
            value = str(draw.choice(np.array([*NAMES, "os:system", "no.such.module:X", ":", "a:b:c", "",
                f"{module}:No.Where",
                                              "antivenom.attacks.badnets:BadNets", ".:X", f"{module}.x:Mine",
                                              f"{MARKER}:X",
                                              f"{module}:Mine [extra]", "site:main", "-", "=", "a b"],
                                              object)))  # fmt: skip
            point = f"mine = {value.split(chr(10), maxsplit=1)[0]}".encode("utf-8", "replace").decode()
        elif change < 0.85:
            name = str(draw.choice(np.array([*NAMES, "badnets", "label_flip", "[x]", "=", "#", "a=b=c"], object)))
            point = f"{name} = {module}:Mine".encode("utf-8", "replace").decode()
        elif change < 0.93:
            odd = (
                "",
                "Name:\nVersion:\n",
                "Name: \x1b[31mred\nVersion: 1\n",
                "Version: 1\n",
                "\x00" * 9,
                "Name: " + "x" * 9999,
            )
            metadata = odd[int(draw.integers(len(odd)))]
        groups = ["antivenom.attacks", *(f"antivenom.{kind}" for kind in ("models", "datasets", "goals"))]
        text = "".join(f"[{group}]\n{point}\n" for group in groups[: int(draw.choice([1, 1, 4]))])
        (about / "METADATA").write_bytes(metadata.encode())
        (about / "entry_points.txt").write_bytes(spoiled(draw, text.encode()) if change > 0.93 else text.encode())
        if draw.random() < 0.03:
            (about / "entry_points.txt").unlink()
            (about / "entry_points.txt").mkdir()
            broken = False  # Python ignores it, so that the package has no plugin
        return broken
