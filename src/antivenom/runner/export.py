"""Writing poisoned data for your own training script, and the truth about it in a separate folder."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from antivenom.data import Dataset, Poisoned
from antivenom.data.formats import images, npz, tree
from antivenom.errors import AntivenomError, RunError, SettingsError
from antivenom.extras import missing_packages
from antivenom.files.opening import exists, is_folder
from antivenom.files.writing import make_folder, remove_leftovers, temporary_path, write_bytes, write_error, write_text
from antivenom.goals import TriggeredGoal, attacked_rows, triggered_rows
from antivenom.runner.events import OnEvent, no_op
from antivenom.runner.executors.crafting import checked_data, craft_poison, prepared, stream_of
from antivenom.runner.executors.stages import Stages, choose_device
from antivenom.runner.results.folder import RUN_MARK
from antivenom.runner.results.manifest import write_manifest
from antivenom.runner.scoring.examples import poison_chart
from antivenom.runner.scoring.models import poison_figures
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe, describe_fields
from antivenom.storage.chart_files import write_charts
from antivenom.storage.files import write_arrays, write_json
from antivenom.storage.places.addresses import local_folder
from antivenom.storage.store import Store
from antivenom.storage.yaml12 import dump_yaml

Format = Literal["folder", "npz", "parquet"]
PLACES = {"train": "data/train", "test": "data/test", "triggered": "triggered", "control": "control"}


@dataclass(frozen=True)
class Exported:
    """The data that `export` wrote.

    Attributes:
        folder: the folder.
        rows: the number of rows of each set: `train`, `control`, `test`, and `triggered` if the goal has a trigger.
        poison: the number of training rows that the attacker changed or added.
    """

    folder: Path
    rows: dict[str, int]
    poison: int


def export(
    experiment: ExperimentSettings,
    folder: Path | str,
    *,
    form: Format = "folder",
    store: Store | None = None,
    device: str = "auto",
    on_event: OnEvent = no_op,
) -> Exported:
    """Write the poisoned training set, the control's clean one, the test sets and the truth, and check all of it.

    `folder` then contains `data/train` and `data/test`, which are all that the victim's training script needs;
    `control`, the clean data for the control, row by row; `triggered`, the attacked test rows with the trigger and
    their true labels; and `truth`, for `measure`. Rows are shuffled, so their order does not show which are poisoned.

    Args:
        experiment: the data set, attack and seed. The poison is that of the first repeat.
        folder: a new or empty folder.
        form: `folder`: PNG images, one folder for each class; `npz` or `parquet`: one file for each set.
        store: keeps finished stages for later runs; None keeps nothing.
        device: `cpu`, `cuda`, …, or `auto`: CUDA if there is a GPU.
        on_event: called with every event.

    Raises:
        SettingsError: the settings do not fit the data, or the data does not fit the format.
        RunError: the folder is not empty, or a file does not read back as it was written.
        AntivenomError: pyarrow is not installed for `parquet`.
    """
    if form == "parquet" and find_spec("pyarrow") is None:
        raise AntivenomError(missing_packages("The format parquet", ["pyarrow"]))
    target = local_folder(folder)
    if exists(target) and (not is_folder(target) or any(target.iterdir())):
        raise RunError(f"{target} is not an empty folder. Choose another folder.")
    stages = Stages(store, choose_device(device), on_event=on_event)
    start, rng = checked_data(experiment, prepared(experiment, stages), stages), stream_of(experiment, 0)
    splits = start.splits
    if form != "npz" and not _pictures(splits.train):
        raise SettingsError([f"The format {form} requires uint8 images with 1 or 3 channels. Use the format npz."])
    poisoned = craft_poison(experiment, stages, start, 0).poisoned
    order = rng.child("export").order(poisoned.data.ids)
    sets = {"train": poisoned.data.subset(order), "control": poisoned.control(rng.child("control")).subset(order)}
    sets["test"] = splits.test
    if isinstance(poisoned.goal, TriggeredGoal):
        sets["triggered"] = triggered_rows(poisoned.goal, attacked_rows(poisoned.goal, splits.test))
    sets = {name: data.to("cpu") for name, data in sets.items()}
    make_folder(target.parent)
    remove_leftovers(target.parent, target.name)
    try:
        with temporary_path(target) as made:
            for name, data in sets.items():
                _write(data, made / PLACES[name], form)
            _write_truth(experiment, poisoned, order, splits.test, made / "truth", form)
            for name, data in sets.items():
                _check(data, made / PLACES[name], form)
            if exists(target):
                target.rmdir()
            made.rename(target)
    except AntivenomError:
        raise
    except OSError as error:
        raise write_error(target, error) from error
    return Exported(target, {name: len(data) for name, data in sets.items()}, len(poisoned.rows))


def file_of(place: Path, form: Format) -> Path:
    """Return the path of a set in a format: a folder for `folder`, otherwise a file."""
    return place if form == "folder" else place.with_name(f"{place.name}.{form}")


def read_back(place: Path, form: Format) -> tuple[Tensor, Tensor]:
    """Return the rows (n, …) and labels (n) of a written set, in the order of the rows' numbers."""
    file = file_of(place, form)
    if form == "npz":
        arrays = npz.read(file, ("x", "y"))
        return torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["y"])
    if form == "parquet":
        from antivenom.data.formats import parquet  # noqa: PLC0415 - an extra

        table = parquet.read(file, "image", "label")
        assert table.images is not None
        encoded, labels = table.images, table.labels
    else:
        with tree.Tree(file, splits=(), empty="ignore") as files:
            leaves = sorted(files.leaves, key=lambda leaf: Path(leaf.path).stem)
            encoded = [files.content(leaf) for leaf in leaves]
        labels = [int(leaf.label.partition("-")[0]) for leaf in leaves]
    grey = b"IHDR" in encoded[0][:32] and encoded[0][25] == 0
    canvas = images.Canvas(mode="grey" if grey else "rgb")
    x = images.decode_all(len(encoded), lambda row: (encoded[row], f"{file}, row {row}"), canvas)
    return x, torch.tensor(labels)


def _write(data: Dataset, place: Path, form: Format) -> None:
    file = file_of(place, form)
    if form == "npz":
        write_arrays(file, {"x": data.x.numpy(), "y": data.y.numpy(), "classes": np.array(data.classes)})
        return
    if form == "parquet":
        write_parquet(data, file)
        return
    names = class_folders(data.classes)
    for name in names:
        (file / name).mkdir(parents=True)
    for row, (x, y) in enumerate(zip(data.x, data.y.tolist(), strict=True)):
        (file / names[y] / f"{row:07}.png").write_bytes(images.encode(x))


def class_folders(classes: tuple[str, ...]) -> list[str]:
    """Return a folder name for each class. It starts with the class number, so that sorting keeps the order.

    >>> class_folders(("T-shirt/top", "Bag"))
    ['0-T-shirt-top', '1-Bag']
    """
    width = len(str(len(classes) - 1))
    return [f"{number:0{width}}-{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}"[:80] for number, name in enumerate(classes)]


def write_parquet(data: Dataset, file: Path) -> None:
    """Write images and labels as Hugging Face does. Requires the extra `parquet`."""
    import pyarrow as pa  # noqa: PLC0415 - an extra
    import pyarrow.parquet as pq  # noqa: PLC0415

    encoded = [{"bytes": images.encode(x), "path": None} for x in data.x]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(encoded, kind), "label": pa.array(data.y.tolist(), pa.int64())})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    write_bytes(file, sink.getvalue().to_pybytes())


def _write_truth(
    experiment: ExperimentSettings, poisoned: Poisoned, order: Tensor, test: Dataset, place: Path, form: Format
) -> None:
    base = poisoned.base
    write_text(place / "spec.yaml", RUN_MARK + dump_yaml(describe_fields(experiment)))
    write_json(place / "goal.json", describe("goals", poisoned.goal))
    about: dict[str, Any] = {
        "format": form,
        "figures": {figure.key: figure.value for figure in poison_figures(poisoned)},
        "bounds": base.bounds,
    }
    rows = {"ids": poisoned.data.ids[order], "roles": poisoned.roles[order], "y": poisoned.data.y[order]}
    write_arrays(place / "rows.npz", {name: tensor.cpu().numpy() for name, tensor in rows.items()})
    tensors = {"x": test.x, "y": test.y, "ids": test.ids}
    arrays = {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
    write_arrays(place / "test.npz", {**arrays, "classes": np.array(base.classes)})
    chart = poison_chart(poisoned)
    write_charts(place, {} if chart is None else {"attack.examples": chart})
    write_manifest(place / "truth.json", about, sorted(file.name for file in place.iterdir()))


def _check(data: Dataset, place: Path, form: Format) -> None:
    """Read a written set back and compare every pixel and every label."""
    if not len(data):
        return
    x, y = read_back(place, form)
    if x.shape != data.x.shape or not torch.equal(x, data.x) or not torch.equal(y, data.y):
        raise RunError(f"{file_of(place, form)} does not read back as it was written. All files were removed.")


def _pictures(data: Dataset) -> bool:
    return data.is_image and data.x.dtype == torch.uint8 and data.shape[0] in (1, 3)
