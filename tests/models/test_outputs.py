"""What modules return: logits, in many forms."""

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from antivenom.data import Dataset
from antivenom.errors import SettingsError
from antivenom.models import ModuleClassifier, as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.training.end_to_end import EndToEnd

SHAPE = (1, 6, 6)
Pair = namedtuple("Pair", ["features", "logits"])


class ModelOutput(OrderedDict[str, Any]):
    """As Hugging Face has it: a mapping with attributes."""

    @property
    def logits(self) -> Tensor:
        return self["logits"]  # type: ignore[no-any-return]


class Net(nn.Module):
    def __init__(self, wrap: Callable[[Tensor], Any] = lambda out: out, classes: int = 4) -> None:
        super().__init__()
        with Rng(5).torch_globally():
            self.hidden, self.head = nn.Linear(36, 8), nn.Linear(8, classes)
        self.wrap = wrap

    def forward(self, x: Tensor) -> Any:
        return self.wrap(self.head(torch.relu(self.hidden(x.flatten(1)))))


def rows(n: int = 5) -> Tensor:
    return torch.rand(n, *SHAPE, generator=Rng(0).generator())


def taken(wrap: Callable[[Tensor], Any], classes: int = 4, **more: Any) -> ModuleClassifier:
    return as_classifier(Net(wrap, classes), input_shape=SHAPE, **more)


PLAIN = Net().eval()
STRUCTURES = {
    "ModelOutput": lambda out: ModelOutput(loss=None, logits=out),
    "ModelOutput with hidden states": lambda out: ModelOutput(hidden_states=(out, out), logits=out, extra=out[:, :2]),
    "dict": lambda out: {"logits": out, "features": out.repeat(1, 3)},
    "dict of one": lambda out: {"out": out},
    "object": lambda out: SimpleNamespace(logits=out),
    "namedtuple": lambda out: Pair(out.repeat(1, 2), out),
    "tuple of the same": lambda out: (out, out),
    "list": lambda out: [out],
    "tuple with a loss": lambda out: (out.sum(), out, None),
    "maps of one pixel": lambda out: out[:, :, None, None],
    "a sequence of one": lambda out: out[:, :, None],
    "squeezed": lambda out: out.squeeze(),
}


@pytest.mark.parametrize("wrap", STRUCTURES.values(), ids=STRUCTURES.keys())
def test_logits_are_found_in_what_a_module_returns(wrap: Callable[[Tensor], Any]) -> None:
    classifier, x = taken(wrap), rows()
    with torch.no_grad():
        assert torch.allclose(classifier.scores(x), PLAIN(x).softmax(1), atol=1e-6)
        assert torch.allclose(classifier.logits(x[:1]), PLAIN(x[:1]), atol=1e-6)
        assert torch.allclose(classifier.logits_with(classifier.weights(), x), PLAIN(x), atol=1e-6)
    assert classifier.features(x).shape == (5, 8)
    fresh = classifier.fresh(Rng(0))
    losses = [fresh.learn(x, torch.arange(5) % 4) for _ in range(3)]
    assert losses[-1] < losses[0]


def test_what_was_taken_is_said() -> None:
    assert any("number 1" in each for each in taken(STRUCTURES["tuple with a loss"]).assumptions)
    assert any("'out'" in each for each in taken(STRUCTURES["dict of one"]).assumptions)
    assert any("(n, 4, 1, 1)" in each for each in taken(STRUCTURES["maps of one pixel"]).assumptions)
    assert len(taken(lambda out: out).assumptions) == 1, "a plain tensor needs no assumption"


def test_another_structure_in_training_is_read_as_well() -> None:
    class Inception(Net):
        def forward(self, x: Tensor) -> Any:
            out = super().forward(x)
            return (out, out.detach()) if self.training else out

    classifier, data = as_classifier(Inception(), input_shape=SHAPE), toy_images(64)
    trained = EndToEnd(epochs=1, batch_size=32).fit(classifier, data, rng=Rng(0))
    assert any(not torch.equal(value, classifier.state()[name]) for name, value in trained.state().items())
    assert trained.scores(data.inputs()).shape == (64, 4)


REFUSED = {
    "tuple of two widths": (lambda out: (out.repeat(1, 2), out), r"\(n, 8\).*\(n, 4\).*classes="),
    "dict of two": (lambda out: {"a": out, "b": out + 1}, "'a'.*'b'"),
    "class numbers": (lambda out: out.argmax(1), "class numbers"),
    "class numbers in a tuple": (lambda out: (out.argmax(1),), "class numbers"),
    "true or false": (lambda out: out[:, 0] > 0, "class numbers"),
    "maps": (lambda out: out[:, :, None, None].expand(-1, -1, 2, 2), "must return"),
    "tokens": (lambda out: ModelOutput(logits=out[:, None].expand(-1, 3, -1)), "must return"),
    "a mean over the batch": (lambda out: out.mean(0), "batch"),
    "a mean that is kept": (lambda out: out.mean(0, keepdim=True), "batch"),
    "one flat row": (lambda out: out.flatten(), "batch"),
    "nothing": (lambda out: None, "NoneType"),
    "text": (lambda out: "cat", "str"),
    "no tensors": (lambda out: {"loss": 0.5}, "must return"),
    "softmax over the batch": (lambda out: out.softmax(0) * 9, "other rows"),
    "dropout left on": (lambda out: nn.functional.dropout(out, 0.5), "different outputs"),
    "noise": (lambda out: out + torch.rand_like(out), "different outputs"),
    "sigmoids": (torch.sigmoid, "between 0 and 1"),
}


@pytest.mark.parametrize(("wrap", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_read_is_refused(wrap: Callable[[Tensor], Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        taken(wrap)
    assert "\n" not in str(caught.value)


def test_the_number_of_classes_chooses_and_is_checked() -> None:
    module = Net(lambda out: (out.repeat(1, 2), out))
    assert as_classifier(module, input_shape=SHAPE, classes=4).classes == 4
    with pytest.raises(SettingsError, match=r"classes is 3.*4"):
        as_classifier(Net(), input_shape=SHAPE, classes=3)


@pytest.mark.parametrize("wrap", [lambda out: out, lambda out: out.squeeze(1), lambda out: out.squeeze()])
def test_one_logit_is_two_classes(wrap: Callable[[Tensor], Any]) -> None:
    classifier, x = taken(wrap, 1), rows()
    with torch.no_grad():
        one = Net(classes=1)(x).flatten()
    assert classifier.classes == 2
    assert torch.allclose(classifier.scores(x)[:, 1], one.sigmoid(), atol=1e-6)
    assert torch.allclose(classifier.logits(x)[:, 1] - classifier.logits(x)[:, 0], one, atol=1e-6)
    assert any("two classes" in each for each in classifier.assumptions)
    assert classifier.scores(x[:1]).shape == (1, 2)


@pytest.mark.parametrize("wrap", [torch.sigmoid, lambda out: torch.sigmoid(out.squeeze(1))])
def test_one_probability_is_two_classes(wrap: Callable[[Tensor], Any]) -> None:
    classifier, x = taken(wrap, 1, outputs="probabilities"), rows()
    with torch.no_grad():
        one = Net(classes=1)(x).flatten().sigmoid()
    assert torch.allclose(classifier.scores(x), torch.stack([1 - one, one], 1), atol=1e-6)
    with pytest.raises(SettingsError, match="probabilities"):
        taken(wrap, 1)
    with pytest.raises(SettingsError, match="between 0 and 1"):
        taken(lambda out: 100 * out + 50, 1, outputs="probabilities")


def test_two_classes_from_one_number_are_trained_as_two() -> None:
    data = toy_images(120)
    kept = data.y < 2
    data = Dataset.from_arrays(data.x[kept], data.y[kept])
    blank = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 1)), input_shape=SHAPE)
    trained = EndToEnd(epochs=30, batch_size=16, learning_rate=1e-2).fit(blank, data, rng=Rng(0))
    assert float((trained.scores(data.inputs()).argmax(1) == data.y).float().mean()) > 0.9


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.float16])
def test_other_precisions_take_float_rows_and_give_float_scores(kind: torch.dtype) -> None:
    classifier, x = as_classifier(Net().to(kind), input_shape=SHAPE), rows()
    assert classifier.scores(x).dtype == torch.float32
    assert torch.allclose(classifier.scores(x), PLAIN(x).softmax(1), atol=2e-2)
    assert any("float" in each for each in classifier.assumptions)
    x.requires_grad_()
    classifier.logits(x).logsumexp(1).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32


def test_log_probabilities_are_logits() -> None:
    classifier, x = taken(lambda out: out.log_softmax(1)), rows()
    assert torch.allclose(classifier.scores(x), PLAIN(x).softmax(1), atol=1e-6)


def test_two_tensors_of_one_width_are_refused_unless_they_are_equal() -> None:
    for several in (lambda out: (out, out + 1), lambda out: [out.relu(), out], lambda out: {"a": out, "b": out + 1}):
        with pytest.raises(SettingsError, match="several tensors that can be scores") as caught:
            taken(several)
        assert "classes=" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_state_dict_and_torchscript_are_named() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    with pytest.raises(SettingsError, match=r"got a state dict.*with_state\(read_weights"):
        as_classifier(net.state_dict(), input_shape=(1, 4, 4))
    with pytest.raises(SettingsError, match="TorchScript"):
        as_classifier(torch.jit.trace(net, torch.zeros(1, 1, 4, 4)), input_shape=(1, 4, 4))


def test_several_widths_without_the_given_number_of_classes_do_not_ask_for_it_again() -> None:
    with pytest.raises(SettingsError, match="several tensors") as caught:
        as_classifier(Net(lambda out: (out.repeat(1, 2), out)), input_shape=SHAPE, classes=3)
    assert "classes=" not in str(caught.value)


def test_rows_that_are_flattened_together_name_the_input_shape() -> None:
    with pytest.raises(SettingsError, match=r"input_shape is probably wrong"):
        as_classifier(Net(lambda out: out.repeat(2, 1)), input_shape=SHAPE)


def test_rows_without_channels_get_the_shape_with_one_channel() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 10))
    gray = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(36, 10))
    with pytest.raises(SettingsError, match=r"Pass input_shape=\(1, 8, 8\)"):
        as_classifier(network, input_shape=(8, 8))
    with pytest.raises(SettingsError, match=r"input_shape is probably wrong"):
        as_classifier(gray, input_shape=(8, 8))


def test_a_forward_that_takes_rows_by_name_is_to_be_wrapped() -> None:
    class Named(nn.Module):
        def forward(self, *, pixels: Tensor) -> Tensor:
            return pixels.flatten(1)

    with pytest.raises(SettingsError, match=r"forward\(self, x\): return self\.module\(pixels=x\)"):
        as_classifier(Named(), input_shape=SHAPE)
