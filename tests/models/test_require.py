"""What a method requires of a classifier, what every classifier says of itself, and batches."""

from typing import Any

import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB

from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import (
    MLP,
    Classifier,
    Filtered,
    ModuleClassifier,
    as_classifier,
    as_module,
    is_module,
    require,
)
from antivenom.models.batches import batches
from antivenom.models.require import ADVICE
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.testing.classifiers import classifier_describes_its_inputs
from antivenom.training import EndToEnd, OwnFit

DATA = toy_images(60)
BUILT: dict[str, Any] = {"input_shape": (1, 6, 6), "classes": 4, "bounds": (0.0, 1.0), "rng": Rng(0)}


class Half:
    """A gate that lets every second row pass."""

    def accepts(self, x: torch.Tensor) -> torch.Tensor:
        return torch.arange(len(x)) % 2 == 0


def network() -> ModuleClassifier:
    return MLP(hidden=(8,)).build(**BUILT)


def estimator(made: Any) -> Classifier:
    return as_classifier(made, input_shape=(1, 6, 6), classes=4)


CLASSIFIERS = {
    "module": network,
    "estimator": lambda: estimator(GaussianNB()),
    "filtered": lambda: Filtered(network(), Half()),
    "filtered estimator": lambda: Filtered(estimator(SGDClassifier()), Half()),
}


@pytest.mark.parametrize("ability", ADVICE)
@pytest.mark.parametrize("name", [*CLASSIFIERS, "forest"])
def test_what_a_classifier_cannot_do_is_refused_by_name(name: str, ability: str) -> None:
    classifier = estimator(RandomForestClassifier()) if name == "forest" else CLASSIFIERS[name]()
    if ability in classifier.can:
        require(classifier, ability, by="Method")
        return
    with pytest.raises(CapabilityError, match=f"^Method requires .*, which {classifier.name} does not provide. Pass"):
        require(classifier, ability, by="Method")


def test_the_message_says_what_to_do() -> None:
    linear = estimator(SGDClassifier())
    with pytest.raises(CapabilityError) as raised:
        require(linear, "incremental", "gradients", by="NeuralCleanse")
    assert str(raised.value) == (
        "NeuralCleanse requires gradients, which SGDClassifier does not provide. Pass an nn.Module."
    )
    with pytest.raises(CapabilityError, match=r"provide\. Train it elsewhere\.$"):
        require(linear, "features", by="Method", advice="Train it elsewhere.")
    with pytest.raises(SettingsError, match=r"Unknown ability 'gradient'\. Did you mean 'gradients'"):
        require(linear, "gradient", by="Method")


def test_a_module_is_taken_for_one_and_nothing_else_is() -> None:
    net = network()
    assert as_module(net, by="Method") is net
    assert is_module(net) and not is_module(net.module) and not is_module(estimator(GaussianNB()))
    with pytest.raises(CapabilityError, match=r"Method requires an nn\.Module, which Sequential behind Half is not"):
        as_module(Filtered(net, Half()), by="Method")
    with pytest.raises(CapabilityError, match="Method requires features"):
        as_module(estimator(GaussianNB()), "features", by="Method")


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_every_classifier_describes_its_inputs(name: str) -> None:
    classifier = CLASSIFIERS[name]()
    assert isinstance(classifier, Classifier)
    classifier_describes_its_inputs(classifier, DATA)
    assert (classifier.input_shape, classifier.bounds, classifier.device.type) == ((1, 6, 6), (0.0, 1.0), "cpu")


def test_a_classifier_that_does_not_say_what_it_takes_fails_the_check() -> None:
    class Nameless(ModuleClassifier):
        name = ""

    with pytest.raises(AssertionError, match="must not be empty"):
        classifier_describes_its_inputs(Nameless(network().module, input_shape=(1, 6, 6)), DATA)


def test_a_filtered_classifier_is_held_to_its_rows_like_any_other() -> None:
    wrong = Filtered(estimator(GaussianNB()), Half())
    tables = DATA.subset(torch.arange(0))
    with pytest.raises(DataError, match="at least one row"):
        OwnFit().fit(wrong, tables, rng=Rng(0))
    with pytest.raises(CapabilityError, match="EndToEnd requires gradients, which GaussianNB behind Half does not"):
        EndToEnd(epochs=1).fit(wrong, DATA, rng=Rng(0), start=wrong)


def test_a_classifier_prints_in_one_line() -> None:
    assert repr(network()) == ("ModuleClassifier(Sequential: rows (1, 6, 6) in [0, 1], 4 classes, 332 weights on cpu)")
    bayes = GaussianNB().fit(DATA.inputs().flatten(1).numpy(), DATA.y.numpy())
    unbounded = as_classifier(bayes, input_shape=(1, 6, 6), bounds=None)
    assert repr(unbounded) == "EstimatorClassifier(GaussianNB: rows (1, 6, 6) in any range, 4 classes, fitted)"
    assert repr(estimator(GaussianNB())).endswith("4 classes, not fitted)")
    assert repr(Filtered(network(), Half())) == f"Filtered({network()!r} behind Half)"


@pytest.mark.parametrize(("count", "size"), [(0, 3), (1, 3), (3, 3), (7, 3), (7, 100)])
def test_batches_cover_every_row_once_and_in_order(count: int, size: int) -> None:
    rows = list(range(count))
    parts = [rows[part] for part in batches(count, size)]
    assert [row for part in parts for row in part] == rows
    assert all(len(part) == size for part in parts[:-1])
    assert all(parts)
