"""Writing a run's folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.charts import Chart
from antivenom.data import Poisoned
from antivenom.files.writing import write_text
from antivenom.models import Classifier
from antivenom.runner.results.folder import prepare_folder, repeat_folder, written_files
from antivenom.runner.results.manifest import MANIFEST, write_manifest
from antivenom.runner.results.repeat import Repeat
from antivenom.runner.results.rows import row_table
from antivenom.runner.scoring.metrics import Metrics
from antivenom.settings import describe
from antivenom.storage.chart_files import write_charts
from antivenom.storage.files import write_arrays, write_json, write_tensors
from antivenom.storage.tables import csv_text


def save_parts(
    folder: Path,
    *,
    spec: str,
    repeats: Sequence[Repeat],
    metrics: Metrics,
    headline: str,
    doubts: Sequence[str],
    about: Mapping[str, Any],
    charts: Mapping[str, Chart],
    data: Mapping[str, NDArray[Any]],
) -> Path:
    """Write the run's folder, each file atomically. The arguments are the parts of a `Result`."""
    folder = prepare_folder(folder, spec)
    for number, repeat in enumerate(repeats):
        _save_repeat(repeat, repeat_folder(folder, number))
    write_arrays(folder / "details.npz", {**_details(repeats), **data})
    write_charts(folder, charts)
    write_json(folder / "repeats.json", [dict(repeat.values) for repeat in repeats])
    write_json(folder / "metrics.json", metrics, sort_keys=False)
    content = {**about, "headline": headline, "doubts": list(doubts)}
    write_manifest(folder / MANIFEST, content, written_files(folder))
    return folder


def save_classifier(classifier: Classifier, poisoned: Poisoned, file: Path) -> None:
    """Write a classifier's weights, with the shape, classes and bounds of its inputs."""
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


def _details(repeats: Sequence[Repeat]) -> dict[str, NDArray[Any]]:
    epochs = max(len(losses) for repeat in repeats for losses in repeat.losses)
    losses = np.full((len(repeats), 2, epochs), np.nan)
    for number, repeat in enumerate(repeats):
        for who, values in enumerate(repeat.losses):
            losses[number, who, : len(values)] = values
    return {"confusion": np.stack([repeat.confusion for repeat in repeats]), "losses": losses}
