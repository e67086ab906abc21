"""Estimators of scikit-learn, trained, written and trained further."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Perceptron
from sklearn.neural_network import MLPClassifier as Theirs
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from antivenom.data.sources import Plane
from antivenom.errors import DataError
from antivenom.models import as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training import OwnFit

DATA = toy_images()


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_what_was_written_goes_on_as_if_it_had_not_been(solver: str) -> None:
    from antivenom.models import as_classifier

    splits = Plane(shape="moons").load()
    blank = as_classifier(
        Theirs((8,), solver=solver, max_iter=30, random_state=1), input_shape=(2,), classes=2, bounds=None
    )
    with pytest.warns(UserWarning, match="converge"):
        fitted = OwnFit().fit(blank, splits.train, rng=Rng(0))
    again = blank.with_state(fitted.state())
    for _ in range(3):
        for each in (fitted, again):
            each.learn(splits.test.x[:7], splits.test.y[:7])
    assert torch.equal(fitted.scores(splits.test.x), again.scores(splits.test.x)), "the optimizer's state was lost"


def test_what_scikit_learn_refuses_is_an_error_of_ours() -> None:
    from sklearn.svm import SVC

    from antivenom.models import as_classifier

    blank = as_classifier(SVC(C=-1.0), input_shape=(2,), classes=2, bounds=None)
    with pytest.raises(DataError, match="SVC cannot learn from these rows: The 'C' parameter"):
        OwnFit().fit(blank, Plane().load().train, rng=Rng(0))


def seeds(classifier: Any) -> dict[str, Any]:
    return {name: value for name, value in classifier.estimator.get_params().items() if name.endswith("random_state")}


def test_a_seed_of_the_user_is_kept_and_others_come_from_the_stream() -> None:
    parts = Pipeline([("scale", StandardScaler()), ("forest", RandomForestClassifier(3, random_state=3))])
    alone = RandomForestClassifier(3, random_state=3)
    for estimator, name in ((alone, "random_state"), (parts, "forest__random_state")):
        classifier = as_classifier(estimator, input_shape=DATA.shape, classes=4)
        assert [each for each in classifier.assumptions if f"{name}=3 is kept" in each]
        one, other = (OwnFit().fit(classifier, DATA, rng=Rng(seed)) for seed in (0, 1))
        assert seeds(one)[name] == seeds(other)[name] == 3
        restored = classifier.with_state(one.state())
        assert torch.equal(restored.scores(DATA.inputs()), one.scores(DATA.inputs()))
    classifier = as_classifier(RandomForestClassifier(3), input_shape=DATA.shape, classes=4)
    assert not [each for each in classifier.assumptions if "random_state" in each]
    assert seeds(classifier.fresh(Rng(0))) != seeds(classifier.fresh(Rng(1)))


def test_the_default_of_a_class_is_not_a_seed_of_the_user() -> None:
    classifier = as_classifier(Perceptron(), input_shape=DATA.shape, classes=4)
    assert [each for each in classifier.assumptions if "random_state=0 is the default of its class" in each]
    assert seeds(classifier.fresh(Rng(0))) != seeds(classifier.fresh(Rng(1)))


def test_a_random_state_that_is_an_object_is_said_to_be_replaced() -> None:
    estimator = RandomForestClassifier(3, random_state=np.random.RandomState(0))
    classifier = as_classifier(estimator, input_shape=DATA.shape, classes=4)
    assert [each for each in classifier.assumptions if "random_state is not a whole number" in each]
    assert isinstance(seeds(classifier.fresh(Rng(0)))["random_state"], int)
