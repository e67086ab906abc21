"""Estimators that are not classifiers, have no scores, or do not know their classes."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OutputCodeClassifier

from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import as_classifier

X, Y = np.random.default_rng(0).random((30, 4)), np.arange(30) % 3
FIRST = [("one", LogisticRegression())]


class OnlyPredicts(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    def fit(self, x: Any, y: Any) -> "OnlyPredicts":
        self.classes_ = np.unique(y)
        return self

    def predict(self, x: Any) -> Any:
        return self.classes_[np.zeros(len(x), int)]


class WithoutClasses(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    def fit(self, x: Any, y: Any) -> "WithoutClasses":
        self.count_ = len(np.unique(y))
        return self

    def predict_proba(self, x: Any) -> Any:
        return np.full((len(x), self.count_), 1 / self.count_)


class Plain:
    def fit(self, x: Any, y: Any) -> "Plain":
        return self

    def predict_proba(self, x: Any) -> Any:
        return np.full((len(x), 3), 1 / 3)


def converted(estimator: Any) -> Any:
    return as_classifier(estimator, input_shape=4, classes=3)


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (OnlyPredicts(), "OnlyPredicts has no predict_proba or decision_function.*Add a method predict_proba"),
        (OnlyPredicts().fit(X, Y), "OnlyPredicts has no predict_proba or decision_function"),
        (OutputCodeClassifier(LogisticRegression()), "OutputCodeClassifier has no predict_proba"),
        (VotingClassifier(FIRST), "voting='hard'. Set voting='soft'"),
        (VotingClassifier(FIRST).fit(X, Y), "voting='hard'. Set voting='soft'"),
        (WithoutClasses().fit(X, Y), r"was fitted \(it has count_\), but has no classes_"),
        (LinearRegression(), "got LinearRegression. A scikit-learn classifier has the base classes ClassifierMixin"),
        (Plain(), "got Plain. A scikit-learn classifier has .* ClassifierMixin and BaseEstimator, .* predict_proba"),
        (OnlyPredicts, "got the class OnlyPredicts. Pass an object of it"),
        (object(), "got object"),
    ],
)
def test_what_an_estimator_lacks_is_named(estimator: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        converted(estimator)


def test_an_estimator_that_sets_no_classes_in_its_fit_is_refused_then() -> None:
    classifier = converted(WithoutClasses())
    with pytest.raises(CapabilityError, match="but has no classes_"):
        classifier.fit(torch.from_numpy(X).float(), torch.from_numpy(Y))


def test_scores_that_only_a_fit_decides_about_are_accepted() -> None:
    for estimator in (StackingClassifier(FIRST), VotingClassifier(FIRST, voting="soft")):
        classifier = converted(estimator)
        assert type(classifier).__name__ == "EstimatorClassifier"
        fitted = classifier.fit(torch.from_numpy(X).float(), torch.from_numpy(Y))
        assert fitted.scores(torch.from_numpy(X).float()).shape == (30, 3)
