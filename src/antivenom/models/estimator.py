"""A classifier of scikit-learn, chosen by its class."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Interval

from antivenom.errors import SettingsError
from antivenom.models._adapter import Bounds
from antivenom.models._estimator_classifier import EstimatorClassifier
from antivenom.models.estimator_classes import CLASSES, class_of, settings_problems
from antivenom.rng import Rng
from antivenom.settings import FrozenMap, component
from antivenom.trial import Trial

if TYPE_CHECKING:
    ClassName = str
else:
    ClassName = Literal[tuple(CLASSES)]

Seed = Annotated[int, Interval(ge=0, le=2**32 - 1)] | None


@component
class Estimator:
    """A scikit-learn classifier: a linear model, a forest, boosted trees, a perceptron, neighbours and others.

    `settings` are the arguments of the class; those that are omitted have scikit-learn's defaults. They are checked
    before anything runs. scikit-learn describes them: https://scikit-learn.org/stable/api/

        model: {name: estimator, class_name: RandomForestClassifier, settings: {n_estimators: 200, max_depth: 8}}
        training: own_fit

    `--set model.settings.max_depth=4` sets one of them, and so does a grid: `model.settings.max_depth: [4, 8]`.

    The training `own_fit` fits every class. `online` requires `partial_fit`, which GaussianNB, MLPClassifier and
    SGDClassifier have. LinearSVC, RidgeClassifier, SVC and SGDClassifier (except with the loss `log_loss` or
    `modified_huber`) have no probabilities. Their scores are the values of the decision function, unless `calibrated`
    is set. Other classes: pass any classifier to `as_classifier` in Python.

    Weights of linear models, MLPClassifier and GaussianNB are saved as arrays. For other classes and calibrated ones,
    the file contains the training rows, and reading it fits the estimator again.

    Args:
        class_name: the name of the class in scikit-learn.
        settings: the arguments of the class by name: numbers, text, true, false, null, or lists of numbers.
        calibrated: True to learn probabilities from the scores by cross-validation (scikit-learn's
            `CalibratedClassifierCV`), for a class without probabilities. It requires five rows of each class. A
            calibrated estimator cannot learn incrementally.
        random_state: the seed of the estimator; from the experiment's stream if omitted.

    Raises:
        SettingsError: the class does not have a setting or does not allow its value; a setting would run code, start
            threads, print or make results depend on earlier ones.

    >>> forest = Estimator(class_name="RandomForestClassifier", settings={"n_estimators": 20})
    >>> forest.build(input_shape=(2,), classes=2, bounds=None, rng=Rng(0)).can
    frozenset({'probabilities'})
    >>> Estimator(class_name="RandomForestClassifier", settings={"max_dept": 4})
    Traceback (most recent call last):
        ...
    antivenom.errors.SettingsError: Estimator.settings.max_dept is not a setting of ... Did you mean 'max_depth'?
    """

    trial = Trial(settings={"class_name": "SGDClassifier", "settings": {"loss": "log_loss"}})

    class_name: ClassName
    settings: Mapping[str, Any] = FrozenMap()
    calibrated: bool = False
    random_state: Seed = None

    def __post_init__(self) -> None:
        cls = class_of(self.class_name)
        problems = list(settings_problems(cls, self.settings, "Estimator.settings"))
        if self.random_state is not None and "random_state" not in cls().get_params():
            problems.append(
                f"Estimator.random_state must be null, because {self.class_name} uses no random numbers; "
                f"got {self.random_state}."
            )
        if not problems and self.calibrated and hasattr(cls(**self.settings), "predict_proba"):
            problems.append(
                f"Estimator.calibrated must be false: {self.class_name} has probabilities with these settings."
            )
        if problems:
            raise SettingsError(problems)

    def build(self, *, input_shape: tuple[int, ...], classes: int, bounds: Bounds, rng: Rng) -> EstimatorClassifier:
        """Return an unfitted estimator for rows of `input_shape`."""
        pinned = self.random_state is not None
        estimator = class_of(self.class_name)(**self.settings)
        if "random_state" in estimator.get_params():
            estimator.set_params(random_state=rng.integer() if self.random_state is None else self.random_state)
        if self.calibrated:
            from sklearn.calibration import CalibratedClassifierCV  # noqa: PLC0415 - few models require it

            estimator = CalibratedClassifierCV(estimator, ensemble=False)
        return EstimatorClassifier(estimator, input_shape=input_shape, classes=classes, bounds=bounds, pinned=pinned)
