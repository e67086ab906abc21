"""Measuring a model that was trained elsewhere, on data that `export` wrote."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from antivenom.charts import Chart, Evidence, pair
from antivenom.data import Dataset, Goal, Scorer
from antivenom.errors import AntivenomError, DataError, ProbabilityOutputsError, RunError, SettingsError
from antivenom.files.opening import is_file, is_folder
from antivenom.goals import TriggeredGoal, attacked_rows, triggered_rows
from antivenom.models import Classifier
from antivenom.models.files import read_weights
from antivenom.models.restoring import restored
from antivenom.models.sized import build_for
from antivenom.runner.executors.stages import choose_device
from antivenom.runner.predictions import PREDICTIONS, PrecomputedPredictions, read_predictions
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
from antivenom.settings import build
from antivenom.storage.chart_files import read_charts, write_charts
from antivenom.storage.files import locked, write_arrays, write_json
from antivenom.storage.places.addresses import local_folder
from antivenom.storage.yaml12 import parse_yaml

NO_CONTROL = "No control was given, so the result of the same training without poison is unknown."


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
    folder, place = local_folder(out), _place_of(Path(truth))
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
    used = [each for each in (victim, clean_control) if isinstance(each, Classifier)]
    manifest = {
        **about_machine(chosen, int(spec.get("seed", 0))),
        "stages": [],
        "doubts": all_doubts,
        "assumptions": list(dict.fromkeys(sentence for each in used for sentence in each.assumptions)),
        "headline": headline(metrics, name, goal, test),
        "model": str(model),
        "control": None if control is None else str(control),
    }
    details = {"confusion": scores.confusion.numpy()[None], "losses": np.zeros((1, 2, 0))}
    _write(folder, read_spec_text(place), details, charts, evidence, metrics, manifest)
    return metrics


def _place_of(truth: Path) -> Path:
    """Return the folder with the truth: this one, or the folder `truth` in it."""
    place = truth / "truth" if is_folder(truth / "truth") else truth
    if not is_file(place / "truth.json"):
        raise RunError(f"{truth} does not contain the truth. Pass a folder that `antivenom poison` wrote.")
    return place


def _write(
    folder: Path,
    spec: str,
    details: dict[str, NDArray[Any]],
    charts: dict[str, Chart],
    evidence: Evidence,
    metrics: dict[str, dict[str, Any]],
    manifest: dict[str, Any],
) -> None:
    """Write the folder of a run with one repeat."""
    with locked(folder):
        prepare_folder(folder, spec)
        write_arrays(folder / "details.npz", details)
        write_charts(folder, charts)
        write_json(folder / "repeats.json", [{key: each.value for key, each in evidence.figures.items()}])
        write_json(folder / "metrics.json", metrics, sort_keys=False)
        write_manifest(folder / MANIFEST, manifest, written_files(folder))


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
        return read_predictions(file, sets)
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
