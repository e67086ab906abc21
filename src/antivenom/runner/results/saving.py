"""Writing a run's folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.data import Poisoned
from antivenom.models import Classifier
from antivenom.runner.results.folder import prepare_folder, repeat_folder
from antivenom.runner.results.repeat import Repeat
from antivenom.runner.results.rows import row_table
from antivenom.settings import describe
from antivenom.storage.chart_files import write_charts
from antivenom.storage.files import write_arrays, write_json, write_tensors, write_text
from antivenom.storage.tables import csv_text

if TYPE_CHECKING:
    from antivenom.runner.results.result import Result


def save_parts(result: "Result", folder: Path) -> Path:
    """Write the run's folder, each file whole or not at all."""
    folder = prepare_folder(folder, result.spec)
    for number, repeat in enumerate(result.repeats):
        _save_repeat(repeat, repeat_folder(folder, number))
    write_arrays(folder / "details.npz", _details(result))
    write_charts(folder, result.charts)
    write_json(folder / "repeats.json", [dict(repeat.values) for repeat in result.repeats])
    write_json(folder / "metrics.json", result.metrics, sort_keys=False)
    write_json(folder / "manifest.json", {**result.about, "headline": result.headline, "doubts": list(result.doubts)})
    return folder


def save_classifier(classifier: Classifier, poisoned: Poisoned, file: Path) -> None:
    """Write a classifier's weights, with what is needed to know which rows it takes."""
    base = poisoned.base
    about = {"input_shape": base.shape, "classes": base.classes, "bounds": base.bounds}
    write_tensors(file, classifier.state(), about)


def _save_repeat(repeat: Repeat, folder: Path) -> None:
    poisoned = repeat.poisoned
    arrays = {"ids": poisoned.ids, "x": poisoned.x, "y": poisoned.y, "role": poisoned.role}
    if poisoned.rounds is not None:
        arrays["rounds"] = poisoned.rounds
    arrays["origin_ids"] = torch.where(poisoned.origin >= 0, poisoned.base.ids[poisoned.origin], -1)
    write_arrays(folder / "poison.npz", {name: tensor.cpu().numpy() for name, tensor in arrays.items()})
    write_json(folder / "goal.json", describe("goals", poisoned.goal))
    if repeat.row_scores:
        write_text(folder / "rows.csv", csv_text(list(row_table(poisoned, repeat.row_scores, repeat.row_names))))
    save_classifier(repeat.victim, poisoned, folder / "victim.safetensors")
    save_classifier(repeat.control, poisoned, folder / "control.safetensors")


def _details(result: "Result") -> dict[str, NDArray[Any]]:
    epochs = max(len(losses) for repeat in result.repeats for losses in repeat.losses)
    losses = np.full((len(result.repeats), 2, epochs), np.nan)
    for number, repeat in enumerate(result.repeats):
        for who, values in enumerate(repeat.losses):
            losses[number, who, : len(values)] = values
    return {
        "confusion": np.stack([repeat.confusion for repeat in result.repeats]),
        "losses": losses,
        **result.data,
    }
