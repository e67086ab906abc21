"""The import graph: what a module reaches, and what it does not."""

import importlib
import os
import sys
import time
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from antivenom.registry import KINDS, entries
from antivenom.storage.loaded import is_current, stamp_of
from antivenom.storage.sources import Closure, Graph

EVERY = [entry.module for kind in KINDS for entry in entries(kind).values() if entry.module.startswith("antivenom.")]


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def reach(*modules: str, own: tuple[str, ...] = ()) -> Closure:
    found = Graph().closure(modules, own=own)
    assert found is not None
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that modules are imported from, as the user's own is."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


TREES = {
    "a helper of a helper": (
        {"xmain.py": "from xone import a", "xone.py": "import xtwo", "xtwo.py": "", "xother.py": ""},
        {"xmain", "xone", "xtwo"},
    ),
    "relative, in a package, inside a function": (
        {
            "xpack/__init__.py": "",
            "xpack/inner/__init__.py": "",
            "xpack/inner/one.py": "def work():\n    from ..two import a",
            "xpack/two.py": "from . import three",
            "xpack/three.py": "",
            "xpack/four.py": "",
            "xmain.py": "import xpack.inner.one",
        },
        {"xmain", "xpack", "xpack.inner", "xpack.inner.one", "xpack.two", "xpack.three"},
    ),
    "a package's own imports": (
        {
            "xmain.py": "from xpack.a import x",
            "xpack/__init__.py": "from xpack import b",
            "xpack/a.py": "",
            "xpack/b.py": "",
        },
        {"xmain", "xpack", "xpack.a", "xpack.b"},
    ),
    "a cycle": ({"xmain.py": "import xone", "xone.py": "import xmain"}, {"xmain", "xone"}),
    "a namespace package": (
        {"xmain.py": "from xspace.deep.one import a", "xspace/deep/one.py": ""},
        {"xmain", "xspace.deep.one"},
    ),
    "everything of a module": (
        {"xmain.py": "from xone import *", "xone.py": "import xtwo", "xtwo.py": ""},
        {"xmain", "xone", "xtwo"},
    ),
    "everything of a package that lists it": (
        {"xmain.py": "from xpack import *", "xpack/__init__.py": "__all__ = ['a']", "xpack/a.py": "", "xpack/b.py": ""},
        {"xmain", "xpack", "xpack.a"},
    ),
    "a submodule asked for as an attribute": (
        {"xmain.py": "import xpack as p\np.a.work()", "xpack/__init__.py": "", "xpack/a.py": "", "xpack/b.py": ""},
        {"xmain", "xpack", "xpack.a"},
    ),
    "names that are imported when they are used": (
        {
            "xmain.py": "from xpack import A",
            "xpack/__init__.py": "_HOMES = {'A': 'xpack.a', 'B': 'xpack.b'}\ndef __getattr__(name): ...",
            "xpack/a.py": "",
            "xpack/b.py": "",
        },
        {"xmain", "xpack", "xpack.a"},
    ),
    "names that come from anywhere": (
        {
            "xmain.py": "from xpack import A",
            "xpack/__init__.py": "def __getattr__(name): ...",
            "xpack/a.py": "",
            "xpack/deep/__init__.py": "",
            "xpack/deep/b.py": "",
        },
        {"xmain", "xpack", "xpack.a", "xpack.deep", "xpack.deep.b"},
    ),
    "what is not there, and what is no Python": (
        {"xmain.py": "import xnowhere, xbroken", "xbroken.py": "def"},
        {"xmain", "xbroken"},
    ),
    "what a type checker alone reads": (
        {"xmain.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import xone", "xone.py": ""},
        {"xmain"},
    ),
    "a module by the name of the standard library's": ({"xmain.py": "import json, os.path, sys"}, {"xmain"}),
}


@pytest.mark.parametrize("tree", TREES)
def test_what_a_module_reaches(place: Path, tree: str) -> None:
    files, expected = TREES[tree]
    write(place, files)
    assert set(reach("xmain").files) == expected
    assert not any(name.startswith("x") and name in sys.modules for name in expected)  # nothing was imported


@pytest.mark.parametrize("tree", TREES)
def test_every_file_that_is_reached_counts_and_no_other_does(place: Path, tree: str) -> None:
    files, expected = TREES[tree]
    write(place, files)
    before = reach("xmain").digest
    for name, text in files.items():
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        (place / name).write_text(f"{text}\n# edited")
        assert (reach("xmain").digest != before) == (module in expected), name
        (place / name).write_text(text)


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("from antivenom.attacks import BadNets", "antivenom.attacks.badnets"),
        ("from antivenom import attacks\nattacks.BadNets", "antivenom.attacks.badnets"),
        ("import antivenom.attacks as them\nthem . BadNets()", "antivenom.attacks.badnets"),
        ("from antivenom import load", "antivenom.data.sources"),
        ("import antivenom\nantivenom.load('digits')", "antivenom.data.sources"),
        ("from antivenom import Rng", "antivenom.rng"),
        ("from antivenom.data.sources.digits import Digits", "antivenom.data.sources"),
    ],
)
def test_names_of_antivenoms_own_lead_to_the_file_that_defines_them(place: Path, text: str, module: str) -> None:
    write(place, {"xmain.py": text})
    found = reach("xmain").files
    assert module in found
    assert "antivenom" in found
    assert "antivenom.attacks.label_flip" not in found


def test_the_same_files_elsewhere_have_the_same_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for folder in ("here", "there"):
        write(tmp_path / folder, TREES["relative, in a package, inside a function"][0])
        with monkeypatch.context() as patch:
            patch.syspath_prepend(tmp_path / folder)
            digests.append(reach("xmain").digest)
    assert digests[0] == digests[1]


def test_a_module_under_another_name_has_another_digest(place: Path) -> None:
    write(place, {"xone.py": "", "xtwo.py": ""})
    assert reach("xone").digest != reach("xtwo").digest


def test_an_extension_is_known_by_its_bytes(place: Path) -> None:
    write(place, {"xmain.py": "import xfast"})
    (place / f"xfast{EXTENSION_SUFFIXES[0]}").write_bytes(b"\x7fELF one")
    before = reach("xmain")
    assert set(before.files) == {"xmain", "xfast"}
    (place / f"xfast{EXTENSION_SUFFIXES[0]}").write_bytes(b"\x7fELF two")
    assert reach("xmain").digest != before.digest


def installed(place: Path) -> Path:
    """A folder of installed packages, with one library in it."""
    folder = place / "site-packages"
    write(
        folder,
        {
            "xlib/__init__.py": "import xmore",
            "xlib/deep.py": "",
            "xmore.py": "",
            "x_library-1.5.dist-info/METADATA": "Metadata-Version: 2.1\nName: x-library\nVersion: 1.5\n",
            "x_library-1.5.dist-info/RECORD": "xlib/__init__.py,,\nxlib/deep.py,,\nxmore.py,,\n",
        },
    )
    return folder


def test_an_installed_library_is_known_by_its_version(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(installed(place))
    write(place, {"xmain.py": "from xlib.deep import x"})
    found = reach("xmain")
    assert (set(found.files), found.libraries) == ({"xmain"}, {"x-library": "1.5"})


def test_an_installed_package_of_components_is_followed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(installed(place))
    found = reach("xlib.deep", own=("xlib",))
    assert (set(found.files), found.libraries) == ({"xlib", "xlib.deep"}, {"x-library": "1.5"})


def test_an_installed_file_without_a_distribution_is_followed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(place / "site-packages")
    write(place, {"xmain.py": "import xloose", "site-packages/xloose.py": ""})
    assert set(reach("xmain").files) == {"xmain", "xloose"}


def test_the_versions_of_the_libraries_that_are_reached_are_known() -> None:
    found = reach("antivenom.data.sources.digits").libraries
    assert {"torch", "numpy", "scikit-learn", "pydantic"} <= found.keys()
    assert all(number[0].isdigit() for number in found.values())


def test_a_root_that_is_not_there_or_cannot_be_read_is_unknown(place: Path) -> None:
    (place / "xdead.py").symlink_to(place / "nowhere.py")
    write(place, {"xmain.py": ""})
    assert Graph().closure(["xnowhere"]) is None
    assert Graph().closure(["xdead"]) is None
    assert Graph().closure(["xmain.x"]) is None


# antivenom's own -----------------------------------------------------------------------------------------------------

SHARED = Graph()
FACES = ("cli", "report", "testing", "interop", "playground", "runner", "storage", "examples", "charts.drawing")


@pytest.mark.parametrize("module", EVERY)
def test_no_component_reaches_what_shows_or_checks_results(module: str) -> None:
    found = SHARED.closure([module])
    assert found is not None
    faces = [name for name in found.files if name.removeprefix("antivenom.").startswith(FACES)]
    assert not faces, "Import what draws or shows by name, with import_module (decision 3)."
    assert "matplotlib" not in found.libraries


@pytest.mark.parametrize(("attack", "other"), [("badnets", "label_flip"), ("label_flip", "badnets")])
def test_an_attack_reaches_itself_and_neither_another_one_nor_models_nor_trainings(attack: str, other: str) -> None:
    found = reach(f"antivenom.attacks.{attack}").files
    assert f"antivenom.attacks.{attack}" in found
    assert f"antivenom.attacks.{other}" not in found
    assert not any(name.startswith("antivenom.training") for name in found)
    assert not {"antivenom.models.module", "antivenom.models.adapters", "antivenom.models.keras"} & found.keys()


# What is in memory ---------------------------------------------------------------------------------------------------


def age(file: Path, seconds: float) -> None:
    then = time.time_ns() - int(seconds * 1e9)
    os.utime(file, ns=(then, then))


def test_a_file_that_changed_since_it_was_read_is_not_what_runs(place: Path) -> None:
    write(place, {"xmain.py": "import xone", "xone.py": ""})
    graph = Graph()
    before = graph.current_closure(["xmain"], since=None)
    assert before == reach("xmain")
    write(place, {"xone.py": "# edited"})
    assert graph.current_closure(["xmain"], since=None) is None
    assert reach("xmain") != before


@pytest.mark.parametrize("compiled", [True, False])
def test_a_file_that_was_edited_after_its_import_is_not_what_runs(
    place: Path, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", not compiled)
    write(place, {"xmain.py": "import xone", "xone.py": "HOW = 1"})
    for file in place.glob("*.py"):
        age(file, 3600)
    importlib.import_module("xmain")
    defined = time.time_ns()
    assert Graph().current_closure(["xmain"], since=defined) is not None
    assert Graph().current_closure(["xmain"], since=None) is not None
    write(place, {"xone.py": "HOW = 22"})
    assert Graph().current_closure(["xmain"], since=None) is None
    assert Graph().current_closure(["xmain"], since=defined - 10**9) is None
    if compiled:  # Python's own cache was made from another file
        assert Graph().current_closure(["xmain"], since=time.time_ns()) is None


def test_a_time_in_the_future_says_nothing(place: Path) -> None:
    write(place, {"xmain.py": ""})
    age(place / "xmain.py", -3600)
    importlib.import_module("xmain")
    file = place / "xmain.py"
    assert is_current("xmain", file, stamp_of(file), time.time_ns())


def test_a_module_that_was_imported_from_elsewhere_is_not_what_runs(place: Path) -> None:
    write(place, {"xmain.py": "", "other/xmain.py": ""})
    importlib.import_module("xmain")
    file = place / "other/xmain.py"
    assert not is_current("xmain", file, stamp_of(file), time.time_ns())


def test_a_module_that_was_missing_and_has_come_is_not_what_runs(place: Path) -> None:
    write(place, {"xmain.py": "try:\n    import xextra\nexcept ImportError:\n    pass"})
    graph = Graph()
    assert graph.current_closure(["xmain"], since=None) is not None
    write(place, {"xextra.py": ""})
    importlib.invalidate_caches()
    assert graph.current_closure(["xmain"], since=None) is None
