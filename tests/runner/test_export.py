"""Poisoned data for other people's scripts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antivenom.data.sources.folder import Folder
from antivenom.data.sources.npz import Npz
from antivenom.errors import RunError, SettingsError
from antivenom.runner import load_spec
from antivenom.runner.export import Format, class_folders, export, read_back

SPEC: dict[str, Any] = {
    "model": {"name": "mlp", "hidden": [32]},
    "attack": {"name": "badnets", "rate": 0.1, "target": 7},
    "training": {"name": "end_to_end", "epochs": 20, "learning_rate": 3e-3, "batch_size": 64},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside") / "out"
    export(load_spec(SPEC), folder)  # type: ignore[arg-type]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "npz", "parquet"])
@pytest.mark.parametrize("mode", ["replace", "append"])
def test_what_was_written_is_what_the_victim_would_have_seen(tmp_path: Path, form: Format, mode: str) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow", reason="the extra 'parquet' is not installed")
    spec = load_spec({**SPEC, "attack": {**SPEC["attack"], "mode": mode}})
    done = export(spec, tmp_path / "out", form=form)  # type: ignore[arg-type]
    splits = spec.dataset.load()  # type: ignore[union-attr]
    truth = np.load(tmp_path / "out/truth/rows.npz")
    x, y = read_back(tmp_path / "out/data/train", form)
    clean_x, clean_y = read_back(tmp_path / "out/control", form)
    poison = torch.from_numpy(truth["roles"] == 1)
    assert done.rows["train"] == len(x) == len(clean_x)
    assert int(poison.sum()) == done.poison == round(0.1 * len(x))
    assert (y[poison] == 7).all()
    place = {int(row): index for index, row in enumerate(splits.train.ids)}
    clean = [place[int(row)] for row in truth["ids"][~poison.numpy()]]
    assert torch.equal(x[~poison], splits.train.x[clean])
    assert torch.equal(y[~poison], splits.train.y[clean])
    assert torch.equal(clean_x[~poison], x[~poison])
    assert torch.equal(clean_y[~poison], y[~poison])
    assert (x[poison, :, -2:, -2:] == 255).all()
    triggered, labels = read_back(tmp_path / "out/triggered", form)
    assert (triggered[:, :, -2:, -2:] == 255).all()
    assert (labels != 7).all()
    assert len(triggered) == int((splits.test.y != 7).sum())
    where = poison.nonzero().flatten().double() / len(x)
    assert 0.4 < float(where.mean()) < 0.6  # not all at one end


def test_other_sources_read_what_was_written(written: Path, tmp_path: Path) -> None:
    splits = Folder(path=str(written / "data"), mode="grey").load()
    assert (len(splits.train), len(splits.test)) == (1347, 450)
    export(load_spec(SPEC), tmp_path / "out", form="npz")  # type: ignore[arg-type]
    data = Npz(path=str(tmp_path / "out/data/train.npz")).load().train
    assert data.shape == (1, 8, 8)


def test_only_what_the_format_can_hold_is_written(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).random((40, 5)).astype(np.float32)
    np.savez(tmp_path / "table.npz", x=rows, y=np.arange(40) % 2)
    spec = load_spec(
        {
            **SPEC,
            "dataset": {"name": "npz", "path": str(tmp_path / "table.npz"), "bounds": [0, 1]},
            "attack": "random_noise",
        }
    )
    with pytest.raises(SettingsError, match="images with 1 or 3 channels"):
        export(spec, tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
    export(spec, tmp_path / "out", form="npz")  # type: ignore[arg-type]
    with pytest.raises(RunError, match="not an empty folder"):
        export(spec, tmp_path / "out", form="npz")  # type: ignore[arg-type]
    assert not list(tmp_path.glob(".out-*"))


def test_class_folders_keep_the_order() -> None:
    names = class_folders(tuple(f"../{letter}/x" for letter in "zyxwvutsrqp"))
    assert names == sorted(names)
    assert not any("/" in name or ".." in name for name in names)
