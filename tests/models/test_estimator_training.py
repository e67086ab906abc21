"""Estimators of scikit-learn, trained, written and trained further."""

import pytest
import torch
from sklearn.neural_network import MLPClassifier as Theirs

from antivenom.data.sources import Plane
from antivenom.errors import DataError
from antivenom.rng import Rng
from antivenom.training import OwnFit


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
