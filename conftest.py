"""Settings of every test and doctest. It stands here, not in tests/, for the doctests of src/ too."""

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from itertools import count
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, get_args

gc.disable()  # until the tests are collected: the imports leave no garbage, and collections of it take seconds

import hypothesis  # noqa: E402
import jaxtyping  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

# Not by --jaxtyping-packages: the workers of xdist do not get what stands in addopts.
os.environ["KERAS_BACKEND"] = "torch"  # before anything imports keras
os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the processes that tests start

collect_ignore_glob = ["tests/helpers/own_training/*"]  # a reader's files, which need the libraries of that page

SOURCE = Path(__file__).parent / "src"
SHAPED = [
    ".".join(file.relative_to(SOURCE).with_suffix("").parts)
    for file in SOURCE.rglob("*.py")
    if "from antivenom.shapes import" in file.read_text(encoding="utf-8")
]
"""The modules whose functions state shapes. Calls are checked there; mypy checks the other types without running."""


def states_shapes(annotation: Any) -> bool:
    """Whether an annotation contains a shape. One in quotes may contain some."""
    if isinstance(annotation, str) or (
        isinstance(annotation, type) and issubclass(annotation, jaxtyping.AbstractArray)
    ):
        return True
    parts = annotation if isinstance(annotation, list) else get_args(annotation)
    return any(states_shapes(part) for part in parts)


def jaxtyped(*, typechecker: Callable[[Any], Any], checks_shapes: Any = jaxtyping.jaxtyped) -> Callable[[Any], Any]:
    """The decorator of jaxtyping, which also compares the shapes of a call with each other.

    That takes ten times as long as a check of the types. A function without shapes gets the check of the types alone.
    """

    def decorated(target: Any) -> Any:
        if isinstance(target, FunctionType) and not any(map(states_shapes, target.__annotations__.values())):
            return typechecker(target)
        return checks_shapes(typechecker=typechecker)(target)

    return decorated


jaxtyping.jaxtyped = jaxtyped  # the modules below look it up here
jaxtyping.install_import_hook(SHAPED, "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")


class Unchecked(MetaPathFinder):
    """Loads what all operations of the simulated device pass through: type checks there take longer than the rest."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module as it is; None for all others."""
        return (
            PathFinder.find_spec(fullname, path, target) if fullname.startswith("antivenom.testing._second_") else None
        )


sys.meta_path.insert(0, Unchecked())

torch.set_num_threads(1)  # workers in parallel; threads inside them would only get in each other's way

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


PLACES = count()


@pytest.fixture(scope="session")
def all_places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the places of all tests. pytest takes longer for a new folder, the more of them stand beside it."""
    return tmp_path_factory.mktemp("places")


@pytest.fixture(autouse=True)
def places(all_places: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test reads or writes the user's own store or data sets."""
    folder = all_places / str(next(PLACES))
    folder.mkdir()
    monkeypatch.setenv("ANTIVENOM_STORE", str(folder / "store"))
    monkeypatch.setenv("ANTIVENOM_DATA", str(folder / "data"))
    yield folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """No test leaves more threads than one: the tests after it would take several times as long."""
    yield
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert threads == 1, f"the test leaves {threads} threads"


@pytest.fixture(autouse=True)
def same_weights() -> None:
    """Networks that a test makes without `rng.py` have the same weights in every run."""
    torch.manual_seed(0)


def pytest_collection_finish() -> None:
    """Leave what was collected out of all later garbage collections: they take ten times as long with it."""
    gc.collect()
    gc.freeze()
    gc.enable()
