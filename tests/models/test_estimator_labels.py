"""Estimators that were fitted on text labels, and the precision of their rows."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from antivenom.data import Dataset
from antivenom.errors import DataError, SettingsError
from antivenom.metrics import accuracy
from antivenom.models import Filtered, as_classifier
from antivenom.rng import Rng
from antivenom.training.own_fit import OwnFit

ANIMALS = ("cat", "cow", "dog")


def rows(n: int = 60) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    y = np.arange(n) % 3
    x = 0.1 * torch.randn(n, 4, generator=Rng(0).generator()).numpy() + 0.3 * y[:, None]
    return np.clip(x, 0, 1).astype(np.float32), y


def text(y: NDArray[np.int64], dtype: type = np.str_) -> NDArray[np.str_]:
    return np.array(ANIMALS)[y].astype(dtype)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.str_, object])
@pytest.mark.parametrize(
    "make",
    [
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        GaussianNB,
        lambda: DecisionTreeClassifier(random_state=0),
        lambda: MLPClassifier((4,), max_iter=400, random_state=0),
    ],
)
def test_text_labels_are_the_names_of_the_classes(make: type, dtype: type) -> None:
    x, y = rows()
    fitted = make().fit(x.astype(np.float64), text(y, dtype))
    classifier = as_classifier(fitted, input_shape=(4,))
    data = Dataset.from_arrays(x, text(y), bounds=(0, 1))
    assert data.classes == classifier.class_names == ANIMALS  # type: ignore[attr-defined]
    assert np.allclose(classifier.scores(data.inputs()).numpy(), fitted.predict_proba(x.astype(np.float64)), atol=1e-6)
    assert accuracy(classifier, data) == pytest.approx(fitted.score(x.astype(np.float64), text(y, dtype)))
    assert "its classes 0, 1, … are 'cat', 'cow', 'dog', in the order" in classifier.assumptions[-1]
    trained = OwnFit().fit(classifier, data, rng=Rng(0))
    assert accuracy(trained, data) > 0.7
    again = classifier.with_state(trained.state()) if not hasattr(fitted, "steps") else trained
    assert torch.equal(again.scores(data.inputs()), trained.scores(data.inputs()))


@pytest.mark.parametrize("make", [GaussianNB, lambda: MLPClassifier((4,), random_state=0)])
def test_an_estimator_with_text_labels_learns_incrementally(make: type) -> None:
    x, y = rows()
    start = make().partial_fit(x[:30].astype(float), text(y[:30]), classes=np.array(ANIMALS))
    classifier = as_classifier(start, input_shape=(4,))
    classifier.learn(torch.from_numpy(x[30:]), torch.from_numpy(y[30:]))
    expected = start.partial_fit(x[30:].astype(float), text(y[30:]))
    assert np.allclose(classifier.scores(torch.from_numpy(x)), expected.predict_proba(x.astype(float)), atol=1e-6)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("names", [("cat", "dog", "cow"), ("cat", "cow", "horse"), ("0", "1", "2")])
def test_other_classes_of_the_data_are_refused(names: tuple[str, ...], gated: bool) -> None:
    x, y = rows()
    classifier = as_classifier(GaussianNB().fit(x, text(y)), input_shape=(4,))
    classifier = Filtered(classifier, AcceptsAll()) if gated else classifier
    data = Dataset.from_arrays(x, y, classes=names, bounds=(0, 1))
    with pytest.raises(DataError, match="'cat', 'cow', 'dog'.*GaussianNB.*got '" + "', '".join(names)) as caught:
        accuracy(classifier, data)
    assert "np." not in str(caught.value) and "classes=" in str(caught.value)


class AcceptsAll:
    def accepts(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(x), dtype=torch.bool)


@pytest.mark.parametrize(
    ("labels", "shown"),
    [([1, 2, 3], r"1, 2, 3"), ([0, 2, 5], r"0, 2, 5"), ([0.5, 1, 2], r"0\.5"), ([-1, 1, 1], r"-1, 1")],
)
def test_numbers_that_do_not_count_from_0_are_refused(labels: list[float], shown: str) -> None:
    x, y = rows()
    if 0.5 in labels:
        estimator = GaussianNB().fit(x, y)
        estimator.classes_ = np.array(labels)
    else:
        estimator = GaussianNB().fit(x, np.array(labels)[y])
    with pytest.raises(SettingsError, match=rf"classes 0, 1, … or on text labels; got {shown}") as caught:
        as_classifier(estimator, input_shape=(4,))
    assert "np." not in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        SGDClassifier,
        LinearDiscriminantAnalysis,
        LogisticRegression,
        lambda: MLPClassifier((4,), max_iter=30, random_state=0),
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        lambda: make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=30, random_state=0)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_rows_have_the_precision_in_which_an_estimator_was_fitted(make: type, dtype: type) -> None:
    x, y = rows()
    fitted = make().fit(x.astype(dtype), y)
    score = getattr(fitted, "predict_proba", None) or fitted.decision_function
    scores = as_classifier(fitted, input_shape=(4,)).scores(torch.from_numpy(x)).numpy()
    last = fitted[-1] if hasattr(fitted, "steps") else fitted
    weights = last.coefs_[0] if hasattr(last, "coefs_") else last.coef_  # float64 in older versions of scikit-learn
    assert np.array_equal(scores, score(x.astype(weights.dtype)).astype(np.float32))


def test_the_order_of_names_with_numbers_is_said_with_the_call_that_works() -> None:
    x, y = np.random.default_rng(0).random((44, 3)), np.array([str(number) for number in range(1, 12)] * 4)
    classifier = as_classifier(GaussianNB().fit(x, y), input_shape=3, bounds=None)
    (sentence,) = [each for each in classifier.assumptions if "text labels" in each]
    assert "'1', '10', '11', '2'" in sentence
    assert sentence.endswith("has another order, so pass it the names: classes=list(classifier.class_names).")
    with pytest.raises(DataError, match="must have the classes '1', '10'"):
        accuracy(classifier, Dataset.from_arrays(x, y))
    assert accuracy(classifier, Dataset.from_arrays(x, y, classes=list(classifier.class_names))) > 0
    animals = as_classifier(GaussianNB().fit(x, np.array(["cat", "dog"] * 22)), input_shape=3)
    assert any(each.endswith("in the order of Dataset.from_arrays.") for each in animals.assumptions)
