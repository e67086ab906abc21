"""Discovery: by file, unread until asked for, and one broken file hides one component alone."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bezoar import registry
from bezoar.errors import UnknownComponentError


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package of attacks: one good, one that needs what is not there, one broken, one private, one that is none."""
    package = tmp_path / "strange_attacks"
    package.mkdir()
    (package / "__init__.py").write_text("")
    head = "from bezoar.settings import component\n"
    body = '@component\nclass {}:\n    """Does {}."""\n    def poison(self, data, *, rng, surrogate=None): ...\n'
    (package / "good_one.py").write_text(head + body.format("GoodOne", "good"))
    (package / "needy.py").write_text("import no_such_package_here\n" + head + body.format("Needy", "little"))
    (package / "broken.py").write_text("def (:\n")
    (package / "_private.py").write_text(head + body.format("Private", "nothing"))
    (package / "plain.py").write_text("class Plain:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(registry.KINDS, "attacks", registry.Kind("attack", "strange_attacks", "poison"))
    registry.entries.cache_clear()
    yield
    registry.entries.cache_clear()
    for name in [name for name in sys.modules if name.startswith("strange_attacks")]:
        del sys.modules[name]


def test_components_are_found_by_file_and_not_imported(strange: None) -> None:
    assert list(registry.entries("attacks")) == ["broken", "good_one", "needy"]
    assert "strange_attacks.good_one" not in sys.modules
    assert registry.find("attacks", "good_one").__name__ == "GoodOne"


def test_what_is_missing_or_broken_is_said(strange: None) -> None:
    assert registry.entries("attacks")["needy"].missing == ("no_such_package_here",)
    assert "SyntaxError" in (registry.entries("attacks")["broken"].broken or "")
    for name, words in (
        ("needy", "needs no_such_package_here"),
        ("broken", "cannot be loaded"),
        ("god_one", "'good_one'"),
    ):
        with pytest.raises(UnknownComponentError, match=words):
            registry.find("attacks", name)


def test_other_packages_add_theirs_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("theirs", "bezoar.attacks.label_flip:LabelFlip", "bezoar.attacks")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == "bezoar.attacks" else [])
    registry.entries.cache_clear()
    try:
        assert registry.find("attacks", "theirs").__name__ == "LabelFlip"
    finally:
        registry.entries.cache_clear()


def test_names_of_classes_are_found_in_their_package() -> None:
    import bezoar.attacks

    assert bezoar.attacks.BadNets.__module__ == "bezoar.attacks.badnets"
    assert "BadNets" in dir(bezoar.attacks)
    with pytest.raises(AttributeError, match="BadNet"):
        _ = bezoar.attacks.BadNet
