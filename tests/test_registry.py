"""Components are found by file name, read without being imported, and one that is broken hides itself alone."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from antivenom import registry
from antivenom.attacks import BadNets
from antivenom.errors import SettingsError, UnknownComponentError
from antivenom.importing import import_named
from antivenom.registry import KINDS, Kind, did_you_mean, entries, find, name_of
from antivenom.settings import build, component, describe

GOOD = '''
from antivenom.settings import component

@component
class {name}:
    """A trigger called {name}.

    More."""

    def apply(self, x, bounds):
        return x
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, registry.Entry]]]:
    """Write files of a package of triggers, and read its entries."""
    package = tmp_path / "strange_triggers"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(KINDS, "triggers", Kind("trigger", "strange_triggers", ("apply",)))
    entries.cache_clear()

    def write(**files: str | bytes) -> dict[str, registry.Entry]:
        for name, content in files.items():
            raw = content if isinstance(content, bytes) else content.encode()
            (package / f"{name}.py").write_bytes(raw)
        entries.cache_clear()
        return entries("triggers")

    yield write
    entries.cache_clear()
    for name in [name for name in sys.modules if name.startswith("strange_triggers")]:
        del sys.modules[name]


def test_the_name_is_the_files_and_the_summary_the_docstrings_first_line(folder: Callable[..., dict]) -> None:
    found = folder(red_dot=GOOD.format(name="RedDot"))
    assert list(found) == ["red_dot"]
    assert (found["red_dot"].class_name, found["red_dot"].summary) == ("RedDot", "A trigger called RedDot.")
    assert "strange_triggers.red_dot" not in sys.modules, "reading must not import"
    assert find("triggers", "red_dot").__name__ == "RedDot"


@pytest.mark.parametrize(
    "content",
    [
        "class Other: pass",
        "from antivenom.settings import component\n@component\nclass SomethingElse: pass",
        "class RedDot: pass  # not decorated",
        "",
    ],
)
def test_a_file_without_a_component_of_its_name_is_none(folder: Callable[..., dict], content: str) -> None:
    assert folder(red_dot=content) == {}


def test_a_file_that_starts_with_an_underscore_is_none(folder: Callable[..., dict]) -> None:
    assert folder(_red_dot=GOOD.format(name="RedDot")) == {}


@pytest.mark.parametrize(
    "content",
    ["def broken(:", b"\xff\xfe\xfa", b"x = '\0'", "(" * 5000, "import os\n  x = 1"],
    ids=["syntax", "bytes", "null", "deep", "indent"],
)
def test_a_broken_file_hides_one_component_and_says_so(folder: Callable[..., dict], content: str | bytes) -> None:
    found = folder(broken=content, red_dot=GOOD.format(name="RedDot"))
    assert list(found) == ["broken", "red_dot"]
    assert found["broken"].broken
    assert found["red_dot"].broken is None
    assert find("triggers", "red_dot").__name__ == "RedDot"
    with pytest.raises(UnknownComponentError, match="'broken' cannot be loaded from"):
        find("triggers", "broken")


def test_a_package_that_is_not_installed_is_named(folder: Callable[..., dict]) -> None:
    needy = "import no_such_package.deep\nfrom nor_this import x\nimport os\n" + GOOD.format(name="Needy")
    found = folder(needy=needy, red_dot=GOOD.format(name="RedDot"))
    assert found["needy"].missing == ("no_such_package", "nor_this")
    assert found["red_dot"].missing == ()
    with pytest.raises(UnknownComponentError, match="requires no_such_package and nor_this, which are not installed"):
        found["needy"].load()


def test_a_file_that_fails_when_imported_says_why(folder: Callable[..., dict]) -> None:
    found = folder(late=GOOD.format(name="Late") + "\nfrom os import no_such_name\n")
    with pytest.raises(UnknownComponentError, match=r"cannot be loaded from strange_triggers\.late: .*no_such_name"):
        found["late"].load()


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package of somebody else's with an attack, which its inner module holds and its top re-exports."""

    class Theirs(BadNets):
        """Theirs."""

    module = ModuleType("their_package")
    module.Theirs = Theirs  # type: ignore[attr-defined]
    Theirs.__module__ = "their_package._inner"
    monkeypatch.setitem(sys.modules, "their_package", module)
    point = EntryPoint(name="theirs", value="their_package:Theirs", group="antivenom.attacks")
    monkeypatch.setattr(registry.plugins, "entry_points", lambda group: [point] if group == "antivenom.attacks" else [])
    entries.cache_clear()
    yield module
    monkeypatch.undo()
    entries.cache_clear()


def test_an_entry_point_adds_a_component(plugin: ModuleType) -> None:
    assert find("attacks", "theirs") is plugin.Theirs
    assert {"badnets", "theirs"} <= set(entries("attacks"))
    assert "theirs" not in entries("triggers")


def test_the_entry_of_a_plugin_has_its_package_and_is_read_without_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_defences").mkdir()
    (tmp_path / "their_defences" / "watch.py").write_text(
        'import no_such_package\nclass Watch:\n    """Watches.\n\n    More."""\n    def suspicion(self): ...\n'
    )
    info = tmp_path / "their_defences-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-defences\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[antivenom.defences]\nwatch = their_defences.watch:Watch\n")
    monkeypatch.syspath_prepend(tmp_path)
    entries.cache_clear()
    try:
        entry = entries("defences")["watch"]
    finally:
        entries.cache_clear()
    assert (entry.package, entry.version, entry.contract) == ("their-defences", "1.5", "filter")
    assert (entry.summary, entry.missing) == ("Watches.", ("no_such_package",))
    assert "their_defences" not in sys.modules


def test_a_defence_has_the_name_of_its_contract() -> None:
    found = {name: entries("defences")[name].contract for name in ("loss_monitor", "neural_cleanse", "blame")}
    assert found == {"loss_monitor": "detector", "neural_cleanse": "scan", "blame": "stream defence"}


def test_a_component_that_an_entry_point_re_exports_keeps_its_name(plugin: ModuleType) -> None:
    assert name_of("attacks", plugin.Theirs) == "theirs"


def test_a_module_of_a_registered_component_needs_no_permission(
    plugin: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    @component
    class Stamp:
        """A trigger that stands beside the attack and is not registered."""

        def apply(self, x: object, bounds: object) -> object:
            return x

    plugin.Stamp = Stamp  # type: ignore[attr-defined]
    Stamp.__module__, Stamp.__qualname__ = "their_package", "Stamp"
    assert describe("triggers", Stamp()) == {"name": "their_package:Stamp"}
    goal = {"name": "backdoor", "target": 1, "trigger": {"name": "their_package:Stamp"}}
    assert build("goals", goal, path="goal").trigger == Stamp()
    for name in ("their_package.deeper:Stamp", "their_package:Stamp.apply", "mine:Stamp"):
        with pytest.raises(SettingsError, match="which is not allowed to run"):
            build("triggers", name, path="trigger")


def test_a_class_of_a_script_says_where_to_put_it() -> None:
    with pytest.raises(UnknownComponentError, match=r"Cannot import '__main__:Gone': .* Move Gone from your script"):
        import_named("__main__:Gone")


def test_an_entry_point_that_leads_nowhere_says_so(plugin: ModuleType) -> None:
    del plugin.Theirs
    with pytest.raises(UnknownComponentError, match="'theirs' cannot be loaded from their_package"):
        find("attacks", "theirs")
    assert name_of("attacks", BadNets) == "badnets"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_components_and_each_loads(kind: str) -> None:
    found = entries(kind)
    assert found
    assert list(found) == sorted(found)
    for name, entry in found.items():
        assert entry.summary, name
        assert entry.broken is None
        assert any(callable(getattr(entry.load(), method, None)) for method in KINDS[kind].methods)
        assert name_of(kind, entry.load()) == name


def test_reading_all_entries_imports_no_torch() -> None:
    code = (
        "import sys\nfrom antivenom.registry import KINDS, entries\n"
        "assert all(entries(kind) for kind in KINDS)\n"
        "print([name for name in ('torch', 'numpy', 'sklearn', 'pandas', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", [["list"], ["list", "attacks"], ["list", "examples"]], ids=" ".join)
def test_listing_imports_no_torch(words: list[str]) -> None:
    code = (
        "import atexit, sys\n"
        "heavy = ('torch', 'sklearn', 'scipy', 'pandas', 'matplotlib')\n"
        "atexit.register(lambda: print([name for name in heavy if name in sys.modules]))\n"
        f"sys.argv = {['antivenom', *words]}\n"
        "from antivenom.cli import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *listed, imported = done.stdout.splitlines()
    assert any("badnets" in line for line in listed) or words[1:] == ["examples"]
    assert len(listed) > 5
    assert imported == "[]"


@pytest.mark.parametrize(
    ("kind", "wrong", "said"),
    [
        ("attacks", "badnet", "Unknown attack 'badnet'. Did you mean 'badnets'? `antivenom list attacks` shows all."),
        ("attacks", "qqqqq", "Unknown attack 'qqqqq'. `antivenom list attacks` shows all."),
        ("attacks", "", "Unknown attack ''. `antivenom list attacks` shows all."),
        ("datasets", "mnst", "Did you mean 'mnist'?"),
        ("attacks", "_attack", "Unknown attack"),
        ("attacks", "../models/cnn", "Unknown attack"),
    ],
)
def test_an_unknown_name_gets_the_nearest(kind: str, wrong: str, said: str) -> None:
    with pytest.raises(UnknownComponentError) as caught:
        find(kind, wrong)
    assert said in str(caught.value)


def test_did_you_mean_is_silent_where_nothing_is_near() -> None:
    assert did_you_mean("x", []) == ""
    assert did_you_mean("seed", ["epochs"]) == ""


def test_packages_offer_their_components_by_class_name() -> None:
    import antivenom.attacks

    assert antivenom.attacks.BadNets is BadNets
    assert "LabelFlip" in dir(antivenom.attacks)
    with pytest.raises(AttributeError, match="no attribute 'NoSuch'"):
        antivenom.attacks.NoSuch  # noqa: B018


@pytest.mark.parametrize("path", ["os", "os:", ":x", "", ":", ".x:y", "os:no.such", "no_such_pkg:x", "a b:c"])
def test_a_path_that_leads_nowhere_is_one_error(path: str) -> None:
    with pytest.raises(UnknownComponentError, match="Cannot import"):
        import_named(path)


def test_a_path_may_lead_into_a_class() -> None:
    assert import_named("pathlib:Path.cwd") == Path.cwd
