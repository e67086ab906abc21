"""What is installed has its sum in requirements.lock; what SECURITY.md promises has its test."""

import os
import re
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"([a-z0-9][a-z0-9.-]*)==(\S+) \\$")
OWN = {"antivenom", "antivenom-plugin", "pip"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    """The versions of the lock file, by name. Every line is a version or a SHA-256 sum of it."""
    versions = dict[str, str]()
    sums = 0
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if match := LINE.match(line):
            assert not versions or sums, f"{list(versions)[-1]} has no sum"
            versions[match[1]], sums = match[2], 0
        else:
            assert re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?", line), line
            sums += 1
    assert sums
    return versions


def test_every_constraint_is_locked_in_the_same_version() -> None:
    versions = locked()
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            if normal(name) in versions:
                assert versions[normal(name)].removesuffix("+cpu") == version, name


def test_the_lock_has_what_builds_and_runs_antivenom() -> None:
    versions = locked()
    assert {"torch", "numpy", "safetensors", "pydantic", "typer", "hatchling", "editables", "pytest"} <= versions.keys()
    assert versions["torch"] == "2.13.0+cpu"


@pytest.mark.skipif(os.environ.get("LOCKED") != "1", reason="only CI installs exactly what is locked: set LOCKED=1")
def test_ci_has_installed_what_is_locked_and_nothing_else() -> None:
    versions = locked()
    place = sysconfig.get_paths()["purelib"]  # Ray adds a folder with packages of its own to the path
    found = {normal(one.metadata["Name"]): one.version for one in distributions(path=[place])}
    assert {name: version for name, version in found.items() if name not in OWN} == versions


def test_every_promise_in_security_md_has_its_test() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", text))
    files = list((ROOT / "tests").rglob("test_*.py"))
    defined = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert len(named) > 15
    assert named <= defined
    assert set(re.findall(r"`(test_\w+\.py)`", text)) <= {file.name for file in files}
