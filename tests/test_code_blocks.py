"""Every code block of README, CONTRIBUTING, SECURITY and docs/ is run or checked.

- `python`: run from top to bottom in one namespace. A block with prompts is a doctest. The examples of the guides in
  `docs/write/` are files in the folder (`scan_example.py`), which `tests/test_guides.py` checks and runs.
- `yaml`: a spec. A block without `attack` is a fragment: its keys replace those of `BASE`. A title is the name of its
  file; under the title of a shipped example, it has the same settings.
- `bash`: commands. Each is parsed by the real command. What is cheap is run.
- `toml`: entry points.
- `text`: layers of the code, as import-linter checks them.

Every other block fails.
"""

import doctest
import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from antivenom import load_spec
from antivenom.cli_components import shipped_examples
from antivenom.errors import MissingDataError
from antivenom.registry import KINDS
from antivenom.storage.yaml12 import parse_yaml
from tests.helpers.blocks import GUIDES, PAGES, ROOT, Block, blocks_in, blocks_of, inline_code_in, write_examples
from tests.helpers.layers import LAYERS, layers_in
from tests.helpers.page_commands import check_command, commands_in, names_a_command

BASE = {
    "dataset": {"name": "digits"},
    "model": {"name": "mlp", "hidden": [16]},
    "attack": {"name": "gradient_poison", "count": 5, "rounds": 1},
    "training": {"name": "end_to_end", "epochs": 1},
    "train_rows": 300,
}
GUIDE_PAGES = {f"docs/write/{guide}.md" for guide in GUIDES}
QUICK = ("repeats=1", "train_rows=300", "trackers=[]")  # tests/trackers runs the trackers
NOT_IN_PAGES = {"name", "seed", "repeats"}
SHORTENED = {"README.md": ("epochs=25", "epochs=1")}


@dataclass
class Reader:
    """Somebody who follows one page in one folder."""

    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})

    def follow(self, block: Block) -> None:
        """Run or check a block."""
        assert block.language in RULES, f"{block}: no rule checks a block of the language '{block.language}'."
        RULES[block.language](self, block)


def follow_python(reader: Reader, block: Block) -> None:
    """Run a block in the names of its page."""
    if block.page in GUIDE_PAGES:
        return  # the reader has it as a file, and tests/test_guides.py runs it
    if ">>>" in block.content:
        follow_doctest(reader, block)
        return
    old, new = SHORTENED.get(block.page, ("", ""))
    assert old in block.content
    exec(compile("\n" * block.line + block.content.replace(old, new), block.page, "exec"), reader.names)


def follow_doctest(reader: Reader, block: Block) -> None:
    """Run the lines after the prompts, and compare what they print."""
    assert block.content.startswith(">>>"), f"{block}: all lines of a doctest have prompts."
    test = doctest.DocTestParser().get_doctest(block.content, {}, str(block), block.page, block.line)
    test.globs = reader.names  # not a copy: the next block knows them
    printed: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, _ = doctest.DocTestRunner(optionflags=flags).run(test, out=printed.append, clear_globs=False)
    assert not failed, "".join(printed)


def follow_yaml(reader: Reader, block: Block) -> None:
    """Load a spec, and run it quickly; a shipped example is compared instead, because other tests run it."""
    spec = parse_yaml(block.content, str(block))
    if "cluster_name" in spec:
        follow_cluster(spec)
        return
    shipped = shipped_examples().get(block.title.removesuffix(".yaml"))
    if shipped:
        settings = parse_yaml(shipped.read_text(), str(shipped))
        for key in NOT_IN_PAGES - spec.keys():
            settings.pop(key, None)
        assert spec == settings, f"{block}: the settings differ from those of {block.title}."
        return
    if block.title:
        (reader.folder / block.title).write_text(block.content)
    if block.page in GUIDE_PAGES:
        return  # tests/test_guides.py runs it
    whole = spec if "attack" in spec else BASE | spec
    try:
        load_spec(whole, allow_code=True)
        load_spec(whole, overrides=QUICK, allow_code=True).run(progress=False)
    except MissingDataError:
        return  # raised only if the spec has no other problem


def follow_cluster(settings: dict[str, Any]) -> None:
    """Compare the settings of a cluster with those that Ray knows."""
    ray = pytest.importorskip("ray")
    schema = json.loads((Path(ray.__file__).parent / "autoscaler/ray-schema.json").read_text())
    assert {*schema["required"]} <= settings.keys() <= {*schema["properties"]}


def follow_commands(reader: Reader, block: Block) -> None:
    """Check each command, and run it where that is cheap."""
    commands = commands_in(block.content)
    assert commands
    for words in commands:
        check_command(words, reader.folder)


def follow_toml(reader: Reader, block: Block) -> None:
    """Check that antivenom reads the group of an entry point."""
    groups = tomllib.loads(block.content)["project"]["entry-points"]
    packages = {"antivenom.datasets", *(kind.package for kind in KINDS.values())}
    assert groups.keys() <= packages - {KINDS["datasets"].package}, groups


def follow_layers(reader: Reader, block: Block) -> None:
    """Check that import-linter has the same layers."""
    assert layers_in(block.content) in LAYERS


RULES: dict[str, Callable[[Reader, Block], None]] = {
    "python": follow_python,
    "yaml": follow_yaml,
    "bash": follow_commands,
    "toml": follow_toml,
    "text": follow_layers,
}


def check_text(text: str, folder: Path) -> None:
    """Check the commands between backticks. The name of a command may stand there alone."""
    for code in inline_code_in(text):
        if code.startswith(("antivenom ", "python -m ", "make ", "pip ")):
            (words,) = commands_in(code)
            if words[0] != "antivenom" or not names_a_command(words[1:]):
                check_command(words, folder)


def write_files(folder: Path) -> None:
    """Write the files that the readers of the pages have."""
    write_examples(folder)
    copytree(ROOT / "tests" / "helpers" / "own_training", folder, dirs_exist_ok=True)
    (folder / "mine.csv").write_text(
        "x,y,label\n" + "".join(f"{x},{y},{int(x > y)}\n" for x in range(5) for y in range(5))
    )


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A reader with the files that the pages name. What the pages import and write is gone afterwards."""
    write_files(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(sys.modules)
    yield Reader(tmp_path)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_and_command_of_a_page_is_right(page: str, reader: Reader) -> None:
    for block in blocks_of(page):
        reader.follow(block)
    check_text((ROOT / page).read_text(), reader.folder)


def test_the_readme_has_ten_lines_of_python() -> None:
    (block,) = [block for block in blocks_of("README.md") if block.language == "python"]
    assert len([line for line in block.content.splitlines() if line]) <= 11


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("    antivenom demo", "no rule checks"),
        ("```\nantivenom demo\n```", "no rule checks"),
        ("```console\n$ antivenom demo\n```", "no rule checks"),
        ("```yaml fragment\nrepeats: 1\n```", "must be a language"),
        ("```python\n>>> 1 + 1\n3\n```", "Got:"),
        ("```python\nfrom antivenom import Referee\n```", "Referee"),
        ("```python\nimport antivenom\n>>> 1 + 1\n```", "all lines of a doctest"),
        ("```yaml\nattack: {name: badnets, tarjet: 7}\n```", "tarjet"),
        ("```yaml\ntrusted: 7\n```", "trusted"),
        ('```yaml title="digits_badnets.yaml"\nattack: {name: badnets}\n```', "the settings differ"),
        ("```bash\nantivenom run digits_badnets --set attack.rat=1\n```", "rat"),
        ("```bash\nantivenom run --fast digits_badnets\n```", "--fast"),
        ("```bash\nantivenom walk\n```", "walk"),
        ("```bash\nantivenom run no_such_example\n```", "no_such_example"),
        ("```bash\nantivenom boundary --points 1,2 --labels 3\n```", "labels"),
        ("```bash\nantivenom show badgers\n```", "badgers"),
        ("```bash\nmake coffee\n```", "coffee"),
        ("```bash\npip install 'antivenom[coffee]'\n```", "coffee"),
        ("```bash\npython -m benchmarks.coffee\n```", "coffee"),
        ("```bash\ncoffee --hot\n```", "No rule checks the command"),
        ('```toml\n[project.entry-points."antivenom.coffee"]\na = "b:c"\n```', "coffee"),
        ("```text\ncli\nregistry\n```", "registry"),
    ],
)
def test_a_wrong_block_fails(text: str, problem: str, reader: Reader) -> None:
    with pytest.raises(Exception, match=re.escape(problem)):
        for block in blocks_in(text, "page.md"):
            reader.follow(block)


def test_a_wrong_command_in_the_text_fails(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="--fast"):
        check_text("Run `antivenom demo --fast`.", tmp_path)
