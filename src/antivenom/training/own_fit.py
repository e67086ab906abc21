"""Training by the `fit` method of a scikit-learn estimator."""

import time
from collections.abc import Sequence

from antivenom.data import Dataset
from antivenom.metrics import accuracy
from antivenom.models import Classifier
from antivenom.models.estimators import as_estimator
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.training.contracts import Callback, Epoch
from antivenom.training.loop import check_learnable
from antivenom.trial import Trial


@component
class OwnFit:
    """Call the estimator's own `fit` on all rows, with its own settings. It requires a scikit-learn estimator.

    Rows are sorted by id; some estimators shuffle them by their own `random_state`. The loss for callbacks is the error
    rate on the training rows in [0, 1], because not every estimator has a loss.

    Raises:
        CapabilityError: the classifier is not a scikit-learn estimator, or a class has no rows.

    >>> from sklearn.naive_bayes import GaussianNB
    >>> from antivenom.data.sources import load
    >>> from antivenom.models import as_classifier
    >>> digits = load("digits")
    >>> bayes = as_classifier(GaussianNB(var_smoothing=0.01), input_shape=(1, 8, 8), classes=10)
    >>> fitted = OwnFit().fit(bayes, digits.train, rng=Rng(0))
    >>> accuracy(fitted, digits.test) > 0.8
    True
    """

    trial = Trial(
        waive=dict.fromkeys(
            ("training_does_not_change_its_inputs", "training_is_reproducible", "training_learns"),
            "it trains only scikit-learn estimators; the checks train a module",
        ),
    )

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Classifier:
        """Return a new, fitted classifier."""
        first = as_estimator(classifier.fresh(rng.child("weights")) if start is None else start, by="own_fit")
        check_learnable(first, data, "OwnFit")
        began = time.perf_counter()
        order = data.ids.argsort()
        fitted = first.fit(data.inputs(order), data.y[order])
        for callback in callbacks:
            callback(Epoch(1, 1, 1 - accuracy(fitted, data), time.perf_counter() - began, fitted, len(data)))
        return fitted
