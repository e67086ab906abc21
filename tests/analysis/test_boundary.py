"""A decision boundary that walks: the lesson to its digits, the parts it is made of, and nonsense."""

import json
import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier as Theirs
from typer.testing import CliRunner

from antivenom import load, load_spec
from antivenom.analysis import Square, crossings, flipped, margin
from antivenom.analysis.boundary import Boundary
from antivenom.analysis.boundary_charts import curve_chart, plane_chart, walk_chart
from antivenom.analysis.walk import Walk
from antivenom.attacks import AimedChaff, Chaff
from antivenom.charts import Lines, Scatter
from antivenom.cli import app
from antivenom.data.sources import Csv, Plane
from antivenom.defences import NearestNeighbours
from antivenom.errors import AntivenomError, CapabilityError, DataError, RunError, SettingsError
from antivenom.models import MLP, LogisticRegression, MLPClassifier, SGDClassifier, perceptron
from antivenom.report.lesson import write_lesson
from antivenom.rng import Rng
from antivenom.runner.lesson import lesson_points, lesson_source, lesson_spec, lesson_square
from antivenom.storage.store import Store
from antivenom.testing import toy_images
from antivenom.training import Online, OwnFit

ROUGH: dict[str, Any] = {"name": "boundary", "step": 0.1, "drawn": 20}


def spec(**changes: Any) -> dict[str, Any]:
    """A lesson on a coarse grid."""
    made = lesson_spec(
        source=changes.pop("source", lesson_source()),
        model=changes.pop("model", "mlp_classifier"),
        points=changes.pop("points", lesson_points((-3, 3))),
        labels=(1,),
        calls=changes.pop("calls", 3),
    )
    return {**made, "analysis": [ROUGH], **changes}


def found(result: Any) -> dict[str, Any]:
    arrays = result.data
    return {name.removeprefix("analysis.boundary."): array for name, array in arrays.items() if "boundary" in name}


@pytest.mark.slow
def test_the_lesson_to_its_digits(tmp_path: Path) -> None:
    made = lesson_spec(source=lesson_source(), points=lesson_points((-3, 3)), labels=(1,), calls=15)
    load_spec(made).run(out=tmp_path, device="cpu")
    told = write_lesson(tmp_path, [1, 5, 15])
    assert [f"{each:.3f}" for each in told["before"]["poison"]] == ["0.679", "0.636", "0.592", "0.546", "0.500"]
    ends = [told["before"], *told["after"]]
    heights = [each["boundary"]["-2"] for each in ends]
    assert all(len(each) == 1 for each in heights)
    grid = [math.floor(each[0] / 0.01) * 0.01 for each in heights]  # the row of the grid below the boundary
    assert [f"{each:.2f}" for each in grid] == ["-0.14", "-0.18", "-0.41", "-0.99"]
    assert [each["accuracy"] for each in ends] == [0.97, 0.97, 0.97, 0.96]
    assert [f"{100 * each['flipped']['0 to 1']:.2f}" for each in told["after"]] == ["0.26", "2.03", "6.54"]
    turned = told["after"][2]["turned_wrong"]
    assert [each["class"] for each in turned] == [0, 0], "points of class 0 that the model now takes for class 1"
    assert json.loads((tmp_path / "boundary.json").read_text()) == told


def test_the_data_and_the_model_are_the_originals() -> None:
    x, y = make_classification(
        n_samples=200, n_features=2, n_informative=2, n_redundant=0, weights=[0.5, 0.5], random_state=17
    )
    splits = Plane().load()
    assert np.array_equal(splits.train.x.numpy(), x[:100].astype(np.float32))
    assert np.array_equal(splits.test.y.numpy(), y[100:])
    theirs = Theirs(max_iter=600, random_state=123).fit(splits.train.x.numpy().astype(np.float64), y[:100])
    blank = MLPClassifier(random_state=123).build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    ours = OwnFit().fit(blank, splits.train, rng=Rng(1))
    given = theirs.predict_proba(splits.test.x.numpy().astype(np.float64))
    assert np.array_equal(ours.scores(splits.test.x).numpy(), given.astype(np.float32))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_what_was_written_goes_on_as_if_it_had_not_been(solver: str) -> None:
    from antivenom.models import as_classifier

    splits = Plane(shape="moons").load()
    blank = as_classifier(Theirs((8,), solver=solver, max_iter=30, random_state=1), input_shape=(2,), classes=2)
    with pytest.warns(UserWarning, match="converge"):
        fitted = OwnFit().fit(blank, splits.train, rng=Rng(0))
    again = blank.with_state(fitted.state())
    for _ in range(3):
        for each in (fitted, again):
            each.learn(splits.test.x[:7], splits.test.y[:7])
    assert torch.equal(fitted.scores(splits.test.x), again.scores(splits.test.x)), "the optimizer's state was lost"


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_the_quick_partial_fit_is_scikit_learns_to_the_bit(
    solver: str, activation: str, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("scikit-learn's own way was taken")

    draws = np.random.default_rng(0)
    x, y, every = draws.standard_normal((60, 4)), draws.integers(0, classes, 60), np.arange(classes)
    settings = {"solver": solver, "activation": activation, "learning_rate": "adaptive", "tol": 10.0, "random_state": 3}
    slow = Theirs((7, 5), n_iter_no_change=2, **settings).partial_fit(x, y, classes=every)
    quick = deepcopy(slow)
    for number, start in enumerate(range(0, 60, 6)):
        rows = slice(start, start + 6)
        slow.partial_fit(x[rows], y[rows], classes=every)
        with monkeypatch.context() as patched:
            if number:  # the first time, both ways are tried
                patched.setattr(Theirs, "partial_fit", refuse)
            perceptron.update(quick, x[rows], y[rows], every)
    for name in vars(slow):
        assert name == "_random_state" or same(getattr(quick, name), getattr(slow, name)), name


def same(first: Any, second: Any) -> bool:
    """Whether all numbers are, within whatever holds them."""
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, np.ndarray):
        return np.array_equal(first, second)
    if hasattr(first, "__dict__"):
        return same(sorted(vars(first).items()), sorted(vars(second).items()))
    return bool(first == second)


@pytest.mark.parametrize(("depth", "broken"), [(6, lambda *_: None), (7, lambda one, *_: one.no_such_part)])
def test_where_the_quick_way_differs_scikit_learns_own_is_taken(
    depth: int, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So deep are no others in these tests: what kind of perceptron agrees is tried once in a process."""
    x, y = np.random.default_rng(0).standard_normal((6, 2)), np.array([0, 1] * 3)
    own = Theirs((7,) * depth, random_state=3).partial_fit(x, y, classes=[0, 1])
    quick = deepcopy(own)
    monkeypatch.setattr(perceptron, "quick_update", broken)
    for _ in range(2):
        perceptron.update(quick, x, y, np.arange(2))
        own.partial_fit(x, y, classes=[0, 1])
    assert all(map(np.array_equal, quick.coefs_, own.coefs_))


def test_a_lesson_from_the_store_is_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, again = (found(load_spec(spec()).run(store=store)) for _ in range(2))
    load_spec(spec(calls=5)).run(store=store)
    longer = found(load_spec(spec(calls=5)).run(store=store))
    assert np.array_equal(first["after"], again["after"])
    assert np.array_equal(first["after"], longer["after"][:3]), "the same warm-up, read back, learned otherwise"


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mlp_classifier", "sgd_classifier", "logistic_regression", "mlp"])
@pytest.mark.parametrize("shape", ["classification", "moons", "circles", "blobs"])
def test_every_estimator_on_every_shape(model: str, shape: str, recwarn: pytest.WarningsRecorder) -> None:
    made = spec(model=model, source=lesson_source(shape, seed=2), calls=2)
    made["training"]["warm_up"] |= {"epochs": 5} if model == "mlp" else {}
    made["model"] |= {"max_iter": 300} if model == "mlp_classifier" else {}
    result = load_spec(made).run()
    arrays = found(result)
    assert arrays["after"].shape == (2, 20, 20)
    assert bool(arrays["probable"]) == (model != "sgd_classifier")
    assert arrays["rows"].tolist() == [5, 10]
    assert result.metrics["analysis.boundary.flipped_to.1"]["mean"] == arrays["flipped"][-1, 0]
    assert result.metrics["analysis.boundary.flipped"]["mean"] == arrays["flipped"][-1].sum()


def test_grey_is_before_also_where_training_starts_afresh() -> None:
    made = spec(model="logistic_regression", training={"name": "own_fit"})
    result = load_spec({**made, "attack": {"name": "chaff", "points": [[-2, 0.1]] * 60, "labels": [1]}}).run()
    arrays = found(result)
    assert arrays["rows"].tolist() == [0]
    assert arrays["flipped"][0, 0] > 0.01
    assert arrays["flipped.control"][0].tolist() == [0, 0], "the control is what the victim is held against"


def test_charts_show_what_was_measured() -> None:
    data = found(load_spec(spec(calls=12)).run())
    walk = Walk.of(data, rows_per_call=5)
    assert walk.steps.tolist() == list(range(1, 13))
    chart = walk_chart(walk, [0, 11])
    assert [panel.title.partition(":")[0] for panel in chart.charts] == ["before", "after 1 call", "after 12 calls"]
    assert "after 60 rows" in Walk.of(data).described(11).lower()
    first, *_, last = chart.charts
    assert isinstance(first, Scatter)
    assert isinstance(last, Scatter)
    assert [field.shade for field in last.fields] == ["before", "after"]
    assert any(field.levels is not None for field in first.fields)
    assert np.array_equal(last.fields[1].values, data["after"][11])
    assert sum(len(group.xy) for group in last.groups) == len(data["test"]) + 5
    wrong, _ = walk.turned(11)
    assert last.arrows is None if not len(wrong) else len(last.arrows) == len(wrong)
    area, accuracy = curve_chart(walk).charts
    assert isinstance(area, Lines)
    assert isinstance(accuracy, Lines)
    assert [series.role for series in area.series] == ["victim", "control"]
    assert np.allclose(area.series[0].y[1:], 100 * data["flipped"].sum(1))
    assert accuracy.series[0].y[-1] == 100 * walk.accuracy(11)


def test_arrows_point_to_what_turned_wrong_and_a_square_of_one_class_has_no_line() -> None:
    ticks = np.linspace(-3, 3, 5)
    walk = Walk(
        square=Square(),
        probable=False,
        rows=np.array([5]),
        ticks=ticks,
        before=np.ones((5, 5)),
        after=np.stack([np.repeat(ticks[:, None], 5, 1)]),
        flipped=np.array([[0.0, 0.5]]),
        test=np.array([[1.0, 2.0], [-1.0, -2.0]]),
        test_classes=np.array([1, 1]),
        predicted_before=np.array([1, 1]),
        predicted=np.array([[1, 0]]),
        poison=np.zeros((0, 2)),
        poison_classes=np.zeros(0, int),
    )
    chart = plane_chart(walk, 0, title="it", poison=True)
    assert [field.contour for field in chart.fields] == [None, 0.0]
    assert chart.arrows is not None
    ((from_x, from_y, to_x, to_y),) = chart.arrows
    assert math.hypot(to_x + 1, to_y + 2) < math.hypot(from_x + 1, from_y + 2) < 1
    assert from_x > -1, "it comes from the middle"
    assert from_y > -2
    assert "1 held-out point became wrong, 0 became correct" in walk.described(0)


def test_heights_are_where_the_decision_changes() -> None:
    fitted = OwnFit().fit(
        MLPClassifier(random_state=123).build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)),
        Plane().load().train,
        rng=Rng(0),
    )
    for x in (-2.0, 0.5):
        for height in crossings(fitted, x, Square()):
            near = margin(fitted, torch.tensor([[x, height - 0.02], [x, height], [x, height + 0.02]]))
            assert near[0] * near[2] < 0
            assert abs(near[1]) < 0.2 * max(abs(near[0]), abs(near[2]))
    assert flipped(np.array([1.0, -1, -1, 0]), np.array([-1.0, 1, 1, 0])) == (0.5, 0.25)


def test_a_classifier_that_has_no_plane_is_refused() -> None:
    for shape, classes in (((3,), 2), ((2,), 3), ((1, 8, 8), 2)):
        net = MLP().build(input_shape=shape, classes=classes, bounds=None, rng=Rng(0))
        with pytest.raises(CapabilityError, match=r"plane|two classes"):
            margin(net, torch.zeros(1, *shape))
    with pytest.raises(SettingsError, match="analysis: boundary"):
        load_spec({"attack": "label_flip", "analysis": ["boundary"]}).run()


def test_an_analysis_of_layers_still_asks_for_layers() -> None:
    with pytest.raises(SettingsError, match="analysis: similarity requires layers"):
        load_spec({**spec(), "analysis": ["similarity"]}).run()


@pytest.mark.parametrize(
    ("kind", "settings", "problem"),
    [
        (Chaff, {"labels": (1, 0)}, "must have length 1 or"),
        (Boundary, {"low": 1.0, "high": 1.0}, "2 to 1000 points per side"),
        (Boundary, {"step": 1e-6}, "2 to 1000 points per side"),
        (Boundary, {"low": float("nan")}, "2 to 1000|must be"),
        (Chaff, {"points": ((1.0, math.inf),)}, "must be a list"),
        (Plane, {"noise": 0.1}, "must be null for the shape"),
        (Plane, {"rows": 3}, "rows must be"),
        (Online, {"schedule": "mixed", "warm_up_share": 1}, "must be below 1 for the schedule"),
    ],
)
def test_settings_that_cannot_be(kind: Any, settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        kind(**settings)


def test_points_that_the_data_cannot_have() -> None:
    train = Plane().load().train
    for attack, problem in (
        (Chaff(points=((1.0,),)), "point 1 of length 1"),
        (Chaff(points=((1.0, 1e39),)), "not between"),
        (Chaff(labels=(2,)), "label 2"),
    ):
        with pytest.raises(SettingsError, match=problem):
            attack.poison(train, rng=Rng(0))
    assert Chaff(points=()).poison(train, rng=Rng(0)).data.fingerprint == train.fingerprint


def test_alone_in_the_stream() -> None:
    training = Online(warm_up=OwnFit(), warm_up_share=1, batch_size=5)
    splits = Plane().load()
    known, left = training.divide(splits, Rng(0))
    assert known is splits.train
    assert left is splits
    poisoned = Chaff().poison(left.train, rng=Rng(0))
    order = training.arrange(poisoned.roles, poisoned.data.ids, Rng(0))
    assert sorted(order.tolist()) == [100, 101, 102, 103, 104]
    stand_ins = poisoned.control(Rng(0)).subset(order)
    assert all((row == splits.train.x).all(1).any() for row in stand_ins.x), "the control gets clean rows instead"


@pytest.mark.slow
def test_the_command_writes_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rough = ["--set", "analysis.0.step=0.1", "--set", "analysis.0.drawn=20"]
    ran = CliRunner().invoke(app, ["boundary", "--repeats", "1,3", "--out", "there", *rough], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    told = json.loads(Path("there/boundary.json").read_text())
    assert [each["calls"] for each in told["after"]] == [1, 3]
    names = ["1-contours", "2-boundary", "poison", "3-after-1", "4-after-3", "walk", "curve"]
    for name in names:
        with Image.open(f"there/figures/{name}.png") as picture:
            assert picture.size[0] > 300
        assert Path(f"there/figures/{name}.svg").read_text().rstrip().endswith("</svg>")
    with Image.open("there/boundary.gif") as film:
        assert (film.n_frames, film.info["loop"]) == (4, 0)
    page = Path("there/report.html").read_text()
    assert "changed its class" in page
    again = tmp_path / "again"
    load_spec("there/spec.yaml").run(out=again)
    assert write_lesson(again, [1, 3]) == told, "the spec it leaves gives the same numbers"
    for name in ("figures/walk.svg", "figures/walk.png", "boundary.gif"):
        assert (again / name).read_bytes() == Path("there", name).read_bytes()
    with pytest.raises(RunError, match="no checkpoint after 4"):
        write_lesson(again, [1, 4])


@pytest.mark.slow
def test_a_table_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    x, y = make_classification(60, 2, n_informative=2, n_redundant=0, random_state=3)
    rows = "".join(f"{40 + 10 * a},{40 + 10 * b},{['no', 'yes'][c]}\n" for (a, b), c in zip(x, y, strict=True))
    Path("mine.csv").write_text("width,height,sold\n" + rows)
    square = lesson_square(lesson_source("mine.csv"))
    assert square[0] < float((40 + 10 * x).min()) < float((40 + 10 * x).max()) < square[1]
    arguments = ["boundary", "--data", "mine.csv", "--repeats", "2", "--out", "there", "--set", "analysis.0.drawn=20"]
    ran = CliRunner().invoke(app, [*arguments, "--estimator", "logistic_regression", "--json"], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    told = json.loads(Path("there/boundary.json").read_text())
    assert [told["square"]["low"], told["square"]["high"]] == list(square)


def calls_until(model: Any, at: tuple[float, float], x: torch.Tensor, y: torch.Tensor) -> int:
    learner, target = model.copy(), torch.tensor([at])
    for call in range(1, 40):
        learner.learn(x, y)
        if int(learner.scores(target).argmax(1)) == int(y[0]):
            return call
    return 99


@pytest.mark.slow
@pytest.mark.parametrize("at", [(-2.0, -0.5), (-1.5, -0.7), (0.0, 0.0)])
def test_aimed_points_turn_a_prediction_in_fewer_calls(at: tuple[float, float]) -> None:
    train = Plane().load().train
    blank = MLPClassifier(random_state=123).build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    model = OwnFit().fit(blank, train, rng=Rng(0))
    hand = Chaff().poison(train, rng=Rng(0))
    aimed = AimedChaff(at=at, evaluations=150).poison(train, rng=Rng(0), surrogate=model)
    there = torch.tensor([at]).repeat(5, 1)
    calls = [calls_until(model, at, each, aimed.y) for each in (aimed.x, there, hand.x)]
    assert calls[0] < calls[2], "the five points placed by hand are as good"
    assert calls[0] <= calls[1], "five points at the place itself are better"
    assert aimed.y.tolist() == [1] * 5


@pytest.mark.slow
def test_aim_by_the_command(tmp_path: Path) -> None:
    options = ["--aim=-2,-0.5", "--repeats", "12", "--estimator", "logistic_regression", "--out", str(tmp_path / "run")]
    options += ["--set", "analysis.0.step=0.1", "--set", "analysis.0.drawn=20", "--set", "attack.evaluations=90"]
    ran = CliRunner().invoke(app, ["boundary", *options], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    told = json.loads((tmp_path / "run" / "boundary.json").read_text())
    assert told["aim"]["turned_after"] is not None
    assert told["aim"]["turned_after"] <= 12
    assert told["aim"]["turned_after.control"] is None
    assert "-2,-0.5" in ran.output.replace("\n", "")


def test_what_cannot_be_aimed_at() -> None:
    train = Plane().load().train
    blank = LogisticRegression().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    model = OwnFit().fit(blank, train, rng=Rng(0))
    with pytest.raises(SettingsError, match="already predicts"):
        AimedChaff(at=(-2.0, -2.0), label=0).poison(train, rng=Rng(0), surrogate=model)
    with pytest.raises(CapabilityError, match="surrogate"):
        AimedChaff(at=(-2.0, -2.0)).poison(train, rng=Rng(0))
    with pytest.raises(SettingsError, match="plane"):
        AimedChaff(at=(-2.0, -2.0)).poison(toy_images(), rng=Rng(0), surrogate=model)
    for settings in ({"low": 1.0, "high": -1.0}, {"low": 1.0}):
        with pytest.raises(SettingsError, match="needs low < high"):
            AimedChaff(at=(0.0, 0.0), **settings)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--repeats", "0"],
        ["--repeats", "1,x"],
        ["--repeats", "9999999999"],
        ["--repeats", ",".join(map(str, range(1, 40)))],
        ["--points", "1"],
        ["--points", "1,nan"],
        ["--points", ";".join(["1,1"] * 201)],
        ["--labels", "2"],
        ["--labels", "0,1"],
        ["--data", "spirals"],
        ["--data", "absent.csv"],
        ["--estimator", "mpl"],
        ["--estimator", "cnn"],
        ["--aim", "1,2", "--points", "1,1"],
        ["--aim", "10,10"],
        ["--count", "7"],
        ["--set", "analysis=[]"],
        ["--set", "training.checkpoints=1"],
        ["--set", "grid={seed: [1, 2]}"],
        ["--set", "training={name: own_fit}"],
        ["--aim", "1"],
    ],
)
def test_nonsense_is_one_clear_error(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AntivenomError) as caught:
        CliRunner().invoke(app, ["boundary", *arguments], catch_exceptions=False)
    assert len(str(caught.value)) < 400
    assert not (tmp_path / "runs").exists(), "nothing is written"


def test_a_label_is_what_is_aimed_with() -> None:
    with pytest.raises(SettingsError, match="already predicts"):
        CliRunner().invoke(app, ["boundary", "--aim=-1,-1", "--labels", "0"], catch_exceptions=False)


@pytest.mark.parametrize(("centre", "span"), [(1020.0, 4.0), (10155.0, 0.5), (1e6, 1.0), (-3e-4, 1e-6), (5.0, 0.0)])
def test_the_square_holds_all_rows(centre: float, span: float, tmp_path: Path) -> None:
    rows = centre + span * np.random.default_rng(0).uniform(-1, 1, (40, 2))
    file = tmp_path / "mine.csv"
    file.write_text("a,b,c\n" + "".join(f"{x!r},{y!r},{n % 2}\n" for n, (x, y) in enumerate(rows.tolist())))
    low, high = lesson_square({"name": "csv", "path": str(file)})
    assert low < np.float32(rows.min()) <= np.float32(rows.max()) < high
    assert high - low < 3 * (2 * span or 10 * centre)
    assert len(set(lesson_points((low, high)))) == 5


def test_a_table_that_begins_with_numbers_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("1.5,2,0\n2,3,1\n")
    with pytest.raises(DataError, match="must begin with a line of column names"):
        Csv(path=str(file)).load()
    file.write_text("0,1,2\n" + "2,3,1\n4,5,0\n" * 4)
    assert len(Csv(path=str(file)).load().train) == 6


def test_what_scikit_learn_refuses_is_an_error_of_ours() -> None:
    from sklearn.svm import SVC

    from antivenom.models import as_classifier

    blank = as_classifier(SVC(C=-1.0), input_shape=(2,), classes=2)
    with pytest.raises(DataError, match="SVC cannot learn from these rows: The 'C' parameter"):
        OwnFit().fit(blank, Plane().load().train, rng=Rng(0))


@pytest.mark.slow
def test_old_steps_do_not_stay(tmp_path: Path) -> None:
    made = {**spec(calls=3), "name": "it"}
    load_spec(made).run(out=tmp_path)
    for counts in ([1, 2], [3]):
        write_lesson(tmp_path, counts)
    assert sorted(each.name for each in (tmp_path / "figures").glob("*after*.png")) == ["3-after-3.png"]


@pytest.mark.parametrize("trusts", ["itself", "others"])
@pytest.mark.parametrize("deep", [False, True])
def test_neighbours_are_scikit_learns(trusts: str, deep: bool) -> None:
    from sklearn.neighbors import NearestNeighbors

    splits = load("digits")
    rows, others = splits.train.subset(torch.arange(300)), splits.test
    model = (MLP(hidden=(16,)) if deep else LogisticRegression()).build(
        input_shape=(1, 8, 8), classes=10, bounds=(0.0, 1.0), rng=Rng(0)
    )
    own = trusts == "itself"
    trusted = rows if own else others
    x, there = (
        (model.features(each.inputs()) if deep else each.inputs().flatten(1)).numpy().astype(np.float64)
        for each in (rows, trusted)
    )
    near = NearestNeighbors(n_neighbors=8, algorithm="brute").fit(there).kneighbors(x, return_distance=False)
    near = np.stack([line[line != row][:7] for row, line in enumerate(near)]) if own else near[:, :7]
    slow = (trusted.y.numpy()[near] != rows.y.numpy()[:, None]).mean(1)
    quick = NearestNeighbours(neighbours=7).score(rows, model, rng=Rng(0), clean=trusted)
    assert np.allclose(quick.numpy(), slow, atol=1e-6), "a row may have been asked about itself"


def test_models_say_what_they_are() -> None:
    for model in (SGDClassifier(random_state=5), LogisticRegression(random_state=5)):
        built = model.build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
        assert built.fresh(Rng(3)).estimator.random_state == 5, "a seed that was given stays"
    free = SGDClassifier().build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0))
    assert free.fresh(Rng(3)).estimator.random_state == free.fresh(Rng(3)).estimator.random_state
    assert free.fresh(Rng(3)).estimator.random_state != free.fresh(Rng(4)).estimator.random_state
