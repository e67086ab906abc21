"""Hostile entries of the store: the checksum is right, but the content is odd. A run must compute them again."""

import json
import shutil
from pathlib import Path

from antivenom.errors import AntivenomError
from antivenom.rng import Rng
from antivenom.runner import load_spec
from antivenom.storage.files import read_tensors, write_tensors
from antivenom.storage.store import Store
from benchmarks.hostile.isolated import MARKER, watched
from benchmarks.hostile.mutations import as_text, mutated, odd_file, odd_tensors, spoiled, write

SPEC = {
    "attack": {"name": "badnets", "target": 7},
    "model": {"name": "mlp", "hidden": [8]},
    "training": {"name": "end_to_end", "epochs": 1},
    "train_rows": 200,
}


class StoreEntries:
    """A store with the stages of a small run. In each input, one stage has odd tensors or odd plain values."""

    def __init__(self, root: Path, seed: int) -> None:
        self.seed, self.base = seed, root / "base"
        self.experiment = load_spec(SPEC)
        self.experiment.run(store=Store(self.base), progress=False)
        self.entries = sorted(each.relative_to(self.base) for each in self.base.rglob("*.safetensors"))

    def __call__(self, number: int, folder: Path) -> str:
        """Mutate a stage, and run twice: the first run must not fail, and the second must find nothing damaged."""
        draw = Rng(self.seed).child("store").child(str(number)).numpy()
        store = folder / "store"
        shutil.copytree(self.base, store)
        file = store / self.entries[int(draw.integers(len(self.entries)))]
        change = draw.random()
        if change < 0.05:
            odd_file(draw, file, folder.parent / "outside")
        elif change < 0.1:
            write(file, spoiled(draw, file.read_bytes()))
        else:
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
        try:
            with watched():
                self.experiment.run(store=Store(store), progress=False)
                intact, damaged = Store(store).verify()
        except AntivenomError as error:
            raise RuntimeError(f"a stage from the store failed the run: {file.name[:12]}: {error}") from error
        if damaged or intact < len(self.entries):
            raise RuntimeError(f"after the run, the store has {intact} stages; {damaged}")
        return "read"
