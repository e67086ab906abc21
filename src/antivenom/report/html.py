"""The page: a run's figures and words, put into a template that escapes everything."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from antivenom.errors import RunError
from antivenom.report import figures, grid, words
from antivenom.report.drawing import Picture, difference, png_of, uri_of
from antivenom.report.run import Array, Run, read_run
from antivenom.report.scans import scanned
from antivenom.runner.results.result import MAIN
from antivenom.storage.files import read_json, write_bytes, write_text
from antivenom.storage.yaml12 import dump_yaml, read_yaml

CARDS = (
    ("Clean accuracy", "clean_accuracy", "control_accuracy"),
    ("Attack success rate", "attack_success_rate", "control_attack_success_rate"),
)


@dataclass(frozen=True)
class Sample:
    """A row beside what it was made from, as pictures, and what was said of it."""

    pictures: tuple[tuple[str, str, str], ...]
    lines: tuple[str, ...]


def write_report(folder: Path | str) -> Path:
    """Write `report.html` and `figures/` into a finished run's folder; for a grid, into each cell's too.

    Args:
        folder: what `Result.save` or `Sweep.run` wrote.

    Returns:
        The report's path.

    Raises:
        RunError: the folder holds no finished run, or is damaged.

    >>> import tempfile
    >>> from antivenom.runner import load_spec
    >>> folder = Path(tempfile.mkdtemp()) / "run"
    >>> _ = load_spec({"attack": "label_flip", "training": {"name": "end_to_end", "epochs": 1}}).run(out=folder)
    >>> write_report(folder).name
    'report.html'
    """
    folder = Path(folder)
    if not (folder / "manifest.json").is_file():
        raise RunError(f"{folder} holds no finished run of antivenom's.")
    about = read_json(folder / "manifest.json")
    try:
        if "cells" in about:
            return _write_grid(folder, about)
        run = read_run(folder)
        return _write(folder, "run.html", _section(run), run=run)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise RunError(f"{folder} is damaged: {type(error).__name__}: {error}") from error


def _write_grid(folder: Path, about: dict[str, Any]) -> Path:
    spec = read_yaml(folder / "spec.yaml")
    axes = list(spec["grid"])
    sections, rows = [], []
    for name, cell in about["cells"].items():
        place = folder / "cells" / name
        if place.parent != folder / "cells":
            raise RunError(f"{folder / 'manifest.json'} names a cell outside of the run: {name}.")
        run = read_run(place, name, {axis: cell["axes"][axis] for axis in axes})
        section = _section(run)
        _write(place, "run.html", section, run=run)
        if len(about["cells"]) <= grid.SECTIONS:
            sections.append(section)
        rows.append(grid.row_of(run))
    rows = grid.with_short_labels(rows)
    axis = grid.numeric_axis(axes, spec)
    overview = grid.overview(rows, axis)
    for figure in overview:
        write_bytes(folder / "figures" / f"{figure.name}.png", figure.png)
    page = _template("grid.html").render(
        title=str(spec.get("name", "experiment")),
        about=about,
        rows=rows,
        axes=axes,
        overview=overview,
        pivots=grid.pivots(rows, axis),
        sections=sections,
        spec=dump_yaml(spec),
    )
    write_text(folder / "report.html", page)
    return folder / "report.html"


def _write(folder: Path, template: str, section: dict[str, Any], *, run: Run) -> Path:
    for figure in section["figures"]:
        write_bytes(folder / "figures" / f"{figure.name}.png", figure.png)
    write_text(folder / "report.html", _template(template).render(title=run.name, about=run.about, section=section))
    return folder / "report.html"


def _section(run: Run) -> dict[str, Any]:
    """Everything that the page says of one run."""
    return {
        "name": run.name,
        "sentence": words.sentence(run),
        "doubts": run.doubts,
        "cards": [_card(run, *card) for card in CARDS if run.mean(card[1]) is not None],
        "fall": words.points(None if (fall := run.mean("accuracy_drop")) is None else -fall),
        "poison": _poison(run),
        "poison_note": _poison_note(run),
        "attempts": _attempts(run),
        "triggered": run.mean("trigger_lost") is not None,
        "figures": _figures(run),
        "repairs": _repairs(run),
        "metrics": [(name, *_metric(entry)) for name, entry in run.metrics.items()],
        "repeats": run.repeats if len(run.repeats) > 1 else [],
        "main": MAIN,
        "spec": dump_yaml(run.spec),
        "stages": run.about["stages"],
        "number": words.number,
    }


def _card(run: Run, title: str, victim: str, control: str) -> dict[str, str]:
    return {
        "title": title,
        "victim": words.percent(run.mean(victim)),
        "victim_interval": words.interval(run.metrics[victim]),
        "control": words.percent(run.mean(control)),
        "control_interval": words.interval(run.metrics[control]) if run.metrics[control]["n"] else "none was given",
    }


def _metric(entry: dict[str, Any]) -> tuple[str, str, str]:
    bounds = "–" if entry["low"] is None else f"{entry['low']:.4g} to {entry['high']:.4g}"
    return words.number(entry["mean"]), bounds, str(entry["n"])


def _poison(run: Run) -> list[Sample]:
    arrays = run.arrays
    if not _pictorial(arrays["poison_after"]):
        return []
    found = []
    for before, after, was, now in zip(
        arrays["poison_before"],
        arrays["poison_after"],
        arrays["poison_label_before"],
        arrays["poison_label_after"],
        strict=True,
    ):
        old, new = run.classes[int(was)], run.classes[int(now)]
        pictures = [
            ("original", uri_of(png_of(before)), f"training image of class {old} as it was"),
            ("poisoned", uri_of(png_of(after)), f"the same image as the victim saw it, labelled {new}"),
        ]
        if (before != after).any():
            changed = f"where they differ: {int((before != after).any(0).sum())} pixels"
            pictures.append(("difference", uri_of(png_of(difference(before, after))), changed))
        found.append(Sample(tuple(pictures), (f"label {old} → {new}" if old != new else f"label {old}, kept",)))
    return found


def _poison_note(run: Run) -> str:
    arrays = run.arrays
    if not len(arrays["poison_after"]):
        count = run.mean("poison_rows")
        if count:
            return f"{count:,.0f} rows were contributed that were made from none of the data's own."
        return "Nothing was contributed, so there is nothing to show."
    if not _pictorial(arrays["poison_after"]):
        moved = int((arrays["poison_before"] != arrays["poison_after"]).sum())
        return f"The rows are no images. In {len(arrays['poison_after'])} of them, {moved} numbers were changed."
    if (arrays["poison_before"] == arrays["poison_after"]).all():
        return "The images are untouched; only their labels are wrong."
    return "The difference is stretched to the full range: grey is no change, white is brighter, black is darker."


def _attempts(run: Run) -> list[Sample]:
    arrays = run.arrays
    if not _pictorial(arrays["attempt_after"]):
        return []
    columns = ("attempt_after", "attempt_label", "attempt_victim", "attempt_control")
    found = []
    for image, label_, victim, control in zip(*(arrays[name] for name in columns), strict=True):
        said = {"victim": victim, "control": control} if control >= 0 else {"victim": victim}
        true, named = run.classes[int(label_)], {who: run.classes[int(index)] for who, index in said.items()}
        alt = f"test image of class {true}; {', '.join(f'the {who} says {name}' for who, name in named.items())}"
        lines = (f"true class {true}", *(f"{who}: {name}" for who, name in named.items()))
        found.append(Sample((("", uri_of(png_of(image)), alt),), lines))
    return found


def _figures(run: Run) -> list[Picture]:
    last = run.mean("victim_loss"), run.mean("control_loss")
    known = [(name, run.metrics[f"class_accuracy.{name}"]["mean"]) for name in run.classes]
    worst = min((pair for pair in known if pair[1] is not None), key=lambda pair: pair[1], default=("–", None))
    found = [
        Picture(
            "accuracy_by_class",
            figures.by_class(run),
            f"Accuracy on each class. The victim is worst on {worst[0]}: {words.percent(worst[1])}.",
            "Accuracy on each class, mean over the repeats.",
        ),
        Picture(
            "training_loss",
            figures.losses(run) if run.arrays["losses"].shape[2] else b"",
            f"Training loss by epoch; at the end {words.number(last[0])} for the victim and {words.number(last[1])} "
            "for the control.",
            "Mean training loss by epoch: each repeat thin, their mean thick.",
        ),
        Picture(
            "confusion",
            figures.confusions(run),
            f"Confusion matrices: {words.percent(run.mean('clean_accuracy'))} of the victim's and "
            f"{words.percent(run.mean('control_accuracy'))} of the control's test rows lie on the diagonal.",
            "How each true class (row) is classified, in percent of its clean test rows, all repeats together.",
        ),
    ]
    found += [*_along(run), *_crafting(run), *_detection(run), *_looking_back(run), *scanned(run)]
    trained = run.arrays["losses"].shape[2] > 0  # else somewhere else
    return [figure for figure in found if trained or figure.name != "training_loss"]


def _along(run: Run) -> list[Picture]:
    if "trajectory_rows" not in run.arrays:
        return []
    victim, control = run.arrays["trajectory_accuracy"]
    said = (
        f"From {words.percent(float(victim[0]))} to {words.percent(float(victim[-1]))} for the victim, "
        f"{words.percent(float(control[-1]))} for the control."
    )
    caption = "Accuracy along the way, first repeat, up to 2,000 test rows; the marks are the attacker's rows."
    return [Picture("trajectory", figures.trajectory(run), f"Clean accuracy along the way. {said}", caption)]


def _crafting(run: Run) -> list[Picture]:
    arrays = run.arrays
    if "round_accuracy" not in arrays:
        return []
    mean = arrays["round_accuracy"].mean(0)
    text = f"Accuracy after one step: {words.percent(float(mean[0]))} on the base rows with the poison's labels, "
    found = [
        Picture(
            "accuracy_by_round",
            figures.by_round(run),
            f"{text}{words.percent(float(mean[-1]))} after the last round.",
            f"Accuracy of the surrogate after one step on a poison, by round of its crafting; "
            f"{len(arrays['round_accuracy'])} poisons, up to 1,000 test rows.",
        )
    ]
    if _pictorial(arrays["poison_after"]):
        count, rounds = arrays["poison_rounds"].shape[:2]
        alt = f"{count} poisons from their base row to the last of {rounds} rounds."
        found.append(Picture("poison_by_round", figures.strip(run), alt, "From the base row to the poison, by round."))
    return found


def _detection(run: Run) -> list[Picture]:
    if "defence_names" not in run.arrays:
        return []
    said = [
        f"{name}: AUROC {words.number(run.mean(f'defence.{name}.auroc'))}, catches "
        f"{words.percent(run.mean(f'defence.{name}.caught'))} with "
        f"{words.percent(run.mean(f'defence.{name}.false_alarms'))} false alarms"
        for name in map(str, run.arrays["defence_names"])
    ]
    caption = f"What the detectors make of the training set, first repeat. Means over the repeats: {'; '.join(said)}."
    return [Picture("detection", figures.distributions(run), "; ".join(said), caption)]


def _looking_back(run: Run) -> list[Picture]:
    if "blame_names" not in run.arrays:
        return []
    said = [
        f"{name}: right in {words.percent(run.mean(f'defence.{name}.right'))} of the repeats, false alarms in "
        f"{words.percent(run.mean(f'defence.{name}.false_alarm'))}; going back regains "
        f"{words.points(run.mean(f'defence.{name}.regained'))} and loses "
        f"{words.percent(run.mean(f'defence.{name}.clean_rows_lost'))} of the stream's clean rows"
        for name in map(str, run.arrays["blame_names"])
    ]
    caption = f"When the stream went wrong, first repeat. {'; '.join(said)}."
    return [Picture("looking_back", figures.looking_back(run), "; ".join(said), caption)]


def _repairs(run: Run) -> list[tuple[str, ...]]:
    """A line for each repair, after one for none: attack success, clean accuracy, answered rows, the control's."""
    names = [str(name) for name in run.arrays.get("repair_names", ())]
    lines = [("none", "", 1.0), *((name, f"repair.{name}.", run.mean(f"repair.{name}.coverage")) for name in names)]
    return [
        (
            name,
            words.percent(run.mean(f"{stem}attack_success_rate")),
            words.percent(run.mean(f"{stem}clean_accuracy")),
            words.percent(answered),
            words.percent(run.mean(f"{stem}control_accuracy")),
        )
        for name, stem, answered in (lines if names else ())
    ]


def _pictorial(rows: Array) -> bool:
    return rows.ndim == 4 and len(rows) > 0


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("antivenom.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
