"""Hostile truths, predictions and weights for `measure`."""

import json
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save, save_file

from antivenom.rng import Rng
from antivenom.runner import load_spec
from antivenom.runner.experiment import Experiment
from antivenom.runner.export import export
from antivenom.runner.external import measure_external
from benchmarks.hostile.base import Base
from benchmarks.hostile.isolated import watched
from benchmarks.hostile.mutations import (
    Draw,
    mutated,
    odd_arrays,
    odd_file,
    odd_tensors,
    packed,
    spoiled,
    without_checksums,
    write,
)
from benchmarks.hostile.remembered import Remembered
from benchmarks.hostile.run_folders import WHOLE, mutate_content

SPEC = {"attack": {"name": "badnets", "target": 7}, "model": {"name": "mlp", "hidden": [8]}}
MODELS = ("predictions.npz", "scores.npz", "predictions.csv", "weights.safetensors", "weights.pt")


class Truths:
    """The folder that `antivenom poison` wrote, with predictions and weights in every format."""

    def __init__(self, root: Path, seed: int) -> None:
        self.seed, self.base = seed, root / "base"
        experiment = load_spec({**SPEC, "training": {"name": "end_to_end", "epochs": 1}})
        assert isinstance(experiment, Experiment)
        written = export(experiment, self.base, form="npz")
        without_checksums(self.base)
        shutil.rmtree(self.base / "data")
        counts = {name: written.rows[name] for name in ("test", "triggered")}
        labels = {name: np.arange(count) % 10 for name, count in counts.items()}
        write(self.base / "predictions.npz", packed(labels))
        write(self.base / "scores.npz", packed({name: np.eye(10)[each] for name, each in labels.items()}))
        lines = [f"{name},{row},{label}\n" for name, each in labels.items() for row, label in enumerate(each)]
        write(self.base / "predictions.csv", "set,row,label\n" + "".join(lines))
        state = experiment.run(progress=False).victim.state()
        save_file({name: value.contiguous() for name, value in state.items()}, self.base / "weights.safetensors")
        torch.save(state, self.base / "weights.pt")
        self.state = state
        self.good, self.remembered = Base(self.base), Remembered()

    def __call__(self, number: int, folder: Path) -> str:
        """Mutate the truth, the predictions or the weights, and measure."""
        draw = Rng(self.seed).child("truths").child(str(number)).numpy()
        arguments: dict[str, Any] = {}
        with self.good.copied(folder / "truth") as place:
            model = place / MODELS[int(draw.integers(len(MODELS)))]
            if draw.random() < 0.5:
                files = sorted((place / "truth").iterdir())
                file = files[int(draw.integers(len(files)))]
                if draw.random() < 0.15:
                    odd_file(draw, file, folder.parent / "outside")
                else:
                    mutate_content(draw, file)
            else:
                self._odd_model(draw, model, folder.parent / "outside")
            control = model if draw.random() < 0.1 else None
            if draw.random() < 0.05:
                arguments["arch"] = json.dumps(mutated(draw, {"name": "mlp", "hidden": [8]})).replace("@raw@", "")
            with self.remembered.everything(draw.random() < WHOLE), watched():
                measure_external(model, place, folder / "out", control=control, **arguments)
        return "read"

    def _odd_model(self, draw: Draw, file: Path, outside: Path) -> None:
        if draw.random() < 0.15:
            odd_file(draw, file, outside)
        elif draw.random() < 0.15:
            write(file, spoiled(draw, file.read_bytes()))
        elif file.suffix == ".npz":
            with np.load(file) as arrays:
                write(file, odd_arrays(draw, dict(arrays)))
        elif file.suffix == ".csv":
            write(file, _odd_lines(draw, file.read_text()))
        else:
            tensors = odd_tensors(draw, self.state)
            if file.suffix == ".pt":
                content: Any = tensors if draw.random() < 0.7 else {"model": tensors, "epoch": 3, 7: {"a": [tensors]}}
                buffer = BytesIO()
                torch.save(content, buffer)
                write(file, buffer.getvalue())
            else:
                write(file, save({name: value.detach().clone().contiguous() for name, value in tensors.items()}))


def _odd_lines(draw: Draw, text: str) -> str:
    """Return a table with an odd line or an odd header."""
    lines = text.splitlines()
    odd = ("", "test", "test,0,3", "test,-1,3", f"test,9{'9' * 5000},3", "test,0,nan", "test,0,1e3", 'test,"0',
           "test,0,²", "test,١,٣", "\x00", f"test,0,{'9' * 5000}", "x" * 200_000, "test,0,3,4,5", "set,set,set",
           "test,0,3\rtest,1,3")  # fmt: skip
    place = int(draw.integers(len(lines)))
    if draw.random() < 0.2:
        del lines[place]
    else:
        lines[place] = str(odd[int(draw.integers(len(odd)))])
    return "\n".join(lines) + "\n"
