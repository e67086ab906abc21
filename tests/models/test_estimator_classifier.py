"""scikit-learn's estimators as classifiers."""

import warnings
from typing import Any

import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import Classifier, as_classifier
from antivenom.rng import Rng
from antivenom.testing import check_classifier, toy_images
from antivenom.training.end_to_end import EndToEnd

DATA = toy_images()
SHAPE, CLASSES = DATA.shape, len(DATA.classes)
NO_DRAW = {"classifier_draws_new_weights": "naive Bayes draws nothing: every fresh one is the same"}


def quietly(work: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return work()


ESTIMATORS = {
    "MLPClassifier": lambda: MLPClassifier((8,), max_iter=20),
    "SGDClassifier, log loss": lambda: SGDClassifier(loss="log_loss"),
    "SGDClassifier": SGDClassifier,
    "Perceptron": Perceptron,
    "LogisticRegression": LogisticRegression,
    "GaussianNB": GaussianNB,
}


@pytest.mark.parametrize("fitted", [True, False])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_keep_every_promise(name: str, fitted: bool) -> None:
    estimator = ESTIMATORS[name]()
    if fitted:
        quietly(lambda: estimator.fit(DATA.inputs().flatten(1).numpy(), DATA.y.numpy()))
    classifier = as_classifier(estimator, input_shape=SHAPE, classes=CLASSES)
    assert isinstance(classifier, Classifier)
    quietly(lambda: check_classifier(classifier, DATA, waive=NO_DRAW if name == "GaussianNB" else None))


def test_an_estimator_says_what_it_cannot_do() -> None:
    forest = RandomForestClassifier(5).fit(DATA.inputs().flatten(1).numpy(), DATA.y.numpy())
    classifier = as_classifier(forest, input_shape=SHAPE)
    assert classifier.can == {"probabilities"}
    assert float((classifier.scores(DATA.inputs()).argmax(1) == DATA.y).float().mean()) > 0.9
    for ask in (
        lambda: classifier.logits(DATA.inputs()),
        lambda: classifier.features(DATA.inputs()),
        lambda: classifier.learn(DATA.inputs(), DATA.y),
        lambda: classifier.silence("x", torch.tensor([0])),
        lambda: classifier.with_head(3, Rng(0)),
        classifier.state,
    ):
        with pytest.raises(CapabilityError, match="RandomForestClassifier"):
            ask()
    with pytest.raises(CapabilityError, match="requires gradients"):
        EndToEnd(epochs=1).fit(classifier, DATA, rng=Rng(0))


def test_an_estimator_that_does_not_fit_is_refused() -> None:
    x, y = DATA.inputs().flatten(1).numpy(), DATA.y.numpy()
    for estimator, settings, message in (
        (LinearRegression(), {}, "must be a scikit-learn classifier"),
        (GaussianNB(), {}, "never fitted"),
        (GaussianNB().fit(x, y + 1), {}, "must be fitted on classes 0, 1"),
        (GaussianNB().fit(x, y), {"classes": 9}, "must be 4, as the estimator was fitted; got 9"),
        (GaussianNB().fit(x[:, :5], y), {}, "fitted on 5 columns"),
        (GaussianNB().fit(x, y), {"mean": 0.5}, "mean requires an nn.Module"),
        ("a model", {}, "got 'a model'"),
    ):
        with pytest.raises(SettingsError, match=message):
            as_classifier(estimator, input_shape=SHAPE, **settings)


def test_an_estimators_weights_fit_or_are_refused() -> None:
    one = as_classifier(SGDClassifier(), input_shape=SHAPE, classes=CLASSES)
    one.learn(DATA.inputs(), DATA.y)
    other = as_classifier(GaussianNB(), input_shape=SHAPE, classes=CLASSES)
    with pytest.raises(CapabilityError, match="which does not have 'coef_'"):
        other.with_state(one.state())
    state = {**one.state(), "coef_": torch.zeros(2, 2)}
    with pytest.raises(CapabilityError, match="a different shape"):
        one.with_state(state)


PAIRS = {
    "alone": lambda: SVC(decision_function_shape="ovo"),
    "pipeline": lambda: make_pipeline(StandardScaler(), SVC(decision_function_shape="ovo")),
    "search": lambda: GridSearchCV(SVC(decision_function_shape="ovo"), {"C": [1.0]}, cv=2),
    "searched": lambda: GridSearchCV(SVC(), {"decision_function_shape": ["ovr", "ovo"]}, cv=2),
    "search in a pipeline": lambda: make_pipeline(
        StandardScaler(), GridSearchCV(SVC(), {"decision_function_shape": ["ovo"]}, cv=2)
    ),
}


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("name", PAIRS)
def test_scores_of_pairs_of_classes_are_refused(name: str, fitted: bool) -> None:
    estimator = PAIRS[name]()
    if name == "searched" and fitted:
        estimator.set_params(param_grid={"decision_function_shape": ["ovo"]})
    if fitted:
        estimator.fit(DATA.inputs().flatten(1).numpy(), DATA.y.numpy())
    with pytest.raises(SettingsError, match=r"Set decision_function_shape='ovr'"):
        as_classifier(estimator, input_shape=SHAPE, classes=CLASSES)


def test_one_score_per_class_is_not_refused() -> None:
    assert as_classifier(SVC(decision_function_shape="ovo"), input_shape=SHAPE, classes=2).classes == 2
    assert as_classifier(SVC(), input_shape=SHAPE, classes=CLASSES).classes == CLASSES


class OneColumn(GaussianNB):
    """An estimator whose probabilities have one column."""

    def predict_proba(self, X: Any) -> Any:
        return super().predict_proba(X)[:, :1]


def test_scores_with_another_number_of_columns_are_refused() -> None:
    estimator = OneColumn().fit(DATA.inputs().flatten(1).numpy(), DATA.y.numpy())
    with pytest.raises(CapabilityError, match=r"must return 4 scores for each row.*got 1"):
        as_classifier(estimator, input_shape=SHAPE).scores(DATA.inputs())
