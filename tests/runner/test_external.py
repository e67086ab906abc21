"""Poisoned data for other people's scripts, and what came of it."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner

from antivenom.cli import app
from antivenom.data import Dataset
from antivenom.errors import AntivenomError, DataError, RunError, SettingsError
from antivenom.models.files import read_weights
from antivenom.report import write_report
from antivenom.runner import load_spec
from antivenom.runner.export import export, read_back
from antivenom.runner.external import NO_CONTROL, measure_external
from antivenom.runner.predictions import predictions_from_npz

pytestmark = pytest.mark.slow  # whole runs

SPEC: dict[str, Any] = {
    "model": {"name": "mlp", "hidden": [32]},
    "attack": {"name": "badnets", "rate": 0.1, "target": 7},
    "training": {"name": "end_to_end", "epochs": 20, "learning_rate": 3e-3, "batch_size": 64},
}
ARCH = "{name: module, factory: 'tests.runner.test_external:network'}"


def network() -> nn.Module:
    """Somebody's own network."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def probabilities() -> nn.Module:
    """The same network with a softmax at its end."""
    return nn.Sequential(*network(), nn.Softmax(1))


def plain_script(folder: Path) -> nn.Module:
    """A training script that knows a folder of images for each class, and nothing of antivenom."""
    rows, labels = [], []
    for number, place in enumerate(sorted(folder.iterdir())):
        for file in sorted(place.iterdir()):
            rows.append(np.asarray(Image.open(file), np.float32)[None] / 255)
            labels.append(number)
    x, y = torch.tensor(np.stack(rows)), torch.tensor(labels)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = network()
        optimizer = torch.optim.Adam(net.parameters(), 3e-3)
        for _ in range(20):
            for batch in torch.randperm(len(y)).split(64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
                optimizer.step()
    return net


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("outside") / "out"
    export(load_spec(SPEC), folder)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def trained(written: Path) -> tuple[Path, Path]:
    files = written.parent / "victim.pt", written.parent / "control.safetensors"
    torch.save({"state_dict": plain_script(written / "data/train").state_dict(), "epoch": 20}, files[0])
    from safetensors.torch import save_file

    save_file(plain_script(written / "control").state_dict(), files[1])
    return files


@pytest.mark.slow
def test_a_plain_script_gives_the_figures_that_a_run_gives(
    written: Path, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    metrics = measure_external(trained[0], written, tmp_path / "run", control=trained[1], arch=ARCH, allow_code=True)
    inside = load_spec({**SPEC, "repeats": 3}).run().metrics  # type: ignore[union-attr]
    assert metrics.keys() == inside.keys()
    for name in ("model.clean_accuracy", "attack.success_rate"):
        for key in (name, f"{name}.control"):
            assert metrics[key]["mean"] == pytest.approx(inside[key]["mean"], abs=0.02), key
    assert metrics["attack.success_rate"]["mean"] > 0.97
    assert metrics["attack.success_rate.control"]["mean"] < 0.02
    page = write_report(tmp_path / "run").read_text()
    assert "the control" in page
    assert NO_CONTROL not in page


@pytest.mark.slow
def test_without_a_control_that_is_said(written: Path, trained: tuple[Path, Path], tmp_path: Path) -> None:
    metrics = measure_external(trained[0], written, tmp_path / "run", arch=ARCH, allow_code=True)
    assert metrics["model.clean_accuracy.control"]["mean"] is None
    assert metrics["attack.success_rate"]["mean"] > 0.97
    assert NO_CONTROL in write_report(tmp_path / "run").read_text()


def test_predictions_give_the_figures_that_weights_give(
    written: Path, trained: tuple[Path, Path], tmp_path: Path
) -> None:
    net = network()
    net.load_state_dict(read_weights(trained[0]))
    scores = {}
    for name, place in (("test", "data/test"), ("triggered", "triggered")):
        x, _ = read_back(written / place, "folder")
        scores[name] = net.eval()(x.float() / 255).detach().numpy()
    np.savez(tmp_path / "scores.npz", **scores)
    np.savez(tmp_path / "labels.npz", **{name: held.argmax(1) for name, held in scores.items()})
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["set", "row", "label"])
        for name, held in scores.items():
            writer.writerows([name, row, label] for row, label in enumerate(held.argmax(1)))
    wanted = measure_external(trained[0], written, tmp_path / "run", arch=ARCH, allow_code=True)
    for name in ("scores.npz", "labels.npz", "labels.csv"):
        assert measure_external(tmp_path / name, written / "truth", tmp_path / f"run-{name}") == wanted


def test_an_attack_without_a_trigger_is_measured_too(tmp_path: Path) -> None:
    spec = load_spec({**SPEC, "attack": {"name": "label_flip", "rate": 0.3}})
    done = export(spec, tmp_path / "out", form="npz")  # type: ignore[arg-type]
    assert "triggered" not in done.rows
    labels = np.load(tmp_path / "out/data/test.npz")["y"]
    np.savez(tmp_path / "said.npz", test=np.where(labels == 3, 5, labels))
    metrics = measure_external(tmp_path / "said.npz", tmp_path / "out", tmp_path / "run")
    assert metrics["model.clean_accuracy"]["mean"] == pytest.approx((labels != 3).mean())
    assert metrics["model.class_accuracy.3"]["mean"] == 0
    assert metrics["attack.success_rate"]["mean"] is None
    assert write_report(tmp_path / "run").is_file()


WRONG_PREDICTIONS = {
    "too few": (
        {"test": np.zeros(3, np.int64), "triggered": np.zeros(395, np.int64)},
        "must have 450 rows, as the set has; got 3",
    ),
    "no triggered": ({"test": np.zeros(450, np.int64)}, "no array 'triggered'"),
    "a class too far": (
        {"test": np.full(450, 10), "triggered": np.zeros(395, np.int64)},
        "classes from 0 to 9; got 10 to 10",
    ),
    "fractions": (
        {"test": np.zeros(450), "triggered": np.zeros(395, np.int64)},
        r"must be class numbers .*pass test\.astype\(int\)",
    ),
    "a column": ({"test": np.ones((450, 1)), "triggered": np.ones(395)}, r"pass test\.ravel\(\)\.astype\(int\)"),
}


@pytest.mark.parametrize("name", WRONG_PREDICTIONS)
def test_wrong_predictions_are_refused(written: Path, tmp_path: Path, name: str) -> None:
    arrays, message = WRONG_PREDICTIONS[name]
    np.savez(tmp_path / "said.npz", **arrays)
    with pytest.raises(DataError, match=message):
        measure_external(tmp_path / "said.npz", written, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("shape", [(20,), (20, 1)])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.linspace(0.1, 0.9, 20), r"probabilities of class 1, .*pass np\.stack\(\[1 - p, p\], 1\)"),
        (np.linspace(-3, 3, 20), r"logits of class 1, .*pass np\.stack\(\[0 \* z, z\], 1\)"),
        (np.arange(20.0) % 2, r"class numbers, pass test.*astype\(int\)"),
    ],
)
def test_one_number_for_each_of_two_classes_is_explained(tmp_path: Path, shape: Any, values: Any, said: str) -> None:
    two = Dataset.from_arrays(np.zeros((20, 4), np.float32), np.arange(20) % 2, bounds=(0, 1))
    np.savez(tmp_path / "said.npz", test=values.reshape(shape))
    with pytest.raises(DataError, match=said):
        predictions_from_npz(tmp_path / "said.npz", "test", two)


def test_a_network_of_probabilities_names_the_whole_arch(written: Path, tmp_path: Path) -> None:
    torch.save(network().state_dict(), tmp_path / "victim.pt")
    arch = ARCH.replace(":network", ":probabilities")
    with pytest.raises(DataError, match=r"returns probabilities, and --arch must say so: --arch '\{") as caught:
        measure_external(tmp_path / "victim.pt", written, tmp_path / "run", arch=arch, allow_code=True)
    named = str(caught.value).partition("--arch '")[2].removesuffix("'.")
    assert "model.clean_accuracy" in measure_external(
        tmp_path / "victim.pt", written, tmp_path / "run", arch=named, allow_code=True
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("share", [1.0, 0.1])
def test_scores_that_are_not_finite_are_refused(written: Path, tmp_path: Path, value: float, share: float) -> None:
    scores = {"test": np.zeros((450, 10), np.float32), "triggered": np.zeros((395, 10), np.float32)}
    for each in scores.values():
        each[: round(share * len(each))] = value
    np.savez(tmp_path / "said.npz", **scores)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=rf"not finite for {round(share * 450)} of 450 rows.*diverged"):
        measure_external(tmp_path / "said.npz", written, tmp_path / "run")


@pytest.mark.parametrize("part", ["all", "one layer", "one number"])
def test_weights_that_are_not_finite_are_refused(written: Path, tmp_path: Path, part: str) -> None:
    state = {name: value.clone() for name, value in network().state_dict().items()}
    if part == "one number":
        state["3.bias"][0] = torch.inf
    for name in state if part == "all" else ["1.weight"] if part == "one layer" else []:
        state[name].fill_(torch.nan)
    torch.save(state, tmp_path / "victim.pt")
    with pytest.raises(DataError, match=r"weights that are not finite \('\d.*diverged"):
        measure_external(tmp_path / "victim.pt", written, tmp_path / "run", arch=ARCH, allow_code=True)


def test_weights_whose_scores_overflow_get_a_doubt(written: Path, tmp_path: Path) -> None:
    state = {name: value * 1e30 for name, value in network().state_dict().items()}
    torch.save(state, tmp_path / "victim.pt")
    metrics = measure_external(tmp_path / "victim.pt", written, tmp_path / "run", arch=ARCH, allow_code=True)
    assert metrics["attack.success_rate"]["mean"] == 0
    assert metrics["model.clean_accuracy"]["mean"] < 0.2
    doubts = json.loads((tmp_path / "run" / "manifest.json").read_text())["doubts"]
    assert any("scores are not finite for" in each and "diverged" in each for each in doubts)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first line has no columns, without set and row and label. The first line must be set,row,label"),
        ("set,row,label\n", "must have lines of the set 'test'; it has no lines after the first"),
        ("set,row,label\ntest,0,x\n", "line 2: the label must be the number of a class, such as 7, or its name"),
        ("set,row,label\ntest,0,1\n", "it has 1. No line has row 1"),
        ("set,row,label\ntest,-1,1\n", "line 2: the row must be a whole number from 0 to 449; got '-1'"),
        ("set,row,label\ntest,450,1\n", "line 2: the set 'test' has the rows 0 to 449; got row '450'"),
        ("set,row,label\ntest,0,7.0\n", r"got '7.0'. Write 7: with .* table\['label'\].astype\(int\)"),
        ("set,row,label\ntest,331.0,7\n", r"got '331.0'. Write 331: with .* table\['row'\].astype\(int\)"),
        ("set,row,label\nTEST,0,7\n", "line 2: the set must be 'test'; got 'TEST'"),
        ("set,row,label\neval,0,7\n", "must have lines of the set 'test'; it has the sets 'eval'"),
        ("set,row,prediction\ntest,0,7\n", "its first line has 'set', 'row', 'prediction', without label"),
        ("Set,Row,Label\ntest,0,7\n", "has 'Set', 'Row', 'Label', without set and row and label"),
        (
            "set,row,label\ntest,0,7\ntest,3,7\ntest,0,8\n",
            "row 0 of the set 'test' has two lines, 2 and 4, .* 7 and '8'",
        ),
        ("set,row,label\ntest,3,7\ntest,3,7\n", "row 3 of the set 'test' has two lines, 2 and 3"),
    ],
)
def test_wrong_lines_are_refused(written: Path, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "said.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        measure_external(tmp_path / "said.csv", written, tmp_path / "run")


def test_wrong_weights_are_refused(written: Path, trained: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Name the right one with --arch"):
        measure_external(trained[0], written, tmp_path / "run")
    torch.save({"net": network()}, tmp_path / "whole.pt")
    (tmp_path / "cut.pt").write_bytes(trained[0].read_bytes()[:500])
    (tmp_path / "cut.safetensors").write_bytes(trained[1].read_bytes()[:500])
    torch.save({"a": 1}, tmp_path / "number.pt")
    torch.save([1], tmp_path / "list.pt")
    for name, message in (
        ("whole.pt", "must contain weights only"),
        ("cut.pt", "damaged"),
        ("cut.safetensors", "damaged"),
        ("number.pt", "a state dict of names and tensors"),
        ("list.pt", "a state dict"),
        ("absent.pt", "is missing"),
        ("said.txt", "missing"),
    ):
        with pytest.raises(DataError, match=message):
            measure_external(tmp_path / name, written, tmp_path / "run")


def test_one_of_several_sets_of_weights_is_measured(written: Path, trained: tuple[Path, Path], tmp_path: Path) -> None:
    state = torch.load(trained[0], weights_only=True)["state_dict"]
    zeros = {name: torch.zeros_like(value) for name, value in state.items()}
    torch.save({"model": zeros, "ema": state}, tmp_path / "two.pt")
    settings: dict[str, Any] = {"arch": ARCH, "allow_code": True}
    with pytest.raises(DataError, match=r"2 sets of weights: 'model', 'ema'.*--weights-part.*part="):
        measure_external(tmp_path / "two.pt", written, tmp_path / "run", **settings)
    wanted = measure_external(trained[0], written, tmp_path / "run", **settings)
    for control in (None, tmp_path / "two.pt"):
        figures = measure_external(
            tmp_path / "two.pt", written, tmp_path / "run", control=control, weights_part="ema", **settings
        )
        assert figures["model.clean_accuracy"] == wanted["model.clean_accuracy"]
    with pytest.raises(DataError, match=r"has no weights in 'other'\. It has: 'model', 'ema'"):
        measure_external(tmp_path / "two.pt", written, tmp_path / "run", weights_part="other", **settings)
    with pytest.raises(SettingsError, match="weights_part requires a file of weights; got 'ema' with predictions"):
        measure_external(tmp_path / "said.npz", written, tmp_path / "run", weights_part="ema")
    command = ["measure", str(tmp_path / "two.pt"), "--truth", str(written), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*command, "--arch", ARCH, "--allow-code", "--weights-part", "ema", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["model.clean_accuracy"]["mean"] == wanted["model.clean_accuracy"]["mean"]


def test_a_truth_that_is_none_or_damaged_is_refused(written: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="does not contain the truth"):
        measure_external("x.npz", tmp_path, tmp_path / "run")
    for name in ("truth.json", "goal.json", "test.npz"):
        place = tmp_path / name
        place.mkdir()
        for file in (written / "truth").iterdir():
            (place / file.name).write_bytes(file.read_bytes() if file.name != name else b"{}")
        with pytest.raises(AntivenomError, match="is damaged"):
            measure_external("x.npz", place, tmp_path / "run")


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIVENOM_STORE", str(tmp_path / "store"))
    run = CliRunner().invoke
    done = run(app, ["poison", "digits_badnets", "--out", str(tmp_path / "out"), "--format", "npz"])
    assert done.exit_code == 0, done.output
    labels = np.load(tmp_path / "out/data/test.npz")["y"]
    np.savez(tmp_path / "said.npz", test=labels, triggered=np.full(int((labels != 7).sum()), 7))
    command = ["measure", str(tmp_path / "said.npz"), "--truth", str(tmp_path / "out"), "--out", str(tmp_path / "run")]
    done = run(app, [*command, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["attack.success_rate"]["mean"] == 1
    assert "Report:" in run(app, command).output
    for wrong in (["--format", "tar"], ["--set", "grid={attack.rate: [0.1]}"]):
        refused = run(app, ["poison", "digits_badnets", "--out", str(tmp_path / "more"), *wrong])
        assert isinstance(refused.exception, SettingsError)
