"""The dose at which an attack reaches a level, on digits."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from antivenom.attacks import BadNets, Chaff
from antivenom.cli import app
from antivenom.data.sources.digits import Digits
from antivenom.defences import Trim
from antivenom.errors import RunError, SettingsError, UnknownFigureError
from antivenom.models import MLP
from antivenom.report import write_report
from antivenom.runner import Experiment, Store, find_dose, load_spec
from antivenom.runner.events import Finished, Planned
from antivenom.storage.files import read_json
from antivenom.training import EndToEnd

KEY = "attack.success_rate"


def experiment(**changes):
    usual = {
        "dataset": Digits(),
        "model": MLP(hidden=(32,)),
        "attack": BadNets(target=7),
        "training": EndToEnd(epochs=10, batch_size=64, learning_rate=3e-3),
    }
    return Experiment(**{**usual, **changes})


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A search in an empty store: the store, the result and the events."""
    store, heard = Store(tmp_path_factory.mktemp("store")), []
    found = find_dose(experiment(), KEY, 0.5, scale="count", store=store, progress=False, on_event=heard.append)
    return store, found, heard


@pytest.fixture
def store(search):
    return search[0]


@pytest.fixture
def by_count(search):
    return search[1:]


def test_the_dose_has_an_interval_and_agrees_with_a_grid(by_count, store):
    result, _ = by_count
    assert result.reached == "dose"
    assert result.count.low <= result.count.dose <= result.count.high
    doses = [2, 4, 6, 8, 10, 14]
    grid = load_spec({**_spec(), "repeats": 3, "grid": {"attack.count": doses}})
    means = [row[KEY] for row in grid.run(store=store, progress=False).rows()]
    first = next(place for place, mean in enumerate(means) if mean >= 0.5)
    assert doses[first] >= result.count.low
    assert doses[first - 1] <= result.count.high


def test_the_control_is_trained_once_for_each_repeat(by_count):
    result, heard = by_count
    fits = [event for event in heard if isinstance(event, Finished) and event.stage.startswith("fit")]
    controls = [event for event in fits if event.stage == "fit control" and not event.stored]
    assert len(controls) == 3
    assert result.trainings == 3 + 3 * len(result.points) == sum(not event.stored for event in fits)
    assert result.reused == sum(event.stored for event in fits)
    plans = [event for event in heard if isinstance(event, Planned)]
    assert len(plans) == 1
    assert plans[0].at_most
    assert result.trainings <= plans[0].trainings


def test_rate_and_count_are_the_same_search(by_count, store):
    by_rate = find_dose(experiment(), KEY, 0.5, scale="rate", store=store, progress=False)
    assert by_rate.count.dose == pytest.approx(by_count[0].count.dose, rel=0.25)
    assert by_rate.rate.dose == pytest.approx(by_rate.count.dose / 1347, rel=0.02)
    assert all(point.rows == round(point.rate * 1347) for point in by_rate.points)


def test_the_folder_has_the_numbers_and_the_report(by_count, tmp_path):
    result, _ = by_count
    folder = result.save(tmp_path / "dose")
    content = read_json(folder / "dose.json")
    assert content["count"]["dose"] == result.count.dose
    assert len(content["points"]) == len(result.points) == len((folder / "table.csv").read_text().splitlines()) - 1
    page = write_report(folder).read_text()
    assert result.headline in page
    assert "<script" not in page
    assert (folder / "figures" / "dose.curve.png").is_file()
    result.save(folder)  # again, into the same folder
    assert list(result.to_frame().columns) == ["rate", "rows", "n", "mean", "low", "high", "control"]
    chart = result.chart()
    assert chart.levels.tolist() == [50.0]
    assert chart.ticks[0] == pytest.approx(result.count.dose)


def test_a_level_that_is_never_reached_is_said_with_the_curve(store):
    result = find_dose(experiment(), "model.clean_accuracy", 0.2, high=0.02, store=store, progress=False)
    assert result.reached == "never"
    assert result.rate.dose is None
    assert "model.clean_accuracy does not reach 20.0 % up to the largest dose, 27 rows (2 %)" in result.headline
    assert len(result.points) >= 3
    assert result.chart().ticks is None
    assert result.metrics()["dose.poison_rate"]["mean"] is None


def test_a_level_that_the_control_reaches_needs_no_poison(store):
    result = find_dose(experiment(), "model.clean_accuracy", 0.99, store=store, progress=False)
    assert result.reached == "without poison"
    assert "already without poison: the control has" in result.headline
    assert len(result.points) == 1


def test_a_level_that_one_row_reaches(store):
    result = find_dose(experiment(), "model.accuracy_drop", -0.5, low=0.01, store=store, progress=False)
    assert result.reached == "smallest"
    assert "already with the smallest dose, 1 row (0.0742 %)" in result.headline


def test_one_repeat_has_no_interval(store):
    result = find_dose(experiment(), KEY, 0.5, repeats=1, store=store, progress=False)
    assert result.rate.dose is not None
    assert result.rate.low is None
    assert "Each dose has only one seed" in result.doubts[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"low": 0.0}, r"low must be a rate in \[0.000742, 1\]; got 0"),
        ({"high": 1.5}, "high must be a rate"),
        ({"low": 0.3, "high": 0.2}, r"low must be below high \(0.2\); got 0.3"),
        ({"level": float("nan")}, "level must be a finite number"),
        (
            {"experiment": experiment(attack=Chaff(points=((0.0,) * 64,), labels=(1,)))},
            "the setting `rate`, which chaff",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, words):
    arguments = {"experiment": experiment(), "figure": KEY, "level": 0.5, "progress": False, **arguments}
    with pytest.raises(SettingsError, match=words):
        find_dose(**arguments)


def test_an_unknown_figure_is_refused(store):
    with pytest.raises(UnknownFigureError, match=r"Did you mean 'attack.success_rate'\?"):
        find_dose(experiment(), "attack.sucess_rate", 0.5, store=store, progress=False)


@pytest.mark.parametrize(
    ("figure", "level", "words"),
    [
        ("attack.sucess_rate", 0.5, "Did you mean 'attack.success_rate'"),
        ("scan.neural_cleanse.p_value", 0.5, "Its figures begin with: model.clean_accuracy"),
        ("accuracy", 0.5, "does not have a figure 'accuracy'"),
        (KEY, 50, r"level must be in \[0, 1\], as attack.success_rate is a share; got 50. 50 % is 0.5."),
        ("model.clean_accuracy.control", -1, r"level must be in \[0, 1\].*got -1."),
        ("model.class_accuracy.3", 1.5, r"level must be in \[0, 1\]"),
    ],
)
def test_a_wrong_figure_or_level_is_refused_before_any_training(figure, level, words, monkeypatch):
    monkeypatch.setattr("antivenom.runner.dose.run_experiment", lambda *_, **__: pytest.fail("it was trained"))
    with pytest.raises((SettingsError, UnknownFigureError), match=words):
        find_dose(experiment(), figure, level, progress=False)


def test_the_level_of_a_share_of_a_component_is_checked_after_the_first_repeat(store):
    with pytest.raises(SettingsError, match=r"level must be in \[0, 1\], as detector.trim"):
        find_dose(experiment(defences=(Trim(),)), "detector.trim.tpr", 95, store=store, progress=False)


def test_a_figure_without_a_value_is_refused(store):
    from antivenom.attacks import LabelFlip

    with pytest.raises(RunError, match="has no value"):
        find_dose(experiment(attack=LabelFlip()), KEY, 0.5, store=store, progress=False)


def test_the_command(tmp_path, monkeypatch, store):
    monkeypatch.setenv("ANTIVENOM_STORE", str(store.address))
    spec = tmp_path / "spec.yaml"
    spec.write_text(json.dumps(_spec()))
    out = tmp_path / "out"
    options = ["--figure", KEY, "--level", "0.5", "--in", "count", "--out", str(out), "--quiet"]
    done = CliRunner().invoke(app, ["dose", str(spec), *options])
    assert done.exit_code == 0, done.output
    assert "attack.success_rate reaches 50.0 % when" in " ".join(done.output.split())
    assert Path(out, "report.html").is_file()
    again = CliRunner().invoke(app, ["dose", str(spec), *options, "--json"])
    assert json.loads(again.stdout)["trainings"] == 0


def _spec():
    return {
        "name": "small",
        "dataset": "digits",
        "model": {"name": "mlp", "hidden": [32]},
        "attack": {"name": "badnets", "target": 7},
        "training": {"name": "end_to_end", "epochs": 10, "batch_size": 64, "learning_rate": 3e-3},
    }
