"""Which file a spec's name stands for."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from antivenom.cli_components import find_spec, shipped_examples
from antivenom.errors import AntivenomError
from tests.helpers.command import same_process


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


def test_list_says_what_kind_of_defence_each_is(tmp_path: Path) -> None:
    lines = same_process("list", "defences", at=tmp_path).stdout.splitlines()
    assert any(line.split()[:2] == ["neural_cleanse", "scan"] for line in lines)
    assert any(line.split()[:2] == ["loss_monitor", "detector"] for line in lines)
    assert (
        "neural_cleanse, scan: antivenom.defences.neural_cleanse"
        in same_process("show", "neural_cleanse", at=tmp_path).stdout
    )


def test_a_component_of_another_package_says_which_and_how_to_remove_it(tmp_path: Path) -> None:
    try:
        installed = version("antivenom-plugin")
    except PackageNotFoundError:
        pytest.skip("the package is not installed: pip install -e tests/plugin")
    shown = " ".join(same_process("show", "far_from_mean", at=tmp_path).stdout.split())
    assert "far_from_mean, detector: antivenom_plugin.far_from_mean.FarFromMean" in shown
    assert f"The package antivenom-plugin {installed} adds this component." in shown
    assert "`pip uninstall antivenom-plugin` removes it." in shown
    listed = " ".join(same_process("list", "defences", at=tmp_path).stdout.split())
    assert f"(package antivenom-plugin {installed})" in listed
    assert "The distance of a row from the mean of its class" in listed
