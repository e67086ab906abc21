"""What would fail only after all the training is refused before it."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from antivenom.data import Dataset, Splits
from antivenom.errors import AntivenomError, DataError, SettingsError
from antivenom.runner import Experiment, load_spec
from antivenom.runner.events import Trained

SPEC: dict[str, Any] = {"attack": "label_flip", "model": "mlp", "training": {"name": "end_to_end", "epochs": 1}}


def refused(spec: dict[str, Any], **arguments: Any) -> str:
    """Return the message; fail if something was trained before."""
    events = list[Any]()
    with pytest.raises(AntivenomError) as caught:
        made = load_spec({**SPEC, **spec})
        assert isinstance(made, Experiment)
        made.run(progress=False, on_event=events.append, **arguments)
    assert not any(isinstance(event, Trained) for event in events)
    return str(caught.value)


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe", b"\xc3("])
def test_a_folder_of_a_class_whose_name_is_not_utf_8(tmp_path: Path, name: bytes) -> None:
    for each in (name, b"tea"):
        place = os.path.join(os.fsencode(tmp_path / "data"), each)  # noqa: PTH118
        os.makedirs(place)  # noqa: PTH103
        for number in range(8):
            Image.new("L", (8, 8), number).save(os.fsdecode(os.path.join(place, b"%d.png" % number)))  # noqa: PTH118
    message = refused({"dataset": {"name": "folder", "path": str(tmp_path / "data")}}, out=tmp_path / "run")
    assert "Class names must be text that UTF-8 can encode" in message
    message.encode()
    assert not (tmp_path / "run").exists()


def test_class_names_that_no_file_can_contain() -> None:
    with pytest.raises(DataError, match=r"got 'a\\udc80'"):
        Dataset.from_arrays(np.zeros((4, 3)), [0, 1, 0, 1], classes=["a\udc80", "b"])


def test_very_many_classes() -> None:
    data = Dataset.from_arrays(np.zeros((60, 4)), np.arange(60) % 3, classes=99_999)
    made = load_spec(SPEC)
    assert isinstance(made, Experiment)
    with pytest.raises(SettingsError, match=r"dataset must have at most 10,000 classes.*got 99,999"):
        replace(made, dataset=Splits(train=data, test=data)).run(progress=False)


@pytest.mark.parametrize("label", [99_999, 2**31, 10**12])
def test_one_stray_label_is_one_class_more(tmp_path: Path, label: int) -> None:
    y = np.arange(60) % 3
    y[-1] = label
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(60, 4)), y=y)
    made = load_spec({**SPEC, "dataset": {"name": "npz", "path": str(tmp_path / "x.npz")}})
    assert isinstance(made, Experiment)
    result = made.run(progress=False)
    assert any(f"{label} (1)" in sentence for sentence in result.assumptions)


@pytest.mark.parametrize("path", ["x" * 5000, "a/" * 3000, "a\0b"])
def test_a_path_that_is_not_possible(path: str, tmp_path: Path) -> None:
    for dataset in ("npz", "csv", "folder", "parquet"):
        assert "dataset" in refused({"dataset": {"name": dataset, "path": path}})
    assert "cannot be created" in refused({}, out=tmp_path / path)
    with pytest.raises(SettingsError):
        load_spec(path)


def test_a_spec_with_very_many_mistakes_is_a_short_message(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("attack: label_flip\n" + "".join(f"k{number}: 1\n" for number in range(3000)))
    with pytest.raises(SettingsError, match=r"… and 2,950 more problems\.") as caught:
        load_spec(tmp_path / "a.yaml")
    assert len(str(caught.value)) < 20_000
    (tmp_path / "a.yaml").write_text(f"attack: label_flip\n{'k' * 100}{'y' * 100_000}: 1\n")
    with pytest.raises(SettingsError) as caught:
        load_spec(tmp_path / "a.yaml")
    assert len(str(caught.value)) < 3000


def test_a_spec_that_is_too_large_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"a: " + b"x" * (1 << 20))
    with pytest.raises(SettingsError, match=r"must have at most 262,144 bytes; it is longer"):
        load_spec(tmp_path / "a.yaml")
    grid = "".join(f"  a{number}: [1, 2]\n" for number in range(500))
    (tmp_path / "a.yaml").write_text(f"attack: label_flip\ngrid:\n{grid}")
    with pytest.raises(SettingsError, match="must have at most 10,000 cells; got more than 1,000,000,000,000"):
        load_spec(tmp_path / "a.yaml")
