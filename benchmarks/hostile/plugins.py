"""Hostile packages with entry points: `antivenom list` imports nothing and says what is broken, and specs refuse it."""

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer import testing
from typer.testing import CliRunner, Result

from antivenom import registry
from antivenom.cli import app
from antivenom.errors import AntivenomError
from antivenom.registry import entry, lookup
from antivenom.rng import Rng
from antivenom.runner import Experiment, load_spec
from benchmarks.hostile.isolated import watched
from benchmarks.hostile.plugin_packages import Package, spoil
from benchmarks.hostile.plugin_sources import SUMMARY
from benchmarks.hostile.remembered import Remembered
from benchmarks.hostile.run_folders import WHOLE

SPEC: dict[str, Any] = {"attack": "badnets", "model": "mlp", "training": {"name": "end_to_end", "epochs": 1}}

KEPT = {
    "attacks": ("badnets", "label_flip", "random_noise"),
    "models": ("mlp",),
    "trainings": ("end_to_end",),
    "datasets": ("digits",),
    "goals": ("backdoor",),
    "triggers": ("patch",),
    "surrogates": ("trained",),
}
"""The components of antivenom beside most plugins: to list all of them would take most of the time."""

CONTROL = {*map(chr, range(32)), "\x7f"} - {"\n"}

SHOWS, RUNS, BESIDE = 0.03, 0.05, 0.3
"""The shares of inputs for which the plugin is shown, is run, and stands beside a good package."""


class Plugins:
    """Packages with a broken module, class, entry point or metadata. What must become of many of them is known."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.seed, self.remembered = root, seed, Remembered()
        built_in = functools.cache(lookup._built_in)
        few = {kind: {name: built_in(kind)[name] for name in names} for kind, names in KEPT.items()}
        lookup._built_in = lambda kind: built_in(kind) if self.all else few.get(kind, {})
        testing._get_command = functools.cache(testing._get_command)  # type: ignore[attr-defined]
        self.path = [each for each in sys.path if "site-packages" not in Path(each).parts]
        self.all = True
        load_spec(SPEC).run(progress=False)  # imports what runs need
        CliRunner().invoke(app, ["show", "badnets"])

    def __call__(self, number: int, folder: Path) -> str:
        """Make a package, put it on the path, list all components, and load this one."""
        draw = Rng(self.seed).child("plugins").child(str(number)).numpy()
        package, modules = Package(folder / f"site{number}", f"strange{number}"), set(sys.modules)
        spoil(package, draw, self.root / "outside")
        packages = [package]
        if draw.random() < BESIDE:  # a package that stays good
            packages.append(Package(package.place, f"beside{number}", "beside"))
        shows, runs, whole = (draw.random() < share for share in (SHOWS, RUNS, WHOLE))
        try:
            with self._only(package.place, whole=whole):
                with watched():
                    listed = CliRunner().invoke(app, ["list", "attacks"])
                _require_list(listed, packages)
            with self._only(package.place, whole=whole, again=False):
                if shows:  # this imports the plugin, which is installed
                    _require_clean(CliRunner().invoke(app, ["show", "--", package.name]), "show")
                return [_loaded(each, runs=runs) for each in reversed(packages)][-1]
        finally:
            for name in set(sys.modules) - modules:
                if name.startswith(("strange", "beside")):
                    del sys.modules[name]

    @contextlib.contextmanager
    def _only(self, place: Path, *, whole: bool, again: bool = True) -> Iterator[None]:
        """Let there be this place and few components; if `whole`, also the other packages and all components."""
        before, self.all = sys.path, whole
        sys.path = [str(place), *(before if whole else self.path)]
        if again:
            importlib.invalidate_caches()
            registry.entries.cache_clear()
            entry._installed.cache_clear()
        try:
            yield
        finally:
            sys.path, self.all = before, True


def _require_clean(outcome: Result, command: str) -> str:
    """Return the output of a command. It must have ended well or with one error, and print no control characters."""
    if outcome.exception is not None and not isinstance(outcome.exception, AntivenomError | SystemExit):
        raise RuntimeError(f"antivenom {command} failed") from outcome.exception
    if CONTROL & set(outcome.stdout):
        raise RuntimeError(f"antivenom {command} prints control characters: {outcome.stdout[:500]!r}")
    return " ".join(outcome.stdout.split())


def _require_list(outcome: Result, packages: list[Package]) -> None:
    """Raise an error if the list hides a component, or does not say what must become of a plugin."""
    text = _require_clean(outcome, "list")
    if outcome.exit_code:
        raise RuntimeError(f"antivenom list ends with {outcome.exit_code}: {outcome.exception!r}")
    for name in ("badnets", "random_noise"):
        if name not in text:
            raise RuntimeError(f"antivenom list hides {name}:\n{text}")
    for each in packages:
        if each.fate == "good" and f"{each.name} {SUMMARY}" not in text:
            raise RuntimeError(f"antivenom list does not show the good plugin {each.name}:\n{text}")
        if each.fate == "broken" and "cannot be" not in text:
            raise RuntimeError(f"antivenom list does not say that {each.name} is broken:\n{text}")
    if all(each.fate == "good" for each in packages) and "cannot be" in text:
        raise RuntimeError(f"antivenom list says that a good plugin is broken:\n{text}")


def _loaded(package: Package, *, runs: bool) -> str:
    """Load a spec with the plugin, and run it if `runs`. Return whether the plugin was read or refused."""
    try:
        experiment = load_spec({**SPEC, "attack": {"name": package.name}})
        assert isinstance(experiment, Experiment)
    except AntivenomError as error:
        if package.fate == "good":
            raise RuntimeError(f"the good plugin {package.name} does not load") from error
        return "refused"
    if package.fate in ("broken", "fails"):
        raise RuntimeError(f"a plugin that cannot work was loaded: {type(experiment.attack)}")
    if runs:
        with contextlib.suppress(AntivenomError):
            experiment.run(progress=False)
    return "read"
