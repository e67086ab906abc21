"""Hostile entries of the store: the checksum is right, but the content is odd. A run must compute them again."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from antivenom.errors import AntivenomError
from antivenom.rng import Rng
from antivenom.runner import load_spec
from antivenom.storage.files import read_tensors, write_tensors
from antivenom.storage.store import Store
from benchmarks.hostile.base import Base
from benchmarks.hostile.isolated import MARKER, watched
from benchmarks.hostile.mutations import Draw, as_text, mutated, odd_file, odd_tensors, spoiled, write
from benchmarks.hostile.remembered import Remembered
from benchmarks.hostile.run_folders import WHOLE

SPEC = {
    "attack": {"name": "badnets", "target": 7},
    "model": {"name": "mlp", "hidden": [8]},
    "training": {"name": "end_to_end", "epochs": 1},
    "train_rows": 200,
}

RUNS = 0.4
"""The share of runs with the stages that the store accepts."""


class StoreEntries:
    """A store with the stages of a small run. In each input, one stage has odd tensors or odd plain values."""

    def __init__(self, root: Path, seed: int) -> None:
        self.seed, self.unpacking = seed, dict[str, Callable[..., object]]()
        self.experiment = load_spec(SPEC)
        with self._recorded():
            self.experiment.run(store=Store(root / "base"), progress=False)
        self.base, self.remembered = Base(root / "base"), Remembered()
        self.entries = sorted(name for name in self.base.files if name.endswith(".safetensors"))

    def __call__(self, number: int, folder: Path) -> str:
        """Mutate a stage and read it. With a share of those that the store accepts, run: the run must not fail."""
        draw = Rng(self.seed).child("store").child(str(number)).numpy()
        with self.base.copied(folder / "store") as place:
            file = place / self.entries[int(draw.integers(len(self.entries)))]
            _mutate(draw, file, folder.parent / "outside")
            whole = draw.random() < WHOLE
            with self.remembered.everything(whole):
                accepted = whole or self._accepts(Store(place), file)
                if whole or (accepted and draw.random() < RUNS):
                    self._run(Store(place), file.name)
        return "read" if accepted else "refused"

    def _accepts(self, store: Store, file: Path) -> bool:
        """Read a stage. If it is refused, it must be gone: a run computes it again, as if it had never been there."""
        reasons: list[str] = []
        with watched():
            result = store.get(file.stem, self.unpacking[file.stem], reasons.append)
        if result is None and os.path.lexists(file):
            raise RuntimeError(f"a damaged stage was not removed: {file.name[:12]}: {reasons}")
        return result is not None

    def _run(self, store: Store, name: str) -> None:
        """Run with an odd stage, and verify the store, which must have no damaged stages then."""
        try:
            with watched():
                self.experiment.run(store=store, progress=False)
                intact, damaged = store.verify()
        except AntivenomError as error:
            raise RuntimeError(f"a stage from the store failed the run: {name[:12]}: {error}") from error
        if damaged or intact < len(self.entries):
            raise RuntimeError(f"after the run, the store has {intact} stages; {damaged}")

    @contextlib.contextmanager
    def _recorded(self) -> Iterator[None]:
        """Keep the functions that convert the stages of the store in the block."""
        get = Store.get

        def recorded(store: Store, key: str, unpack: Any = None, on_damage: Callable[[str], object] = str) -> Any:
            self.unpacking[key] = unpack
            return get(store, key, unpack, on_damage)

        Store.get = recorded  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            Store.get = get  # type: ignore[method-assign]


def _mutate(draw: Draw, file: Path, outside: Path) -> None:
    """Change the file of a stage: mostly its tensors or its plain values, with a right checksum."""
    change = draw.random()
    if change < 0.05:
        odd_file(draw, file, outside)
        return
    if change < 0.1:
        write(file, spoiled(draw, file.read_bytes()))
        return
    tensors, about = read_tensors(file)
    if draw.random() < 0.5:
        tensors = odd_tensors(draw, tensors)
    elif "goal" in about and draw.random() < 0.3:
        about["goal"] = {"name": f"{MARKER}:X"}
    else:
        about = mutated(draw, about)
    try:
        write_tensors(file, tensors, json.loads(as_text(about)))
    except (AntivenomError, ValueError, TypeError, RuntimeError, RecursionError):
        write(file, spoiled(draw, file.read_bytes()))
