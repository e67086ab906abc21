"""Broken packages with entry points hide nothing else, run nothing, and are listed with the reason."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from antivenom import registry
from antivenom.cli import app
from antivenom.errors import AntivenomError, UnknownComponentError
from antivenom.runner import load_spec

POINT = "[antivenom.attacks]\nmine = strange_plugin:Mine\n"
METADATA = "Metadata-Version: 2.1\nName: strange-plugin\nVersion: 1.0\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """A function that writes a package, and returns the text of `antivenom list attacks`."""

    def listed(point: str = POINT, metadata: str = METADATA) -> str:
        info = tmp_path / "strange_plugin-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text(point)
        monkeypatch.syspath_prepend(tmp_path)
        registry.entries.cache_clear()
        outcome = CliRunner().invoke(app, ["list", "attacks"])
        assert outcome.exception is None
        assert "badnets" in outcome.stdout
        assert "strange_plugin" not in sys.modules
        assert not {"\x1b", "\0", "\x07"} & set(outcome.stdout)
        return " ".join(outcome.stdout.split())

    registry.entries.cache_clear()
    yield listed
    registry.entries.cache_clear()


@pytest.mark.parametrize("kind", ["absent", "a FIFO", "a folder", "a link to itself", "a device"])
def test_a_module_that_is_no_file_is_listed_as_broken(kind: str, package: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "strange_plugin.py"
    if kind == "a FIFO":
        os.mkfifo(file)
    elif kind == "a folder":
        file.mkdir()
    elif kind != "absent":
        file.symlink_to(file.name if kind == "a link to itself" else "/dev/zero")
    assert "mine no description cannot be found: the module 'strange_plugin' does not exist" in package()
    with pytest.raises(UnknownComponentError, match="does not exist"):
        registry.find("attacks", "mine")


@pytest.mark.parametrize("text", ["class (", "(" * 50_000, "-" * 100_000 + "1", "\0", "x = " + "9" * 5000, "\udcff"])
def test_a_module_that_cannot_be_parsed_is_listed_as_broken(
    text: str, package: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "strange_plugin.py").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert "mine cannot be read" in package()
    with pytest.raises(UnknownComponentError, match="'mine' cannot be loaded from strange_plugin"):
        registry.find("attacks", "mine")


@pytest.mark.parametrize("value", ["../x:Y", "a\x07b:X", "x" * 5000 + ":X", "no.such:X", "os.path:X", ".:X"])
def test_an_odd_address_is_listed(value: str, package: Callable[..., str]) -> None:
    assert "mine" in package(f"[antivenom.attacks]\nmine = {value}\n")


@pytest.mark.parametrize("point", ["[antivenom.attacks]\nmine\n", "[antivenom.attacks]\n= x\n\0", "[[", "mine = a:b\n"])
def test_damaged_metadata_hides_no_other_component(point: str, package: Callable[..., str]) -> None:
    package(point)


def test_damaged_entry_points_are_listed_with_their_package(package: Callable[..., str]) -> None:
    assert "strange_plugin-1.0.dist-info" in package("[antivenom.attacks]\nmine\n").replace(" ", "")


@pytest.mark.parametrize("name", ["red\x1b[31m", "[bold]", "a=b"])
def test_a_name_prints_no_control_characters(name: str, package: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "strange_plugin.py").write_text("class Mine:\n    '''\x1b[31mIt is red.\x07'''\n")
    package(f"[antivenom.attacks]\n{name} = strange_plugin:Mine\n", METADATA.replace("strange", "\x1b[31mred"))


FAILING = (
    "raise SystemExit",
    "1 / 0",
    "pass",
    "import no.such",
    "class Mine(3): pass",
    "class Stop(BaseException): pass\nraise Stop",
    "class Mute(Exception):\n    def __str__(self): 1 / 0\nraise Mute",
)


@pytest.mark.parametrize("text", FAILING)
def test_a_module_that_fails_at_its_import_is_one_error(text: str, package: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "strange_plugin.py").write_text(text + "\nclass Mine: pass\n")
    package()
    try:
        shown = CliRunner().invoke(app, ["show", "mine"])
    finally:
        sys.modules.pop("strange_plugin", None)
    assert isinstance(shown.exception, UnknownComponentError)


def test_a_module_may_state_its_encoding(package: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "strange_plugin.py").write_bytes("# coding: latin-1\nclass Mine:\n    'Très.'\n".encode("latin-1"))
    assert "mine Très." in package()


def test_a_module_in_an_unknown_encoding_is_listed_as_broken(package: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "strange_plugin.py").write_text("# coding: klingon\nclass Mine: pass\n")
    assert "mine cannot be read" in package()


SOURCE = """
from antivenom.settings import component

@component
class Mine:
    "It flips labels."
    appends = False
    {}

    def poison(self, data, *, rng, surrogate=None):
        return data
"""


@pytest.mark.parametrize(
    "line",
    [
        "def __post_init__(self): 1 / 0",
        "def __post_init__(self): raise SystemExit",
        "x: 'Nothing' = 3",
        "x: [] = 3",
        "def files(self): return 3",
        "def files(self): 1 / 0",
        "needs = property(lambda self: 3)",
    ],
)
def test_a_component_that_fails_is_one_error(line: str, package: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "strange_plugin.py").write_text(SOURCE.format(line))
    package()
    try:
        with pytest.raises(AntivenomError):
            load_spec({"attack": "mine", "model": "mlp"}).run(progress=False)
    finally:
        sys.modules.pop("strange_plugin", None)


def test_a_very_long_name_is_neither_compared_nor_repeated() -> None:
    with pytest.raises(UnknownComponentError) as caught:
        registry.find("attacks", "badnet" * 10**6)
    assert "Did you mean" not in str(caught.value)
    assert len(str(caught.value)) < 2000
