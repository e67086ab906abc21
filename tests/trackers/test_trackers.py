"""What the trackers log, read back with their own packages."""

import importlib
import math
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from antivenom.cli import app
from antivenom.errors import ComponentError, SettingsError
from antivenom.registry import entries
from antivenom.runner import Experiment, Store, Sweep, load_spec
from antivenom.runner.executors.cell_key import cell_keys
from antivenom.runner.tracking import Tracking
from antivenom.settings import FrozenMap
from antivenom.trackers import MLflow, TensorBoard, WandB
from tests.helpers.small_experiment import DIGITS, experiment

SPEC = {**DIGITS, "attack": {"name": "badnets", "target": 7}, "train_rows": 200, "name": "tracked"}
FIGURE = "attack.success_rate"
TRACKERS = {"tensorboard": TensorBoard, "mlflow": MLflow, "wandb": WandB}


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def needs(*packages):
    for name in packages:
        pytest.importorskip(name)


class Heard:
    """A tracker, and its log, that remember what they receive."""

    packages = FrozenMap()

    def __init__(self, fails=""):
        self.calls, self.fails = [], fails

    def track(self, name, spec):
        self.calls.append(("track", name, spec["repeats"]))
        return self

    def log_loss(self, stage, repeat, epoch, loss):
        if self.fails == "log_loss":
            raise ValueError("full")
        self.calls.append(("loss", stage, repeat, epoch))

    def log_result(self, metrics, charts):
        self.calls.append(("result", metrics[FIGURE]["mean"], sorted(charts)))

    def close(self, failed):
        self.calls.append(("close", failed))


def test_a_run_is_logged_from_its_begin_to_its_end():
    tracker = Heard()
    result = experiment(repeats=2).run(progress=False, trackers=[tracker])
    assert tracker.calls[0] == ("track", "experiment", 2)
    losses = [call[1:] for call in tracker.calls if call[0] == "loss"]
    assert losses == [
        (f"fit {who}", repeat, epoch) for repeat in (0, 1) for who in ("victim", "control") for epoch in (1, 2)
    ]
    assert tracker.calls[-2:] == [("result", result.metrics[FIGURE]["mean"], sorted(result.charts)), ("close", False)]


def test_an_error_ends_the_logs_as_failed():
    tracker = Heard()

    def stop(event):
        if type(event).__name__ == "Trained" and event.epoch.number == 2:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        experiment().run(progress=False, trackers=[tracker], on_event=stop)
    assert tracker.calls[-1] == ("close", True)
    assert not any(call[0] == "result" for call in tracker.calls)


def test_the_mistake_of_a_tracker_names_it():
    with pytest.raises(ComponentError, match=r"log_loss raised ValueError: full"):
        experiment().run(progress=False, trackers=[Heard(fails="log_loss")])


def test_each_cell_of_a_sweep_has_a_log_and_finished_cells_have_none(tmp_path):
    sweep = load_spec({**SPEC, "grid": {"attack.rate": [0.1, 0.2]}})
    assert isinstance(sweep, Sweep)
    first, again = Heard(), Heard()
    result = sweep.run(out=tmp_path / "out", progress=False, trackers=[first])
    assert [call[1] for call in first.calls if call[0] == "track"] == [f"tracked/{cell}" for cell in result.axes]
    means = [result.metrics(cell)[FIGURE]["mean"] for cell in result.axes]
    assert [call[1] for call in first.calls if call[0] == "result"] == means
    assert [call for call in first.calls if call[0] == "close"] == [("close", False)] * 2
    sweep.run(out=tmp_path / "out", progress=False, trackers=[again])
    assert again.calls == []


def test_trackers_change_no_key_of_a_cell():
    plain = load_spec(SPEC)
    tracked = load_spec({**SPEC, "trackers": ["tensorboard"]})
    assert isinstance(tracked, Experiment)
    assert tracked.trackers == (TensorBoard(),)
    keys = cell_keys({"plain": plain, "tracked": tracked}, "cpu", {"plain": 1, "tracked": 1})
    assert keys["plain"] == keys["tracked"]


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_package_is_refused_before_anything_runs(name, monkeypatch):
    monkeypatch.setattr("antivenom.runner.tracking.find_spec", lambda module: None)
    with pytest.raises(SettingsError, match=rf"The tracker '{name}' requires .*not installed"):
        Tracking("x", {"": experiment()}, [TRACKERS[name]()])


def test_the_command_refuses_an_unknown_tracker():
    done = CliRunner().invoke(app, ["run", "demo", "--track", "tensorbord"])
    assert isinstance(done.exception, SettingsError)
    assert "Did you mean 'tensorboard'?" in str(done.exception)
    assert set(TRACKERS) <= set(entries("trackers"))


def tracked(tracker, tmp_path):
    """A run of two repeats with a tracker."""
    store = Store(tmp_path / "store")
    return load_spec({**SPEC, "repeats": 2}).run(store=store, progress=False, trackers=[tracker])


@pytest.mark.slow
def test_tensorboard_reads_back_what_was_logged(tmp_path):
    needs("tensorboard")
    result = tracked(TensorBoard(folder="logs"), tmp_path)
    events = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    read = events.EventAccumulator(str(Path("logs", "tracked")))
    read.Reload()
    entry = result.metrics[FIGURE]
    for end, part in (("", "mean"), (".low", "low"), (".high", "high")):
        assert read.Scalars(f"{FIGURE}{end}")[0].value == pytest.approx(entry[part], rel=1e-6)
    losses = [each.value for each in read.Scalars("loss.victim.repeat_2")]
    assert losses == pytest.approx(list(result.repeats[1].losses[0]), rel=1e-6)
    assert "model.confusion" in read.Tags()["images"]
    assert "spec/text_summary" in read.Tags()["tensors"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_mlflow_reads_back_what_was_logged(tmp_path):
    needs("mlflow", "sqlalchemy", "alembic")
    result = tracked(MLflow(), tmp_path)
    client = importlib.import_module("mlflow.tracking").MlflowClient("sqlite:///mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("antivenom").experiment_id])
    assert (run.info.run_name, run.info.status) == ("tracked", "FINISHED")
    entry = result.metrics[FIGURE]
    assert run.data.metrics[FIGURE] == entry["mean"]
    assert run.data.metrics[f"{FIGURE}.low"] == entry["low"]
    history = client.get_metric_history(run.info.run_id, "loss.control.repeat_1")
    assert [each.value for each in history] == list(result.repeats[0].losses[1])
    assert run.data.params["train_rows"] == "200"
    files = [each.path for each in client.list_artifacts(run.info.run_id, "charts")]
    assert "charts/model.confusion.png" in files
    assert len(list(Path("mlflow-artifacts").rglob("spec.yaml"))) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::pytest.PytestWarning")
def test_wandb_reads_back_what_was_logged(tmp_path):
    needs("wandb")
    result = tracked(WandB(), tmp_path)
    logged, summary = written_wandb()
    losses = [float(each["loss.victim.repeat_1"]) for each in logged if "loss.victim.repeat_1" in each]
    assert losses == pytest.approx(list(result.repeats[0].losses[0]))
    assert float(summary[FIGURE]) == pytest.approx(result.metrics[FIGURE]["mean"])
    assert not math.isnan(float(summary[f"{FIGURE}.high"]))
    assert any("model.confusion" in str(each) for each in Path("wandb").rglob("*.png"))


def written_wandb():
    """What `read_wandb` reads when the service of Weights & Biases, another process, has written everything."""
    for _ in range(600):
        for file in Path("wandb").glob("offline-run-*/*.wandb"):
            logged, summary = read_wandb(file)
            if FIGURE in summary and logged:
                return logged, summary
        time.sleep(0.2)
    raise AssertionError("The service has written nothing in two minutes.")


def read_wandb(file):
    """The values of each call of `log`, and the summary, from the file of an offline run."""
    record = importlib.import_module("wandb.proto.wandb_internal_pb2").Record
    logged, summary = [], {}
    for data in log_records(file.read_bytes()):
        read = record.FromString(data)
        named = {(each.key or ".".join(each.nested_key)): each.value_json for each in read.history.item}
        logged += [named] if named else []
        summary |= {(each.key or ".".join(each.nested_key)): each.value_json for each in read.summary.update}
    return logged, summary


def log_records(content):
    """The records of a file in the log format of LevelDB: blocks of 32 KiB with parts of records in them."""
    place, whole = 7, b""  # after the header of the file
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        length, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield whole
            whole = b""
