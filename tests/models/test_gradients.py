"""Modules that cut the gradient: `torch.no_grad` or `detach` in forward."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from antivenom.defences import NeuralCleanse
from antivenom.errors import CapabilityError
from antivenom.models import ModuleClassifier, as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.transfer import Transfer

DATA = toy_images()
SIZE, CLASSES = DATA.shape[1] * DATA.shape[2] * DATA.shape[0], len(DATA.classes)


class Cut(nn.Module):
    """A backbone without gradients, and a head with gradients."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Flatten(), nn.Linear(SIZE, 8), nn.BatchNorm1d(8))
        self.head, self.how = nn.Linear(8, CLASSES), how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "no_grad":
            with torch.no_grad():
                x = self.backbone(x)
        elif self.how == "in evaluation":
            with torch.set_grad_enabled(self.training):
                return self.head(self.backbone(x))  # type: ignore[no-any-return]
        else:
            x = self.backbone(x)
        if self.how == "everything":
            return self.head(x).detach()  # type: ignore[no-any-return]
        return self.head(x.detach() if self.how == "detach" else x)  # type: ignore[no-any-return]


class Experts(nn.Module):
    """One of two experts, which the first number of the batch chooses."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(SIZE, CLASSES) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.experts[int(float(x.min()) > 2)](x.flatten(1))  # type: ignore[no-any-return]


def converted(module: nn.Module) -> ModuleClassifier:
    classifier = as_classifier(module, input_shape=DATA.shape)
    assert isinstance(classifier, ModuleClassifier)
    return classifier


def trained(classifier: ModuleClassifier, how: EndToEnd | Transfer) -> ModuleClassifier:
    start = {"start": classifier} if isinstance(how, Transfer) else {}
    result = how.fit(classifier, DATA, rng=Rng(0), **start)  # type: ignore[arg-type]
    assert isinstance(result, ModuleClassifier)
    return result


@pytest.mark.parametrize(
    "training", [EndToEnd(epochs=1), Transfer(pretraining=EndToEnd(epochs=1), target_classes=(0, 1), epochs=1)]
)
@pytest.mark.parametrize("how", ["no_grad", "detach"])
def test_a_backbone_without_gradients_keeps_its_weights(how: str, training: EndToEnd | Transfer) -> None:
    classifier = converted(Cut(how))
    sentence = (
        "The weights of 'backbone' get no gradient (torch.no_grad or detach in forward): they are kept as they are."
    )
    assert sentence in classifier.assumptions
    before, after = classifier.state(), trained(classifier, training).state()
    for name in before:
        assert torch.equal(before[name], after[name]) == name.startswith("backbone"), name


@pytest.mark.parametrize("how", ["no_grad", "detach", "everything", "in evaluation"])
def test_a_module_without_a_gradient_for_rows_is_refused_with_the_way_out(how: str) -> None:
    classifier = converted(Cut(how))
    assert "gradients" not in classifier.can
    with pytest.raises(CapabilityError, match=r"requires gradients.*Remove torch\.no_grad and detach from its forward"):
        NeuralCleanse().scan(classifier, DATA, rng=Rng(0))


def test_a_module_without_any_gradient_is_not_trained() -> None:
    with pytest.raises(CapabilityError, match=r"no gradient.*Remove torch\.no_grad and detach"):
        EndToEnd(epochs=1).fit(converted(Cut("everything")), DATA, rng=Rng(0))


def intact() -> nn.Module:
    return Cut("whole")


@pytest.mark.parametrize("make", [intact, Experts, lambda: Cut("in evaluation")])
def test_weights_that_can_be_trained_are_not_frozen(make: Callable[[], nn.Module]) -> None:
    classifier = converted(make())
    assert not classifier.frozen
    assert not any("no gradient (" in each for each in classifier.assumptions)


def test_a_factory_makes_the_same_parts_without_gradients() -> None:
    classifier = ModuleClassifier(Cut("detach"), input_shape=DATA.shape, factory=lambda _: Cut("detach"))
    assert classifier.fresh(Rng(0)).frozen == classifier.frozen != frozenset()


def test_gradients_are_found_inside_no_grad() -> None:
    module = intact()
    with torch.no_grad():
        assert "gradients" in converted(module).can
