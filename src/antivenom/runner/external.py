"""Measuring a model that was trained elsewhere, on data that `export` wrote."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from antivenom.charts import Chart, Evidence, pair
from antivenom.data import Dataset, Goal, Scorer
from antivenom.data.formats import npz
from antivenom.errors import AntivenomError, DataError, ProbabilityOutputsError, RunError, SettingsError
from antivenom.files.opening import is_file, is_folder, read_text
from antivenom.goals import TriggeredGoal, attacked_rows, triggered_rows
from antivenom.models import Classifier
from antivenom.models.batches import input_batches
from antivenom.models.files import read_weights
from antivenom.models.restoring import restored
from antivenom.models.sized import build_for
from antivenom.runner.executors.stages import choose_device
from antivenom.runner.results.folder import prepare_folder, read_spec_text, written_files
from antivenom.runner.results.machine import about_machine
from antivenom.runner.results.manifest import MANIFEST, write_manifest
from antivenom.runner.results.truth import read_truth
from antivenom.runner.scoring.doubts import doubts
from antivenom.runner.scoring.examples import attempts_chart
from antivenom.runner.scoring.headline import headline
from antivenom.runner.scoring.intervals import with_differences
from antivenom.runner.scoring.metrics import summarise
from antivenom.runner.scoring.models import score_models
from antivenom.runner.scoring.summary import summary_charts
from antivenom.settings import build, short
from antivenom.settings.finite_scores import check_scores
from antivenom.shapes import Inputs, Scores
from antivenom.storage.chart_files import read_charts, write_charts
from antivenom.storage.files import locked, write_arrays, write_json
from antivenom.storage.yaml12 import parse_yaml

Array = NDArray[Any]

PREDICTIONS = (".csv", ".npz")
"""The endings of files of predictions; all others are files of weights."""

MAX_PREDICTIONS = 64 << 20
"""The largest size of predictions, in bytes."""

LARGEST_NUMBER = 8
"""The size of the largest type of numbers that torch has, in bytes."""

LONGEST_NUMBER = 18
"""The most digits of the number of a row or a class: it fits into int64."""

NO_CONTROL = "No control was given, so the result of the same training without poison is unknown."


class PrecomputedPredictions:
    """A classifier made of predictions: those on the test rows, with and without the trigger.

    Identical rows share the last prediction that was passed for them.

    Args:
        data: the data sets that were predicted.
        labels: the predicted class of each row of each set (n).
    """

    def __init__(self, data: list[Dataset], labels: list[Tensor]) -> None:
        self.data = data[0]
        self.known: dict[bytes, int] = {}
        for one, predicted in zip(data, labels, strict=True):
            for places, inputs in input_batches(one):
                for row, label in zip(self._rows(inputs), predicted[places].tolist(), strict=True):
                    self.known[row.tobytes()] = label

    def scores(self, x: Inputs) -> Scores:
        """Return 1 for the predicted class and 0 for all others (n, classes)."""
        predicted = torch.tensor([self.known[row.tobytes()] for row in self._rows(x)], dtype=torch.int64)
        return torch.nn.functional.one_hot(predicted, len(self.data.classes)).float()

    def _rows(self, x: Inputs) -> Array:
        """Return inputs as they are stored."""
        return self.data.encode(x.clone()).numpy()


def measure_external(
    model: Path | str,
    truth: Path | str,
    out: Path | str,
    *,
    control: Path | str | None = None,
    arch: str | None = None,
    weights_part: str | None = None,
    device: str = "auto",
    allow_code: bool = False,
) -> dict[str, dict[str, Any]]:
    """Measure a model that was trained elsewhere, write a run's folder, and return the metrics.

    Args:
        model: weights (`.safetensors`, or a state dict in `.pt` or `.pth`), or predictions. Predictions are an `.npz`
            with the array `test`, and `triggered` if the goal has a trigger: class numbers (n) or scores (n, classes),
            in the order of the rows' numbers; or a `.csv` with the columns `set`, `row` and `label`.
        truth: the folder that `export` wrote, or the folder `truth` in it.
        out: the folder to write to.
        control: weights or predictions of a model that was trained on the folder `control`.
        arch: the architecture of the weights: a name, or settings in YAML. If omitted, the spec's model.
        weights_part: the keys of the weights in the files, separated by dots, such as `ema`; required if a file has
            several sets of weights. It is used for the model and for the control.
        device: the device on which weights are evaluated.
        allow_code: whether the spec or `arch` may name code to import.

    Raises:
        RunError: `truth` is not such a folder, or it is damaged.
        DataError: the weights or predictions are damaged, are not finite, or do not fit the data or the architecture.
        SettingsError: `weights_part` without a file of weights.
    """
    if weights_part is not None and not any(_has_weights(Path(file)) for file in (model, control) if file is not None):
        raise SettingsError(
            [f"weights_part requires a file of weights; got {weights_part!r} with predictions, {model}."]
        )
    place = Path(truth) / "truth" if is_folder(Path(truth) / "truth") else Path(truth)
    if not is_file(place / "truth.json"):
        raise RunError(f"{truth} does not contain the truth. Pass a folder that `antivenom poison` wrote.")
    known = read_truth(place, allow_code=allow_code)
    test, goal, spec = known.test, known.goal, known.spec
    architecture = spec.get("model", "cnn") if arch is None else parse_yaml(arch, "arch")
    chosen = choose_device(device)
    victim, clean_control = (
        None if file is None else _classifier(Path(file), test, goal, architecture, weights_part, chosen, allow_code)
        for file in (model, control)
    )
    assert victim is not None
    test = (
        test
        if isinstance(victim, PrecomputedPredictions) or isinstance(clean_control, PrecomputedPredictions)
        else test.to(chosen)
    )
    scores = score_models(goal, victim, clean_control, test)
    evidence = scores.evidence | Evidence.of("attack", known.figures)
    evidence |= Evidence.of("training", pair("loss", None, None, unit="nats", better="low"))
    evidence = with_differences(evidence)
    metrics = summarise([evidence])
    triggered = isinstance(goal, TriggeredGoal)
    all_doubts = [NO_CONTROL] if clean_control is None else []
    all_doubts += doubts(
        metrics, classes=len(test.classes), test_rows=len(test), triggered=triggered, trained_here=False
    )
    attempts = attempts_chart(goal, victim, clean_control, test)
    charts: dict[str, Chart] = {**read_charts(place), **({} if attempts is None else {"model.attempts": attempts})}
    charts |= summary_charts(metrics, [scores.confusion.numpy()], [], test.classes).charts
    name = str(spec.get("attack", {}).get("name", "the attack"))
    manifest = {**about_machine(chosen, int(spec.get("seed", 0))), "stages": [], "doubts": all_doubts}
    used = [each for each in (victim, clean_control) if isinstance(each, Classifier)]
    manifest |= {"assumptions": list(dict.fromkeys(sentence for each in used for sentence in each.assumptions))}
    manifest |= {"headline": headline(metrics, name, goal, test), "model": str(model)}
    manifest |= {"control": None if control is None else str(control)}
    folder = Path(out)
    with locked(folder):
        prepare_folder(folder, read_spec_text(place))
        details = {"confusion": scores.confusion.numpy()[None], "losses": np.zeros((1, 2, 0))}
        write_arrays(folder / "details.npz", details)
        write_charts(folder, charts)
        write_json(folder / "repeats.json", [{key: each.value for key, each in evidence.figures.items()}])
        write_json(folder / "metrics.json", metrics, sort_keys=False)
        write_manifest(folder / MANIFEST, manifest, written_files(folder))
    return metrics


def _classifier(
    file: Path,
    test: Dataset,
    goal: Goal,
    architecture: object,
    weights_part: str | None,
    device: torch.device,
    allow_code: bool,
) -> Scorer:
    if not _has_weights(file):
        sets = {"test": test}
        if isinstance(goal, TriggeredGoal):
            sets["triggered"] = triggered_rows(goal, attacked_rows(goal, test))
        read = _from_csv if file.suffix == ".csv" else predictions_from_npz
        return PrecomputedPredictions(list(sets.values()), [read(file, name, data) for name, data in sets.items()])
    weights = read_weights(file, weights_part)
    broken = [name for name, value in weights.items() if not bool(torch.isfinite(value).all())]
    if broken:
        raise DataError(
            f"{file} contains weights that are not finite ({broken[0]!r}, {len(broken)} of {len(weights)} tensors): "
            "the training has diverged. Train it again, for example with a lower learning rate."
        )
    component = build("models", architecture, path="arch", allow_code=allow_code)
    try:
        shape, classes = test.shape, len(test.classes)
        blank = build_for(component, weights, input_shape=shape, classes=classes, bounds=test.bounds)
        made = restored(blank, weights)
    except ProbabilityOutputsError as error:
        named = architecture if isinstance(architecture, dict) else {"name": architecture}
        arch = json.dumps({**named, "outputs": "probabilities"}, default=str)
        raise DataError(
            f"The network of --arch returns probabilities, and --arch must say so: --arch '{arch}'."
        ) from error
    except AntivenomError as error:
        raise DataError(
            f"{file} does not fit the architecture. Name the right one with --arch. {' '.join(str(error).split())}"
        ) from error
    return made.to(device)


def _has_weights(file: Path) -> bool:
    return file.suffix not in PREDICTIONS


def predictions_from_npz(file: Path, name: str, data: Dataset) -> Tensor:
    """Return the predicted class numbers (n) in an array of an `.npz` file: class numbers, or scores (n, classes).

    Raises:
        DataError: the array is neither, or has another number of rows than the data.
    """
    labels = _numbers(npz.read(file, (name,), most_bytes=MAX_PREDICTIONS)[name], name, file)
    if labels.ndim and len(labels) != len(data):
        raise DataError(f"{file}: {name!r} must have {len(data)} rows, as the set has; got {len(labels)}.")
    if labels.ndim == 2 and labels.shape[1] == len(data.classes) and not labels.is_complex():
        check_scores(labels.double(), f"the array {name!r}", str(file))
        labels = labels.double().argmax(1)
    if labels.ndim != 1 or labels.is_floating_point():
        raise DataError(
            f"{file}: {name!r} must be class numbers (n) or scores (n, {len(data.classes)}); "
            f"got {str(labels.dtype).removeprefix('torch.')} with the shape {tuple(labels.shape)}."
            f"{_advice_on(labels, name, data)}"
        )
    return _checked(labels.to(torch.int64), file, name, data)


def _advice_on(labels: Tensor, name: str, data: Dataset) -> str:
    """Return what to do with the outputs of one sigmoid, or with class numbers that are not whole numbers by type."""
    one = labels.ndim == 1 or (labels.ndim == 2 and labels.shape[1] == 1)
    if not one or labels.is_complex() or not labels.numel():
        return ""
    flat = f"{name}.ravel()" if labels.ndim == 2 else name
    values = labels.double()
    if bool((values == values.round()).all()) and len(data.classes) > int(values.max()):
        return f" If they are class numbers, pass {flat}.astype(int)."
    if len(data.classes) == 2 and 0 <= float(values.min()) <= float(values.max()) <= 1:
        return f" If they are probabilities of class 1, with p = {flat}: pass np.stack([1 - p, p], 1)."
    if len(data.classes) == 2:
        return f" If they are logits of class 1, with z = {flat}: pass np.stack([0 * z, z], 1)."
    return ""


def _numbers(array: Array, name: str, file: Path) -> Tensor:
    """Return an array of numbers as a tensor, whatever the order of its bytes."""
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > LARGEST_NUMBER:
        raise DataError(f"{file}: {name!r} must be an array of numbers; got {array.dtype}.")
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))


def _from_csv(file: Path, name: str, data: Dataset) -> Tensor:
    try:
        predicted = _predicted(file, name, {label: number for number, label in enumerate(data.classes)})
    except csv.Error as error:
        raise DataError(f"{file} is not a valid CSV file: {error}") from error
    absent = next((row for row in range(len(data)) if row not in predicted), None)
    if absent is not None or len(predicted) != len(data):
        raise DataError(
            f"{file} must have one line for each of the {len(data)} rows of the set {name!r}; "
            + (f"row {absent} is missing." if absent is not None else f"it has {len(predicted)} rows.")
        )
    return _checked(torch.tensor([predicted[row] for row in range(len(data))], dtype=torch.int64), file, name, data)


def _predicted(file: Path, name: str, numbers: dict[str, int]) -> dict[int, int]:
    """Return the class of each row of a set, by the row's number."""
    predicted: dict[int, int] = {}
    text = read_text(file, MAX_PREDICTIONS).removeprefix("\ufeff")
    for line, row in enumerate(csv.DictReader(StringIO(text, newline="")), 2):
        if row.get("set") != name:
            continue
        label, place = row.get("label") or "", row.get("row") or ""
        if not _is_number(place) or (label not in numbers and not _is_number(label)):
            raise DataError(
                f"{file}, line {line}: must have a row number and a class; "
                f"got row {short(place)} and class {short(label)}."
            )
        predicted[int(place)] = numbers[label] if label in numbers else int(label)
    return predicted


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= LONGEST_NUMBER


def _checked(labels: Tensor, file: Path, name: str, data: Dataset) -> Tensor:
    if len(labels) != len(data):
        raise DataError(f"{file}: {name!r} must have {len(data)} rows, as the set has; got {len(labels)}.")
    low, high = (int(labels.min()), int(labels.max())) if len(labels) else (0, 0)
    if not 0 <= low <= high < len(data.classes):
        raise DataError(f"{file}: {name!r} must have classes from 0 to {len(data.classes) - 1}; got {low} to {high}.")
    return labels
