"""What needs a package that is not installed is refused before any work, with the command that installs it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

from antivenom.analysis.embedding import Embedding, embed
from antivenom.errors import AntivenomError, CapabilityError, SettingsError
from antivenom.extras import missing_packages
from antivenom.playground.serving import serve
from antivenom.rng import Rng
from antivenom.runner import load_spec
from antivenom.runner.export import export
from antivenom.runner.results.result import frame

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
PACKAGES = [
    (re.split(r"[\[>=]", requirement)[0], extra)
    for extra, requirements in PROJECT["optional-dependencies"].items()
    if extra not in ("dev", "docs")
    for requirement in requirements
]


def command(extra: str) -> str:
    return re.escape(f"is not installed. Run: pip install 'antivenom[{extra}]'.")


@pytest.mark.parametrize(("package", "extra"), PACKAGES)
def test_the_message_names_the_extra_of_each_package(package: str, extra: str) -> None:
    assert re.search(command(extra), missing_packages("It", [package]))


def test_several_packages_are_one_command() -> None:
    expected = (
        "It requires pyarrow and ruptures, which are not installed. Run: pip install 'antivenom[parquet,streams]'."
    )
    assert missing_packages("It", ["pyarrow", "ruptures"]) == expected
    assert missing_packages("It", ["pyarrow", "theirs"]).endswith("Install them.")


def test_umap_is_refused_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(SettingsError, match=rf"^Embedding\.methods: umap requires umap-learn, which {command('umap')}"):
        Embedding(methods=("umap",))
    with pytest.raises(CapabilityError, match=command("umap")):
        embed(torch.eye(8), "umap", rng=Rng(0))


def test_a_table_is_refused_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(AntivenomError, match=command("frame")):
        frame([])


def test_parquet_is_refused_before_the_data_is_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    spec = load_spec({"attack": {"name": "badnets", "target": 7}})
    with pytest.raises(AntivenomError, match=command("parquet")):
        export(spec, tmp_path / "out", form="parquet", on_event=pytest.fail)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_the_playground_is_refused_without_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(AntivenomError, match=rf"^The playground requires uvicorn, which {command('playground')}"):
        serve("127.0.0.1", 0, (), on_listening=pytest.fail)


def test_a_spec_is_refused_without_the_package_of_its_defence(tmp_path: Path) -> None:
    code = "import sys; sys.modules['ruptures'] = None; from antivenom.cli import main; main()"
    words = [sys.executable, "-c", code, "run", "blame_digits", "--out", "out"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert re.search(rf"The defence 'blame' requires ruptures, which\s+{command('streams')}", done.stderr)
    assert not (tmp_path / "out").exists()
