"""Which file a spec's name stands for."""

from pathlib import Path

import pytest

from antivenom.cli_components import find_spec, shipped_examples
from antivenom.errors import AntivenomError


def test_an_example_is_found_beside_a_folder_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    assert find_spec("demo") == shipped_examples()["demo"]


def test_a_file_comes_before_an_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").write_text("attack: badnets")
    assert find_spec("demo") == Path("demo")


def test_a_folder_is_not_a_spec(tmp_path: Path) -> None:
    for name in ("", str(tmp_path)):
        with pytest.raises(AntivenomError, match="is not a file"):
            find_spec(name)
