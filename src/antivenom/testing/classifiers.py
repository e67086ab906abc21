"""Checks of classifiers: those that an architecture builds, and those made from your own models."""

from collections.abc import Callable, Mapping
from functools import wraps

import torch

from antivenom.data import Dataset
from antivenom.errors import CapabilityError
from antivenom.models import Classifier, Model
from antivenom.models.require import ADVICE
from antivenom.rng import Rng
from antivenom.testing._device import here
from antivenom.testing._toys import bytes_of, global_state_untouched, toy_classifier, toy_images
from antivenom.testing.register import check, run_all, validate_waivers
from antivenom.trial import Trial

ClassifierCheck = Callable[[Classifier, Dataset], None]
_CHECKS: list[ClassifierCheck] = []


def check_classifier(classifier: Classifier, data: Dataset, *, waive: Mapping[str, str] | None = None) -> None:
    """Check that a classifier fulfils its contract, such as one that is made from your own module or estimator.

    An architecture, such as `MLP`, is a component: `check_component` checks the classifiers that it builds.

    Args:
        classifier: the classifier.
        data: at least 32 rows that the classifier takes.
        waive: the checks to omit, by name, each with the reason.

    Raises:
        AssertionError: a check fails, and the message lists all of them; or a waiver does not name a check.
        SettingsError: a waiver has no reason.

    >>> from torch import nn
    >>> from antivenom.models import as_classifier
    >>> from antivenom.testing import toy_images
    >>> module = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 4))
    >>> check_classifier(as_classifier(module, input_shape=(1, 6, 6)), toy_images(60))
    """
    checks, waived = tuple(_CHECKS), Trial(waive=waive or {}).waive
    validate_waivers(waived, checks, type(classifier).__name__)
    run_all(checks, (classifier, data), waived)


def _classifier_check(*, quick: bool = False) -> Callable[[ClassifierCheck], ClassifierCheck]:
    """Register a check of classifiers, and of the classifier that each architecture builds for toy images."""

    def register(function: ClassifierCheck) -> ClassifierCheck:
        @wraps(function)
        def of_a_model(model: Model) -> None:
            data = toy_images(60)
            function(toy_classifier(model).to(here()), data)

        _CHECKS.append(function)
        check("models", quick=quick)(of_a_model)
        return function

    return register


@_classifier_check(quick=True)
def classifier_scores_any_number_of_rows(classifier: Classifier, data: Dataset) -> None:
    """The classifier scores any number of rows, without a gradient. Scores do not depend on the other rows."""
    inputs = data.inputs()
    with global_state_untouched():
        scores = classifier.scores(inputs)
    expected, actual = (len(data), classifier.classes), tuple(scores.shape)
    assert actual == expected, f"scores must have shape {expected}; got {actual}"
    assert not scores.requires_grad, "scores must not require a gradient"
    assert classifier.scores(inputs[:0]).shape == (0, classifier.classes), "scores of 0 rows must have 0 rows"
    assert torch.allclose(classifier.scores(inputs[3:4]), scores[3:4], atol=1e-5), "scores depend on other rows"
    if "probabilities" in classifier.can:
        ones = torch.ones(len(data), device=scores.device)
        assert torch.allclose(scores.sum(1), ones, atol=1e-4), "the probabilities of a row must have the sum 1"


@_classifier_check(quick=True)
def classifier_describes_its_inputs(classifier: Classifier, data: Dataset) -> None:
    """The classifier has a name, the shape and bounds of its rows, a device and assumptions. `to` returns a copy."""
    assert classifier.name, "`name` must not be empty"
    shape = tuple(classifier.input_shape)
    assert shape == data.shape, f"`input_shape` must be {data.shape}; got {shape}"
    assert classifier.bounds in (None, data.bounds), f"`bounds` must be None or {data.bounds}; got {classifier.bounds}"
    unknown = sorted(classifier.can - ADVICE.keys())
    assert not unknown, f"`can` must contain words from {', '.join(ADVICE)}; got {', '.join(unknown)}"
    assert all(isinstance(each, str) for each in classifier.assumptions), "`assumptions` must contain sentences"
    moved = classifier.to(classifier.device)
    assert moved is not classifier and moved.device == classifier.device, "to() must return a copy on the device"
    assert bytes_of(moved) == bytes_of(classifier), "to() changed the weights"


@_classifier_check(quick=True)
def classifier_copies_are_independent(classifier: Classifier, data: Dataset) -> None:
    """Changes of a copy do not change the original."""
    before = bytes_of(classifier)
    copied = classifier.copy()
    assert bytes_of(copied) == before, "copy() changed the weights"
    if "incremental" in classifier.can:
        copied.learn(data.inputs()[:8], data.y[:8])
        assert bytes_of(copied) != before, "learn() did not change the weights"
    assert bytes_of(classifier) == before, "learn() on a copy changed the original"


@_classifier_check(quick=True)
def classifier_draws_new_weights(classifier: Classifier, data: Dataset) -> None:  # noqa: ARG001
    """`fresh` draws new weights from its random stream only."""
    before = bytes_of(classifier)
    with global_state_untouched():
        first, again, other = (classifier.fresh(Rng(seed)) for seed in (0, 0, 1))
    assert bytes_of(first) == bytes_of(again), "the same stream returned different weights"
    assert bytes_of(first) != bytes_of(other), "different streams returned the same weights"
    assert bytes_of(classifier) == before, "fresh() changed the original"


@_classifier_check(quick=True)
def classifier_keeps_its_state(classifier: Classifier, data: Dataset) -> None:
    """`state` and `with_state` contain everything that determines the scores."""
    restored = classifier.fresh(Rng(9)).with_state(classifier.state())
    same = torch.equal(restored.scores(data.inputs()), classifier.scores(data.inputs()))
    assert same, "with_state(state()) returned a classifier with different scores"


@_classifier_check(quick=True)
def classifier_has_gradients(classifier: Classifier, data: Dataset) -> None:
    """The logits have a gradient with respect to the rows."""
    if "gradients" not in classifier.can:
        return
    inputs = data.inputs()[:4].clone().requires_grad_()
    logits = classifier.logits(inputs)
    logits.sum().backward()
    assert inputs.grad is not None, "the logits have no gradient with respect to the rows"
    assert bool(inputs.grad.abs().sum() > 0), "the gradient of the logits is 0"


@_classifier_check()
def classifier_learns(classifier: Classifier, data: Dataset) -> None:
    """Repeated updates on one batch decrease its loss."""
    if "incremental" not in classifier.can:
        return
    learner = classifier.fresh(Rng(0))
    losses = [learner.learn(data.inputs()[:32], data.y[:32]) for _ in range(40)]
    assert losses[-1] < losses[0], (
        f"learn() must decrease the loss; it changed from {losses[0]:.3f} to {losses[-1]:.3f}"
    )


@_classifier_check(quick=True)
def classifier_has_features(classifier: Classifier, data: Dataset) -> None:
    """Every layer returns features for each row, and an unknown layer raises an error."""
    if "features" not in classifier.can:
        return
    inputs = data.inputs()[:5]
    for layer in (None, *classifier.layers()):
        rows = classifier.features(inputs, layer).shape[0]
        assert rows == 5, f"the features of layer {layer} must have 5 rows, one for each input; got {rows}"
    try:
        classifier.features(inputs, "no such layer")
    except CapabilityError:
        return
    raise AssertionError("features() must raise a CapabilityError for an unknown layer; it did not")


@_classifier_check(quick=True)
def classifier_changes_its_head(classifier: Classifier, data: Dataset) -> None:
    """`with_head` returns a classifier with another number of classes, and does not change the original."""
    if "features" not in classifier.can:
        return
    before = bytes_of(classifier)
    classes = classifier.classes + 1
    scores = classifier.with_head(classes, Rng(0)).scores(data.inputs()[:3])
    assert scores.shape == (3, classes), f"with_head({classes}) must return {classes} scores; got {scores.shape[1]}"
    assert bytes_of(classifier) == before, "with_head() changed the original"
