"""Packages with a broken module, class, entry point or metadata, and what must become of each."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.hostile.isolated import MARKER
from benchmarks.hostile.mutations import NAMES, Draw, odd_file, spoiled
from benchmarks.hostile.plugin_sources import FAILING, GOOD, ODD, STRANGE

Fate = Literal["good", "broken", "fails", "open"]
"""What must become of a plugin. `good`: it is listed without a complaint, and loads. `broken`: the list says that it
cannot be read or found, and it does not load. `fails`: it does not load. `open`: any of these."""


@dataclass
class Package:
    """A package with one plugin, as files in a folder.

    Attributes:
        place: the folder, which is on the path.
        module: the module of the plugin.
        name: the name of the component.
        fate: what must become of it.
    """

    place: Path
    module: str
    name: str = "mine"
    fate: Fate = "good"

    def __post_init__(self) -> None:
        """Write a good package."""
        self.about, self.file = self.place / f"{self.module}-1.0.dist-info", self.place / f"{self.module}.py"
        self.about.mkdir(parents=True)
        self.file.write_text(GOOD)
        self.metadata(f"Metadata-Version: 2.1\nName: {self.module}\nVersion: 1.0\n")
        self.points(f"{self.name} = {self.module}:Mine")

    def metadata(self, text: str) -> None:
        """Write the metadata."""
        (self.about / "METADATA").write_bytes(text.encode())

    def points(self, point: str, kinds: int = 1) -> bytes:
        """Write an entry point for some kinds of components. Return the content of the file."""
        groups = ["antivenom.attacks", *(f"antivenom.{kind}" for kind in ("models", "datasets", "goals"))]
        content = "".join(f"[{group}]\n{point}\n" for group in groups[:kinds]).encode("utf-8", "replace")
        (self.about / "entry_points.txt").write_bytes(content)
        return content


def spoil(package: Package, draw: Draw, outside: Path) -> None:
    """Make one hostile change to a package; a few stay good."""
    changes = (_odd_module, _odd_source, _failing, _strange, _odd_value, _odd_name, _odd_metadata, _odd_points)
    shares = np.array([3, 5, 4, 4, 3, 2, 1, 2])
    if draw.random() < 0.04:
        return
    changes[int(draw.choice(len(changes), p=shares / shares.sum()))](package, draw, outside)


def _odd_module(package: Package, draw: Draw, outside: Path) -> None:
    odd_file(draw, package.file, outside / "kept.txt")
    package.fate = "fails" if package.file.is_file() else "broken"


def _odd_source(package: Package, draw: Draw, _: Path) -> None:
    source = ODD[int(draw.integers(len(ODD)))].encode() if draw.random() < 0.6 else spoiled(draw, GOOD.encode())
    package.file.write_bytes(source)
    package.fate = "open"
    for fate, most in (("fails", 0), ("broken", ast.PyCF_ONLY_AST)):
        try:
            compile(source, "plugin", "exec", most, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            package.fate = fate  # type: ignore[assignment]


def _failing(package: Package, draw: Draw, _: Path) -> None:
    package.file.write_text(f"{GOOD}\n\n{FAILING[int(draw.integers(len(FAILING)))]}\n")
    package.fate = "fails"


def _strange(package: Package, draw: Draw, _: Path) -> None:
    package.file.write_text(f"{GOOD}\n\n{STRANGE[int(draw.integers(len(STRANGE)))]}\n")
    package.fate = "open"


def _odd_value(package: Package, draw: Draw, _: Path) -> None:
    module = package.module
    missing = ("no.such.module:X", "no_such_module:X", f"{module}.x:Mine", ".:X", f"{'x' * 5000}:Mine",
               f"{'x.' * 3000}y:Mine", f"../{module}:Mine", f"{module}.py:Mine")  # fmt: skip
    absent = (f"{module}:No", f"{module}:No.Where", f"{module}:Mine.no", "os:nothing", "os:system:X", "os.path:X")
    odd = (*NAMES, "os:system", ":", "a:b:c", "", f"{MARKER}:X", f"{module}:Mine [extra]", "site:main", "-", "=",
           "antivenom.attacks.badnets:BadNets", "a b", f"{module}:Mine:", module, f"{module}:poison")  # fmt: skip
    fates: tuple[tuple[Fate, tuple[str, ...]], ...] = (("broken", missing), ("fails", absent), ("open", odd))
    package.fate, values = fates[int(draw.integers(len(fates)))]
    value = values[int(draw.integers(len(values)))]
    package.points(f"mine = {value.split(chr(10), maxsplit=1)[0]}", int(draw.choice([1, 1, 4])))


def _odd_name(package: Package, draw: Draw, _: Path) -> None:
    names = (*NAMES, "badnets", "label_flip", "[x]", "=", "#", "a=b=c", "a:b", "attacks", "attack", "--help")
    package.name, package.fate = names[int(draw.integers(len(names)))], "open"
    package.points(f"{package.name} = {package.module}:Mine", int(draw.choice([1, 1, 4])))


def _odd_metadata(package: Package, draw: Draw, _: Path) -> None:
    odd = (
        "",
        "Name:\nVersion:\n",
        "Name: \x1b[31mred\nVersion: 1\n",
        "Version: 1\n",
        "\x00" * 9,
        "Name: " + "x" * 9999,
    )
    package.metadata(odd[int(draw.integers(len(odd)))])


def _odd_points(package: Package, draw: Draw, _: Path) -> None:
    package.fate, file = "open", package.about / "entry_points.txt"
    if draw.random() < 0.5:
        file.write_bytes(spoiled(draw, package.points("mine = " + f"{package.module}:Mine", int(draw.choice([1, 4])))))
    elif draw.random() < 0.5:
        odd = ("mine", "[[", "[antivenom.attacks]\nmine", "[antivenom.attacks]\n= x\n\0", "mine = a:b\n", "\xff",
               "[antivenom.attacks]\n" + f"mine = {package.module}:Mine\n" * 3,
               "[antivenom.attacks]\n" + "".join(f"m{n} = a{n}:B\n" for n in range(300)))  # fmt: skip
        file.write_bytes(odd[int(draw.integers(len(odd)))].encode("latin1"))
    else:  # no FIFO or device, which no wheel contains: Python itself reads this file for every program
        file.unlink()
        if draw.random() < 0.5:
            file.mkdir()
