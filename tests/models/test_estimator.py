"""The model `estimator`: the contracts of each class, and every refusal."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antivenom import Result, load_spec
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.metrics import accuracy
from antivenom.models import Classifier, Estimator
from antivenom.models.estimator_classes import CLASSES, REFUSED, class_of
from antivenom.rng import Rng
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.validation import problems_of
from antivenom.settings import build, describe
from antivenom.storage.keys import identity
from antivenom.storage.store import Store
from antivenom.storage.yaml12 import parse_yaml
from antivenom.testing import check_classifier, check_component, toy_images
from antivenom.training import Online, OwnFit

DATA = toy_images(60)
FEW: dict[str, dict[str, Any]] = {
    "ExtraTreesClassifier": {"n_estimators": 5},
    "GradientBoostingClassifier": {"n_estimators": 5, "subsample": 0.5},
    "HistGradientBoostingClassifier": {"max_iter": 5, "min_samples_leaf": 5},
    "LogisticRegression": {"max_iter": 1000},
    "MLPClassifier": {"hidden_layer_sizes": [8], "learning_rate_init": 0.05, "tol": 0.01},
    "RandomForestClassifier": {"n_estimators": 5},
}
"""Settings that take little time."""

NO_SEED = ("GaussianNB", "KNeighborsClassifier")
NO_DRAW = {"classifier_draws_new_weights": "the class uses no random numbers"}
MODELS = [{"class_name": name, "settings": FEW.get(name, {})} for name in CLASSES]
MODELS += [
    {"class_name": name, "calibrated": True} for name in ("LinearSVC", "RidgeClassifier", "SGDClassifier", "SVC")
]


def named(settings: dict[str, Any]) -> str:
    return f"{settings['class_name']}{', calibrated' * settings.get('calibrated', False)}"


def built(class_name: str, settings: dict[str, Any] | None = None, **more: Any) -> Classifier:
    model = Estimator(class_name=class_name, settings=settings or {}, **more)
    return model.build(input_shape=DATA.shape, classes=len(DATA.classes), bounds=DATA.bounds, rng=Rng(0))


@pytest.mark.parametrize("settings", MODELS, ids=named)
def test_every_class_keeps_its_promises(settings: dict[str, Any]) -> None:
    waive = {**NO_DRAW, "model_builds_from_its_stream": "the class uses no random numbers"}
    check_component(Estimator(**settings), waive=waive if settings["class_name"] in NO_SEED else None)
    fitted = OwnFit().fit(built(**settings), DATA, rng=Rng(0))
    assert accuracy(fitted, DATA) > 0.7
    again = built(**settings).with_state(fitted.state())
    assert torch.equal(again.scores(DATA.inputs()), fitted.scores(DATA.inputs()))
    check_classifier(fitted, DATA, waive=NO_DRAW if settings["class_name"] in NO_SEED else None)


@pytest.mark.parametrize("settings", MODELS, ids=named)
def test_the_predicted_class_is_that_of_scikit_learn(settings: dict[str, Any]) -> None:
    fitted: Any = OwnFit().fit(built(**settings), DATA, rng=Rng(0))
    theirs = fitted.estimator.predict(DATA.inputs().flatten(1).numpy().astype(np.float64))
    assert np.array_equal(fitted.scores(DATA.inputs()).argmax(1).numpy(), theirs)


def test_what_each_class_can_do() -> None:
    can = {named(settings): set(built(**settings).can) for settings in MODELS}
    both, none = {"incremental", "probabilities"}, set[str]()
    assert {name for name, abilities in can.items() if "incremental" in abilities} == {
        "GaussianNB", "MLPClassifier", "SGDClassifier",
    }  # fmt: skip
    assert [can[name] for name in ("LinearSVC", "RidgeClassifier", "SVC")] == [none] * 3
    assert all(can[f"{name}, calibrated"] == {"probabilities"} for name in ("LinearSVC", "SVC", "SGDClassifier"))
    assert built("SGDClassifier", {"loss": "log_loss"}).can == both
    for hindered in ({"early_stopping": True}, {"class_weight": "balanced"}):
        assert "incremental" not in built("SGDClassifier", hindered).can
    assert "incremental" not in built("MLPClassifier", {"solver": "lbfgs"}).can
    assert built("SVC", calibrated=True).name == "CalibratedClassifierCV(SVC)"


REFUSALS = [
    ("RandomForestClassifier", {"n_estimator": 5}, "n_estimator is not a setting of RandomForestClassifier. Did you"),
    ("GaussianNB", {"depth": 5}, "depth is not a setting of GaussianNB. The settings are: priors, var_smoothing."),
    ("RandomForestClassifier", {"n_estimators": 0}, "n_estimators must be a whole number at least 1; got 0."),
    ("RandomForestClassifier", {"n_estimators": True}, "n_estimators must be a whole number at least 1; got True."),
    ("RandomForestClassifier", {"n_estimators": 2.5}, "n_estimators must be a whole number at least 1; got 2.5."),
    (
        "RandomForestClassifier",
        {"max_depth": "deep"},
        "max_depth must be a whole number at least 1 or null; got 'deep'.",
    ),
    ("RandomForestClassifier", {"bootstrap": 1}, "bootstrap must be true or false; got 1."),
    ("RandomForestClassifier", {"criterion": "entropie"}, "got 'entropie'. Did you mean 'entropy'?"),
    ("RandomForestClassifier", {"class_weight": {"0": 1}}, "class_weight must be one of 'balanced', "),
    ("SVC", {"C": float("inf")}, "C must be a number above 0; got inf."),
    ("SVC", {"C": float("nan")}, "C must be a number above 0; got nan."),
    ("SVC", {"coef0": "a"}, "coef0 must be a number; got 'a'."),
    ("SVC", {"kernel": "precomputed"}, "kernel must be one of 'linear', 'poly', 'rbf', 'sigmoid'; got 'precomputed'."),
    ("SVC", {"kernel": print}, "kernel cannot be a function or an object, because a spec never contains code"),
    ("KNeighborsClassifier", {"metric": "pyfunc"}, "metric must be one of"),
    (
        "GradientBoostingClassifier",
        {"init": class_of("GaussianNB")()},
        "init must be 'zero' or null; got GaussianNB().",
    ),
    ("MLPClassifier", {"hidden_layer_sizes": [8, 0]}, "each a whole number at least 1; got [8, 0]."),
    ("MLPClassifier", {"hidden_layer_sizes": "abc"}, "each a whole number at least 1; got 'abc'."),
    ("GaussianNB", {"priors": [0.5, "a"]}, "priors must be null or a list, each a number; got [0.5, 'a']."),
]


@pytest.mark.parametrize(("name", "settings", "message"), REFUSALS)
def test_wrong_settings_are_refused(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        build("models", {"name": "estimator", "class_name": name, "settings": settings}, path="model")
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith("model.settings.")
    assert message in caught.value.problems[0]


@pytest.mark.parametrize("setting", sorted(REFUSED))
def test_settings_that_antivenom_decides_are_refused_with_a_reason(setting: str) -> None:
    has_it = [name for name in CLASSES if setting in class_of(name)().get_params()]
    assert has_it, "no class has this setting any more"
    for name in has_it:
        with pytest.raises(SettingsError, match=f"Estimator.settings.{setting} cannot be set: \\w.+\\.$"):
            Estimator(class_name=name, settings={setting: class_of(name)().get_params()[setting]})


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(SettingsError) as caught:
        Estimator(class_name="GaussianNB", settings={"a": 1, "var_smoothing": -1}, random_state=3)
    assert len(caught.value.problems) == 3
    assert caught.value.problems[-1] == (
        "Estimator.random_state must be null, because GaussianNB uses no random numbers; got 3."
    )


def test_a_class_outside_the_list_is_refused_with_the_list() -> None:
    with pytest.raises(SettingsError) as caught:
        build("models", {"name": "estimator", "class_name": "AdaBoostClassifier"}, path="model")
    assert str(caught.value).startswith("model.class_name must be one of 'DecisionTreeClassifier', ")
    assert all(f"'{name}'" in str(caught.value) for name in CLASSES)
    with pytest.raises(SettingsError, match=r"model.class_name is missing; it must be one of 'DecisionTree"):
        build("models", "estimator", path="model")
    with pytest.raises(SettingsError, match=r"model.settings must be a mapping; got \['C'\]"):
        build("models", {"name": "estimator", "class_name": "SVC", "settings": ["C"]}, path="model")


@pytest.mark.parametrize(
    ("name", "settings"), [("RandomForestClassifier", {}), ("SGDClassifier", {"loss": "log_loss"}), ("GaussianNB", {})]
)
def test_a_class_with_probabilities_is_not_calibrated(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=f"calibrated must be false: {name} has probabilities with these settings"):
        Estimator(class_name=name, settings=settings, calibrated=True)


def test_a_deprecated_setting_is_refused() -> None:
    marked = {
        (name, key) for name in CLASSES for key, value in class_of(name)().get_params().items() if value == "deprecated"
    }
    for name, key in sorted(marked - {("SVC", "probability")}):
        with pytest.raises(SettingsError, match=f"settings.{key} cannot be set: scikit-learn .* will remove it"):
            Estimator(class_name=name, settings={key: "deprecated"})


def test_the_defaults_of_every_class_are_allowed() -> None:
    for name in CLASSES:
        defaults = class_of(name)().get_params()
        given = {key: value for key, value in defaults.items() if key not in REFUSED and value != "deprecated"}
        assert Estimator(class_name=name, settings=given).settings == given


def test_settings_are_constant_and_survive_a_spec() -> None:
    given = {"hidden_layer_sizes": [8, np.int64(4)], "alpha": 1e-5, "early_stopping": False}
    model = Estimator(class_name="MLPClassifier", settings=given)
    plain = describe("models", model)
    assert plain["settings"] == {"hidden_layer_sizes": [8, 4], "alpha": 1e-5, "early_stopping": False}
    for copied in (json.loads(json.dumps(plain)), parse_yaml(json.dumps(plain), "the spec")):
        again = build("models", copied, path="model")
        assert again == model
        assert hash(again) == hash(model)
    given["alpha"] = 7
    assert model.settings["alpha"] == 1e-5
    with pytest.raises(TypeError):
        model.settings["alpha"] = 7  # type: ignore[index]


def test_the_key_depends_on_every_setting() -> None:
    models = [
        Estimator(class_name="RandomForestClassifier"),
        Estimator(class_name="ExtraTreesClassifier"),
        Estimator(class_name="RandomForestClassifier", random_state=0),
        Estimator(class_name="RandomForestClassifier", settings={"max_features": 1}),
        Estimator(class_name="RandomForestClassifier", settings={"max_features": 1.0}),
        Estimator(class_name="SVC"),
        Estimator(class_name="SVC", calibrated=True),
    ]
    keys = [json.dumps(identity("models", model), sort_keys=True) for model in models]
    assert len(set(keys)) == len(keys)
    again = Estimator(class_name="RandomForestClassifier", settings={"max_features": 1.0})
    assert json.dumps(identity("models", again), sort_keys=True) == keys[4]


def forest_spec(**changes: Any) -> dict[str, Any]:
    return {
        "dataset": {"name": "digits"},
        "train_rows": 120,
        "model": {"name": "estimator", "class_name": "RandomForestClassifier", "settings": {"n_estimators": 5}},
        "attack": {"name": "label_flip", "rate": 0.2},
        "training": "own_fit",
        **changes,
    }


def test_settings_are_set_and_swept_by_their_keys() -> None:
    one = load_spec(forest_spec(), overrides=["model.settings.n_estimators=7", "model.settings.max_depth=3"])
    assert isinstance(one.model, Estimator)
    assert one.model.settings == {"n_estimators": 7, "max_depth": 3}
    by_key = load_spec(forest_spec(grid={"model.settings.max_depth": [2, None]}))
    assert list(by_key.cells) == ["1-max-depth-2", "2-max-depth-none"]
    whole = load_spec(forest_spec(grid={"model.settings": [{"max_depth": 2}, {"max_depth": 3, "n_estimators": 4}]}))
    assert list(whole.cells) == ["1-settings-max-depth-2", "2-settings-max-depth-3-n-estimators-4"]
    classes = [{"name": "estimator", "class_name": name} for name in ("SVC", "GaussianNB")]
    assert list(load_spec(forest_spec(grid={"model": classes})).cells) == [
        "1-estimator-class-name-svc",
        "2-estimator-class-name-gaussiannb",
    ]


def test_a_forest_is_stored_written_and_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    first, again = (load_spec(forest_spec()).run(out=tmp_path / "run", store=store, device="cpu") for _ in range(2))
    assert first.metrics == again.metrics == Result.load(tmp_path / "run").metrics
    assert first.metrics["model.clean_accuracy"]["mean"] > 0.5


def test_a_state_with_other_rows_is_refused() -> None:
    fitted = OwnFit().fit(built("RandomForestClassifier", {"n_estimators": 5}), DATA, rng=Rng(0))
    state, blank = fitted.state(), built("RandomForestClassifier", {"n_estimators": 5})
    with pytest.raises(CapabilityError, match="other scores when it is fitted again"):
        built("RandomForestClassifier", {"n_estimators": 6}).with_state(state)
    for name, value in (("rows", state["rows"][:, :5]), ("rows", state["rows"][:9]), ("labels", state["labels"] + 1)):
        with pytest.raises(CapabilityError, match="requires rows of 36 numbers and 4 classes"):
            blank.with_state({**state, name: value})


def test_too_few_rows_are_an_error_of_ours() -> None:
    few = OwnFit().fit(built("KNeighborsClassifier", {"n_neighbors": 50}), DATA.subset(torch.arange(20)), rng=Rng(0))
    with pytest.raises(DataError, match="KNeighborsClassifier cannot score these rows: Expected n_neighbors"):
        few.scores(DATA.inputs())


def test_online_requires_partial_fit_before_anything_runs() -> None:
    online = Online(warm_up=OwnFit(), checkpoints=2)
    with pytest.raises(CapabilityError, match="requires incremental learning, which SVC does not provide"):
        online.fit(built("SVC"), DATA, rng=Rng(0))
    given = load_spec(forest_spec(training={"name": "online", "warm_up": "own_fit"}))
    assert isinstance(given, ExperimentSettings)
    problems = problems_of(given, given.dataset.load().train)
    assert len(problems) == 1
    assert "requires incremental learning, which the model RandomForestClassifier does not provide" in problems[0]


def test_random_state_is_kept_or_drawn() -> None:
    kept: Any = built("SGDClassifier", random_state=5)
    assert kept.fresh(Rng(3)).estimator.random_state == 5
    free: Any = built("LinearSVC", calibrated=True)
    seeds = [free.fresh(Rng(seed)).estimator.estimator.random_state for seed in (3, 3, 4)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_lists_and_help_do_not_import_scikit_learn() -> None:
    code = "import sys\nfrom antivenom.cli import app\ntry:\n    app({0})\nexcept SystemExit:\n    pass\n"
    code += "assert 'sklearn' not in sys.modules"
    for arguments in (["--help"], ["list", "models"]):
        script = code.format(arguments)
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, env=dict(os.environ))
