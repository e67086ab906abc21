"""Other people's modules as classifiers."""

from typing import Any

import pytest
import torch
from torch import nn

from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import CNN, MLP, ModuleClassifier, as_classifier
from antivenom.models.batches import ROWS_PER_BATCH
from antivenom.rng import Rng
from antivenom.testing import check_classifier, global_state_untouched, toy_images
from tests.helpers.toys import small_net

IMAGE = {"input_shape": (2, 8, 10), "classes": 5, "bounds": (0.0, 1.0)}


def images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 2, 8, 10, generator=Rng(seed).generator())


def own() -> nn.Module:
    with Rng(3).torch_globally():
        return small_net((2, 8, 10), 5)


def adapted(**more: Any) -> ModuleClassifier:
    return as_classifier(own(), input_shape=(2, 8, 10), **more)


def same(one: ModuleClassifier, other: ModuleClassifier) -> bool:
    first, second = one.state(), other.state()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_the_module_that_came_in_is_never_changed() -> None:
    module = own().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    classifier = as_classifier(module, input_shape=(2, 8, 10))
    classifier.learn(images(8), torch.arange(8) % 5)
    classifier.fresh(Rng(0)), classifier.silence("1", torch.tensor([0])), classifier.with_head(3, Rng(0))
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(layer.training for layer in module.modules())


@pytest.mark.parametrize("ask", ["scores", "features"])
def test_asking_changes_no_mode_no_statistics_and_no_global_stream(ask: str) -> None:
    classifier = adapted()
    classifier.module.train()
    classifier.module[4].eval()
    before, modes = classifier.state(), [layer.training for layer in classifier.module.modules()]
    with global_state_untouched():
        first = getattr(classifier, ask)(images(20))
    assert torch.equal(first, getattr(classifier, ask)(images(20))), "dropout was at work"
    assert [layer.training for layer in classifier.module.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in classifier.state().items())
    assert not first.requires_grad


def test_modes_are_put_back_after_an_error() -> None:
    classifier = adapted()
    classifier.module.train()
    for call in (classifier.scores, classifier.features):
        with pytest.raises((RuntimeError, DataError)):
            call(torch.zeros(2, 3))
        assert all(layer.training for layer in classifier.module.modules())
    assert not any(layer._forward_hooks for layer in classifier.module.modules())


def test_scores_are_probabilities_in_batches_as_in_one_and_of_none() -> None:
    classifier, x = adapted(), images(ROWS_PER_BATCH + 3)
    scores = classifier.scores(x)
    assert torch.allclose(scores.sum(1), torch.ones(len(x)), atol=1e-5)
    assert torch.allclose(scores[-3:], classifier.scores(x[-3:]), atol=1e-6)
    assert torch.allclose(scores, classifier.module.eval()(x).softmax(1), atol=1e-5)
    assert classifier.scores(x[:0]).shape == (0, 5)


def test_scores_of_no_rows_ask_nothing_of_the_module() -> None:
    class Fussy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert len(x)
            return x[:, :5]

    assert as_classifier(Fussy(), input_shape=(9,)).scores(torch.zeros(0, 9)).shape == (0, 5)


def test_mean_and_std_are_applied_by_channel() -> None:
    classifier = adapted(mean=(0.1, 0.5), std=(0.2, 0.4))
    channel = torch.tensor([0.1, 0.5])[:, None, None], torch.tensor([0.2, 0.4])[:, None, None]
    expected = own().eval()((images(4) - channel[0]) / channel[1]).softmax(1)
    assert torch.allclose(classifier.scores(images(4)), expected, atol=1e-6)
    assert classifier.assumptions == ()
    assert "no mean or std was given" in adapted().assumptions[0]


def test_logits_are_differentiable_in_rows_and_weights() -> None:
    classifier, x = adapted(mean=0.5), images(4).requires_grad_()
    classifier.logits(x).logsumexp(1).sum().backward()
    assert x.grad is not None
    assert float(x.grad.abs().sum()) > 0
    assert all(parameter.grad is not None for parameter in classifier.module.parameters())


def test_a_module_that_gives_probabilities_says_so_or_is_refused() -> None:
    soft = nn.Sequential(own(), nn.Softmax(1))
    taken = as_classifier(soft, input_shape=(2, 8, 10), outputs="probabilities")
    assert torch.allclose(taken.scores(images(3)), soft.eval()(images(3)), atol=1e-6)
    taken.module.eval()
    assert torch.allclose(taken.logits(images(3)).softmax(1), taken.scores(images(3)), atol=1e-6)
    with pytest.raises(SettingsError, match="as probabilities do"):
        as_classifier(soft, input_shape=(2, 8, 10))
    with pytest.raises(SettingsError, match="do not sum to 1"):
        adapted(outputs="probabilities")
    with pytest.raises(SettingsError, match="outputs must be"):
        adapted(outputs="log")


def raising(error: Exception) -> nn.Module:
    class Raises(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise error

    return Raises()


class Gives(nn.Module):
    def __init__(self, *out: Any) -> None:
        super().__init__()
        self.out = out

    def forward(self, x: torch.Tensor) -> Any:
        return self.out[0]


WRONG = {
    "another shape": (own(), {"input_shape": (2, 8, 8)}, "does not accept rows"),
    "nobody's shape": (own(), {"input_shape": ()}, "input_shape must be the shape of one row"),
    "an assertion": (raising(AssertionError()), {}, "AssertionError"),
    "an index": (raising(IndexError("index 5\nis out of range")), {}, "does not accept rows of shape .*index 5"),
    "a missing key": (raising(KeyError("a")), {}, "does not accept rows"),
    "no classes": (nn.Flatten(0), {}, "must return"),
    "no numbers": (Gives(torch.zeros(3, 0)), {}, "must return"),
    "a pair": (Gives((torch.zeros(1, 5), 0)), {}, "got tuple"),
    "images": (nn.Identity(), {}, "must return"),
    "three means": (own(), {"mean": (0.0, 0.0, 0.0)}, "one per channel"),
    "three stds": (own(), {"std": (1.0, 1.0, 1.0)}, "one per channel"),
    "no spread": (own(), {"std": 0.0}, "std must be above 0"),
    "no spread in one": (own(), {"std": (1.0, 0.0)}, "std must be above 0"),
    "a mean that is none": (own(), {"mean": float("nan")}, "finite"),
}


@pytest.mark.parametrize(("module", "more", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_module_that_does_not_fit_is_refused_in_one_line(module: nn.Module, more: dict, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        as_classifier(module, **{"input_shape": (2, 8, 10), **more})
    assert "\n" not in str(caught.value)


def test_features_are_what_feeds_the_last_linear_layer() -> None:
    classifier = adapted()
    module, x = classifier.module.eval(), images(6)
    with torch.no_grad():
        assert torch.allclose(classifier.features(x), module[:5](x), atol=1e-6)
        assert torch.allclose(classifier.features(x, "1"), module[:2](x), atol=1e-6)
    assert classifier.layers() == ("0", "1", "2", "3", "4", "5")
    with pytest.raises(CapabilityError, match="Unknown layer 'x'. Use one of: 0, 1"):  # noqa: RUF043
        classifier.features(x, "x")


def test_features_are_those_of_the_layer_though_the_next_one_works_in_place() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(160, 6), nn.ReLU(inplace=True), nn.Linear(6, 5))
    classifier = as_classifier(module, input_shape=(2, 8, 10))
    with torch.no_grad():
        assert torch.allclose(classifier.features(images(4), "1"), module[:2](images(4)), atol=1e-6)
    assert float(classifier.features(images(4), "1").min()) < 0


@pytest.mark.parametrize(("layer", "units"), [("1", torch.tensor([0, 3])), ("2", torch.tensor([5]))])
def test_silenced_units_give_0_and_the_others_what_they_gave(layer: str, units: torch.Tensor) -> None:
    classifier = adapted()
    before, after = classifier.features(images(9), layer), classifier.silence(layer, units).features(images(9), layer)
    others = torch.ones(12, dtype=torch.bool)
    others[units] = False
    assert (after[:, units] == 0).all()
    assert torch.equal(after[:, others], before[:, others])
    assert torch.equal(classifier.features(images(9), layer), before)


def test_filters_can_be_silenced() -> None:
    silenced = CNN(filters=(3,), pooling_shape=1).build(**IMAGE, rng=Rng(0)).silence("conv_1", torch.tensor([1]))
    maps = silenced.features(images(2), "conv_1").reshape(2, 3, -1)
    assert (maps[:, 1] == 0).all()
    assert (maps[:, [0, 2]] != 0).any()


@pytest.mark.parametrize("layer", ["flatten", "prelu", "absent", "parametrized"])
def test_units_without_weights_of_their_own_cannot_be_silenced(layer: str) -> None:
    module = nn.Sequential()
    module.add_module("flatten", nn.Flatten())
    module.add_module("parametrized", nn.utils.parametrizations.weight_norm(nn.Linear(160, 6)))
    module.add_module("prelu", nn.PReLU(6))
    module.add_module("output", nn.Linear(6, 5))
    with pytest.raises(CapabilityError):
        as_classifier(module, input_shape=(2, 8, 10)).silence(layer, torch.tensor([0]))


def test_a_new_head_gives_other_classes_and_keeps_the_rest() -> None:
    classifier = adapted()
    with global_state_untouched():
        headed = classifier.with_head(3, Rng(0))
    assert (headed.classes, headed.scores(images(2)).shape) == (3, (2, 3))
    assert torch.equal(headed.features(images(2)), classifier.features(images(2)))
    assert same(headed, classifier.with_head(3, Rng(0)))
    assert not same(headed, classifier.with_head(3, Rng(1)))
    assert classifier.scores(images(2)).shape == (2, 5)
    linear = MLP(hidden=()).build(**IMAGE, rng=Rng(0)).with_head(2, Rng(0))
    assert linear.fresh(Rng(1)).scores(images(2)).shape == (2, 2)
    bare = as_classifier(nn.Linear(4, 3), input_shape=(4,)).with_head(2, Rng(0))
    assert bare.scores(torch.zeros(1, 4)).shape == (1, 2)


def test_state_is_a_copy_and_goes_back_in() -> None:
    classifier, other = adapted(), adapted().fresh(Rng(9))
    state = classifier.state()
    assert same(other.with_state(state), classifier)
    assert not same(other, classifier)
    state["1.weight"].zero_()
    assert float(classifier.state()["1.weight"].abs().sum()) > 0
    with pytest.raises(CapabilityError, match="do not fit"):
        classifier.with_state({"x": torch.ones(1)})


def test_learning_continues_and_a_copy_starts_anew() -> None:
    classifier, y = adapted(), torch.arange(40) % 5
    losses = [classifier.learn(images(40), y) for _ in range(30)]
    assert losses[-1] < losses[0]
    copied = classifier.copy()
    assert same(copied, classifier)
    before = copied.state()
    classifier.learn(images(40), y)
    assert all(torch.equal(before[name], value) for name, value in copied.state().items())


def test_a_module_starts_afresh_by_its_layers_own_reset() -> None:
    classifier = adapted()
    classifier.learn(images(8), torch.arange(8) % 5)
    with global_state_untouched():
        fresh = classifier.fresh(Rng(0))
    assert same(fresh, classifier.fresh(Rng(0)))
    assert not same(fresh, classifier.fresh(Rng(1)))
    assert float(fresh.state()["2.running_mean"].abs().sum()) == 0

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)[:, :5] * self.scale

    with pytest.raises(CapabilityError, match="require reset_parameters"):
        as_classifier(Scaled(), input_shape=(2, 8, 10)).fresh(Rng(0))


def test_a_classifier_serves_as_an_architecture_for_rows_like_its_own() -> None:
    classifier = adapted()
    assert same(classifier.build(**IMAGE, rng=Rng(1)), classifier.fresh(Rng(1)))
    for change in ({"classes": 4}, {"input_shape": (1, 8, 10)}, {"bounds": None}, {"bounds": (0.0, 255.0)}):
        with pytest.raises(SettingsError, match="The classifier requires rows of"):
            classifier.build(**{**IMAGE, **change}, rng=Rng(1))
    with pytest.raises(SettingsError, match=r"Pass bounds=\(.*\) for the data, or bounds=None for the model"):
        classifier.build(**{**IMAGE, "bounds": None}, rng=Rng(1))


DATA = toy_images()
SHAPE, CLASSES = DATA.shape, len(DATA.classes)


def batch_normalised() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(96, CLASSES)
    )


def test_modules_keep_every_promise() -> None:
    check_classifier(as_classifier(batch_normalised(), input_shape=SHAPE), DATA)
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, CLASSES), nn.Softmax(1))
    check_classifier(as_classifier(module, input_shape=SHAPE, outputs="probabilities", mean=0.5, std=0.25), DATA)
