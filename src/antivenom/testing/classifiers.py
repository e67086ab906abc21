"""What every classifier promises, whether an architecture builds it or it is made of a model of your own."""

from collections.abc import Callable, Mapping
from functools import wraps

import torch

from antivenom.data import Dataset
from antivenom.errors import CapabilityError
from antivenom.models import Classifier, Model
from antivenom.models.require import ADVICE
from antivenom.rng import Rng
from antivenom.testing._checks import check, run_all, validate_waivers
from antivenom.testing._device import here
from antivenom.testing._toys import bytes_of, global_state_untouched, toy_classifier, toy_images
from antivenom.trial import Trial

ClassifierCheck = Callable[[Classifier, Dataset], None]
_CHECKS: list[ClassifierCheck] = []


def check_classifier(classifier: Classifier, data: Dataset, *, waive: Mapping[str, str] | None = None) -> None:
    """Check that a classifier keeps every promise: one made of a module, an estimator or a network of your own.

    An architecture, such as `MLP`, is a component: `check_component` checks the classifiers that it builds.

    Args:
        classifier: the classifier.
        data: rows that it takes, at least 32.
        waive: checks to leave out, by name, each with the reason.

    Raises:
        AssertionError: it breaks promises; the message lists all of them. Or a waiver names no check.
        SettingsError: a waiver without a reason.

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
    """Register a check of classifiers, and of all architectures: of the classifier that each builds for toy images."""

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
    """None, one or many rows; no gradient; a row's scores do not depend on its neighbours."""
    inputs = data.inputs()
    with global_state_untouched():
        scores = classifier.scores(inputs)
    assert scores.shape == (len(data), classifier.classes), f"scores have shape {tuple(scores.shape)}"
    assert not scores.requires_grad, "scores carry a gradient"
    assert classifier.scores(inputs[:0]).shape == (0, classifier.classes), "no rows give no scores"
    assert torch.allclose(classifier.scores(inputs[3:4]), scores[3:4], atol=1e-5), "scores depend on other rows"
    if "probabilities" in classifier.can:
        assert torch.allclose(scores.sum(1), torch.ones(len(data), device=scores.device), atol=1e-4)


@_classifier_check(quick=True)
def classifier_says_what_it_takes(classifier: Classifier, data: Dataset) -> None:
    """Its name, the rows that it takes, its device and its assumptions; `to` gives a copy."""
    assert classifier.name, "it has no name"
    assert tuple(classifier.input_shape) == data.shape, f"it takes rows of {classifier.input_shape}"
    assert classifier.bounds in (None, data.bounds), f"it takes rows in {classifier.bounds}"
    assert classifier.can <= ADVICE.keys(), f"there are no such abilities: {classifier.can - ADVICE.keys()}"
    assert all(isinstance(each, str) for each in classifier.assumptions), "an assumption is not a sentence"
    moved = classifier.to(classifier.device)
    assert moved is not classifier and moved.device == classifier.device, "to() does not give a copy there"
    assert bytes_of(moved) == bytes_of(classifier), "to() changed what was learned"


@_classifier_check(quick=True)
def classifier_copies_share_nothing(classifier: Classifier, data: Dataset) -> None:
    """What happens to a copy leaves the original alone."""
    before = bytes_of(classifier)
    copied = classifier.copy()
    assert bytes_of(copied) == before, "a copy differs"
    if "incremental" in classifier.can:
        copied.learn(data.inputs()[:8], data.y[:8])
        assert bytes_of(copied) != before, "learning changed nothing"
    assert bytes_of(classifier) == before, "the original changed with its copy"


@_classifier_check(quick=True)
def classifier_starts_afresh(classifier: Classifier, data: Dataset) -> None:  # noqa: ARG001
    """`fresh` draws new weights from its stream and from nothing else."""
    before = bytes_of(classifier)
    with global_state_untouched():
        first, again, other = (classifier.fresh(Rng(seed)) for seed in (0, 0, 1))
    assert bytes_of(first) == bytes_of(again), "the same stream gave other weights"
    assert bytes_of(first) != bytes_of(other), "another stream gave the same weights"
    assert bytes_of(classifier) == before, "fresh() changed the original"


@_classifier_check(quick=True)
def classifier_keeps_its_state(classifier: Classifier, data: Dataset) -> None:
    """`state` and `with_state` carry everything that scores depend on."""
    carried = classifier.fresh(Rng(9)).with_state(classifier.state())
    assert torch.equal(carried.scores(data.inputs()), classifier.scores(data.inputs())), "scores changed"


@_classifier_check(quick=True)
def classifier_has_gradients(classifier: Classifier, data: Dataset) -> None:
    """Logits are differentiable in the rows, and agree with the scores."""
    if "gradients" not in classifier.can:
        return
    inputs = data.inputs()[:4].clone().requires_grad_()
    logits = classifier.logits(inputs)
    logits.sum().backward()
    assert inputs.grad is not None, "no gradient reaches the rows"
    assert bool(inputs.grad.abs().sum() > 0), "the gradient is zero"


@_classifier_check()
def classifier_learns(classifier: Classifier, data: Dataset) -> None:
    """Repeated updates on one batch lower its loss."""
    if "incremental" not in classifier.can:
        return
    learner = classifier.fresh(Rng(0))
    losses = [learner.learn(data.inputs()[:32], data.y[:32]) for _ in range(40)]
    assert losses[-1] < losses[0], f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"


@_classifier_check(quick=True)
def classifier_has_features(classifier: Classifier, data: Dataset) -> None:
    """Every layer gives a row of features for each row, and an unknown one is refused."""
    if "features" not in classifier.can:
        return
    inputs = data.inputs()[:5]
    for layer in (None, *classifier.layers()):
        assert classifier.features(inputs, layer).shape[0] == 5, f"layer {layer} gives another number of rows"
    try:
        classifier.features(inputs, "no such layer")
    except CapabilityError:
        return
    raise AssertionError("an unknown layer was accepted")


@_classifier_check(quick=True)
def classifier_changes_its_head(classifier: Classifier, data: Dataset) -> None:
    """`with_head` gives another number of classes, and leaves the original alone."""
    if "features" not in classifier.can:
        return
    before = bytes_of(classifier)
    headed = classifier.with_head(classifier.classes + 1, Rng(0))
    assert headed.scores(data.inputs()[:3]).shape == (3, classifier.classes + 1), "the head has another width"
    assert bytes_of(classifier) == before, "with_head() changed the original"
