"""Modules as users have them: views, lazy layers, hooks, frozen layers, wrappers."""

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from antivenom import Experiment
from antivenom.analysis.filters import Filters
from antivenom.attacks import BadNets
from antivenom.defences import DarkInputs, NearestNeighbours
from antivenom.errors import CapabilityError, SettingsError
from antivenom.models import ModuleClassifier, as_classifier
from antivenom.repairs import FineTuning
from antivenom.rng import Rng
from antivenom.runner import Store
from antivenom.runner.events import Finished
from antivenom.testing import toy_images
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.transfer import Transfer

SHAPE = (1, 8, 8)


def rows(n: int = 5) -> Tensor:
    return torch.rand(n, *SHAPE, generator=Rng(0).generator())


class Viewing(nn.Module):
    """Flattens with `view`, in one of several ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.conv, self.conv_2, self.out = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 1), nn.Linear(128, 4)
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_2(torch.max_pool2d(torch.relu(self.conv(x)), 2))
        if self.how == "view":
            x = x.view(x.size(0), -1)
        elif self.how == "view in training" and self.training:
            x = x.view(len(x), -1)
        elif self.how == "per channel":
            x = x.view(len(x), 8, 16).softmax(2).flatten(1)
        elif self.how == "strides":
            x = torch.as_strided(x.clone(memory_format=torch.preserve_format), (len(x), 128), (128, 1))
        return self.out(x.flatten(1))  # type: ignore[no-any-return]


@pytest.mark.parametrize("how", ["view", "view in training", "per channel", "strides", "flatten"])
def test_modules_that_read_memory_in_order_give_torch_s_answers(how: str) -> None:
    net, x = Viewing(how).eval(), rows()
    with torch.no_grad():
        expected = net(x).softmax(1)
    classifier = as_classifier(net, input_shape=SHAPE)
    assert torch.allclose(classifier.scores(x), expected, atol=1e-5)
    turned = x.to(memory_format=torch.channels_last)
    assert torch.allclose(classifier.scores(turned), expected, atol=1e-5)
    fresh = classifier.fresh(Rng(0)).copy()
    fresh.learn(x, torch.arange(5) % 4)
    assert classifier.channels_last_filters == (how in ("flatten", "per channel"))
    data = toy_images(64)
    small = as_classifier(Viewing_6(how), input_shape=(1, 6, 6))
    EndToEnd(epochs=1, batch_size=32).fit(small, data, rng=Rng(0)).scores(data.inputs())


def Viewing_6(how: str) -> nn.Module:
    net = Viewing(how)
    net.out = nn.Linear(72, 4)
    return net if how not in ("per channel", "strides") else Viewing_6("view")


def test_rows_in_any_layout_reach_a_module_in_order() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.out = nn.Linear(27, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(x.view(len(x), -1))  # type: ignore[no-any-return]

    classifier = as_classifier(Flat(), input_shape=(3, 3, 3))
    x = torch.rand(4, 3, 3, 3).permute(0, 3, 1, 2)
    assert torch.equal(classifier.scores(x), classifier.scores(x.contiguous()))


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyConv2d(6, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4))


def test_lazy_layers_get_their_sizes() -> None:
    module = lazy()
    classifier = as_classifier(module, input_shape=SHAPE)
    assert classifier.classes == 4
    assert any("lazy" in each for each in classifier.assumptions)
    assert isinstance(module[-1], nn.LazyLinear), "the original is never changed"
    state = classifier.fresh(Rng(0)).state()
    assert all(torch.equal(state[name], value) for name, value in classifier.fresh(Rng(0)).state().items())
    again = as_classifier(module, input_shape=SHAPE).state()
    assert all(torch.equal(value, again[name]) for name, value in classifier.state().items())
    made = ModuleClassifier(lazy(), input_shape=SHAPE, factory=lambda _: lazy()).fresh(Rng(0))
    assert made.scores(rows()).shape == (5, 4)


class Locked(nn.Linear):
    def __init__(self) -> None:
        super().__init__(64, 4)
        self.lock = threading.Lock()


class Counting(nn.Linear):
    def __init__(self) -> None:
        super().__init__(64, 4)
        self.numbers = (n for n in range(3))


@pytest.mark.parametrize("layer", [Locked, Counting])
def test_a_module_that_cannot_be_copied_is_refused(layer: type[nn.Module]) -> None:
    with pytest.raises(SettingsError, match=r"cannot be copied.*factory"):
        as_classifier(nn.Sequential(nn.Flatten(), layer()), input_shape=SHAPE)


def test_a_tensor_of_the_last_pass_does_not_hinder_a_copy() -> None:
    class Remembers(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            self.last = super().forward(x)
            return self.last

    module = nn.Sequential(nn.Flatten(), Remembers(64, 4))
    module(rows())
    classifier = as_classifier(module, input_shape=SHAPE)
    classifier.learn(rows(), torch.arange(5) % 4)
    assert torch.equal(classifier.copy().scores(rows()), classifier.scores(rows()))


PARAMETRIZED = {
    "weight_norm": parametrizations.weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "old spectral_norm": nn.utils.spectral_norm,
}


@pytest.mark.parametrize("wrap", PARAMETRIZED.values(), ids=PARAMETRIZED.keys())
def test_parametrized_layers_start_afresh_or_are_refused(wrap: Any) -> None:
    module = nn.Sequential(nn.Flatten(), wrap(nn.Linear(64, 8)), nn.ReLU(), nn.Linear(8, 4))
    module.train()(rows())
    classifier = as_classifier(module, input_shape=SHAPE)
    with torch.no_grad():
        assert torch.allclose(classifier.scores(rows()), module.eval()(rows()).softmax(1), atol=1e-6)
    if wrap not in (parametrizations.weight_norm, parametrizations.spectral_norm):
        with pytest.raises(CapabilityError, match="factory"):
            classifier.fresh(Rng(0))
        return
    first, again, other = (classifier.fresh(Rng(seed)) for seed in (0, 0, 1))
    classifier.learn(rows(), torch.arange(5) % 4)
    later = classifier.fresh(Rng(0))
    for same in (again, later):
        assert all(torch.equal(value, same.state()[name]) for name, value in first.state().items())
    for name, value in first.state().items():
        assert value.numel() < 8 or not torch.equal(value, other.state()[name])
        assert not torch.isnan(value).any()
    assert all(
        not torch.equal(value, classifier.state()[name]) for name, value in first.state().items() if value.ndim > 1
    )


def test_hooks_run_as_part_of_the_module_and_are_named() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    module[1].register_forward_hook(lambda layer, inputs, out: 2 * out)
    with torch.no_grad():
        expected = module(rows()).softmax(1)
    classifier = as_classifier(module, input_shape=SHAPE)
    assert torch.allclose(classifier.scores(rows()), expected)
    assert any("hook" in each for each in classifier.assumptions)


def frozen(*, norm: bool = False) -> nn.Sequential:
    with Rng(2).torch_globally():
        body = [nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6)] if norm else [nn.Conv2d(1, 6, 3)]
        net = nn.Sequential(*body, nn.ReLU(), nn.Flatten(), nn.Linear(96, 4))
        net(torch.rand(8, 1, 6, 6))
    for layer in net[: len(body)]:
        layer.requires_grad_(False)
    return net


DATA = toy_images()


@pytest.mark.parametrize("norm", [False, True])
def test_frozen_weights_are_kept_and_the_others_start_afresh(norm: bool) -> None:
    module = frozen(norm=norm)
    classifier = as_classifier(module, input_shape=(1, 6, 6))
    assert any(("frozen" in each and "2 " in each) or "4 " in each for each in classifier.assumptions)
    fresh = classifier.fresh(Rng(0))
    trained = EndToEnd(epochs=2, batch_size=64).fit(classifier, DATA, rng=Rng(0))
    for made in (fresh, trained, Transfer(epochs=1).fit(classifier, DATA, rng=Rng(0), start=classifier)):
        state = made.state()
        for name, value in classifier.state().items():
            assert torch.equal(value, state[name]) == (not name.startswith(("3", "4")) or ("bias" in name and False)), (
                name
            )
        assert [weight.requires_grad for weight in made.module.parameters()] == [
            weight.requires_grad for weight in module.parameters()
        ]
    assert set(classifier.weights()) == {name for name, weight in module.named_parameters() if weight.requires_grad}


def test_frozen_weights_are_another_model_for_the_store() -> None:
    module = frozen()
    one = as_classifier(module, input_shape=(1, 6, 6)).identity()
    other = as_classifier(module.requires_grad_(True), input_shape=(1, 6, 6)).identity()
    assert one != other


def test_a_module_without_trainable_weights_is_not_trained() -> None:
    classifier = as_classifier(frozen().requires_grad_(False), input_shape=(1, 6, 6))
    with pytest.raises(CapabilityError, match=r"frozen.*requires_grad"):
        EndToEnd(epochs=1).fit(classifier, DATA, rng=Rng(0))
    with pytest.raises(CapabilityError, match=r"frozen.*requires_grad"):
        classifier.learn(DATA.inputs()[:8], DATA.y[:8])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.compile itself
def test_wrappers_are_taken_off() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)).eval()
    with torch.no_grad():
        expected = module(rows()).softmax(1)
    for wrapped in (nn.DataParallel(module), torch.compile(module), torch.compile(nn.DataParallel(module))):
        classifier = as_classifier(wrapped, input_shape=SHAPE, device="cpu")
        assert classifier.state().keys() == module.state_dict().keys()
        assert any(word in classifier.assumptions[-1] for word in ("DataParallel", "OptimizedModule"))
        assert torch.allclose(classifier.scores(rows()), expected)


def test_a_layer_that_is_used_twice_has_the_features_of_its_last_use() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.out, self.relu = nn.Linear(64, 9), nn.Linear(9, 6), nn.Linear(6, 4), nn.ReLU()
            self.unused = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.relu(self.second(self.relu(self.first(x.flatten(1))))))  # type: ignore[no-any-return]

    classifier = as_classifier(Twice(), input_shape=SHAPE)
    assert classifier.features(rows(), "relu").shape == (5, 6)
    assert classifier.features(rows()).shape == (5, 6), "the last linear layer is the last that runs"
    assert classifier.with_head(3, Rng(0)).scores(rows()).shape == (5, 3)
    with pytest.raises(CapabilityError, match=r"Layer 'unused' does not run"):
        classifier.features(rows(), "unused")
    with pytest.raises(CapabilityError, match=r"Layer 'unused' does not run"):
        classifier.activations(rows(), ["unused"])


def test_a_layer_that_returns_several_tensors_has_features() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.out = nn.LSTM(8, 5, batch_first=True), nn.Linear(5, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.lstm(x.squeeze(1))[0][:, -1])  # type: ignore[no-any-return]

    classifier = as_classifier(Recurrent(), input_shape=SHAPE)
    assert classifier.features(rows(), "lstm").shape == (5, 40)


def test_parts_that_compute_weights_are_no_layers() -> None:
    module = nn.Sequential(nn.Flatten(), parametrizations.weight_norm(nn.Linear(64, 8)), nn.ReLU(), nn.Linear(8, 4))
    classifier = as_classifier(module, input_shape=SHAPE)
    assert classifier.layers() == ("0", "1", "2", "3")
    assert classifier.features(rows(), "1").shape == (5, 8)


def spectral(**settings: Any) -> nn.Module:
    first = parametrizations.spectral_norm(nn.Conv2d(1, 4, 3), **settings)
    return nn.Sequential(first, nn.Flatten(), parametrizations.spectral_norm(nn.Linear(144, 4, bias=False)))


@pytest.mark.parametrize("settings", [{}, {"n_power_iterations": 3}, {"dim": 1}, {"eps": 1e-6}])
def test_new_weights_of_spectral_norm_are_those_of_a_new_layer(settings: dict[str, Any]) -> None:
    module = spectral(**settings)
    module.train()(rows())
    classifier = as_classifier(module, input_shape=SHAPE)
    assert isinstance(classifier, ModuleClassifier)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    new = classifier.fresh(Rng(3))
    for layer, dim in ((new.module[0], settings.get("dim", 0)), (new.module[2], 0)):  # type: ignore[index]
        norm = torch.linalg.matrix_norm(layer.weight.movedim(dim, 0).flatten(1), 2)
        assert 0.5 < float(norm.detach()) < 1.5
    assert not any(torch.equal(value, before[name]) for name, value in new.state().items() if value.numel() > 1)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any(bool(value.isnan().any()) for value in new.state().values())
    new.learn(rows(), torch.arange(5) % 4)


@pytest.mark.parametrize("training", [False, True])
def test_frozen_weights_with_spectral_norm_keep_their_state(training: bool) -> None:
    module = spectral().train(training)
    module[0].parametrizations.weight.original.requires_grad_(False)  # type: ignore[index,union-attr]
    classifier = as_classifier(module, input_shape=SHAPE)
    new, old = classifier.fresh(Rng(3)).state(), classifier.state()
    kept = [name for name in old if name.startswith("0.parametrizations")]
    assert len(kept) == 3 and all(torch.equal(new[name], old[name]) for name in kept)
    assert not torch.equal(new["0.bias"], old["0.bias"])


def test_spectral_norm_with_another_parametrization_and_the_old_one_name_the_way_out() -> None:
    both = parametrizations.spectral_norm(parametrizations.weight_norm(nn.Linear(64, 4)))
    classifier = as_classifier(nn.Sequential(nn.Flatten(), both), input_shape=SHAPE)
    with pytest.raises(CapabilityError, match="setting factory"):
        classifier.fresh(Rng(0))
    old = as_classifier(nn.Sequential(nn.Flatten(), nn.utils.spectral_norm(nn.Linear(64, 4))), input_shape=SHAPE)
    with pytest.raises(CapabilityError, match=r"torch\.nn\.utils\.parametrizations.*setting factory"):
        old.fresh(Rng(0))


class OfSize64(nn.Module):
    def __init__(self, rows: int | None = -1) -> None:
        super().__init__()
        self.rows, self.out = rows, nn.Linear(64, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1) if self.rows is None else x.view(self.rows or len(x), 64)
        return self.out(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("rows", "shape", "said"),
    [
        (-1, (1, 7, 7), r"a view or reshape to \(-1, 64\) gets 49 numbers of each row"),
        (0, (3, 8, 8), r"a view or reshape to \(n, 64\) gets 192 numbers of each row"),
        (None, (1, 7, 7), r"a linear layer takes 64 numbers of each row and gets 49"),
    ],
)
def test_a_wrong_size_is_first_said_in_words_about_one_row(rows: int | None, shape: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=rf"shape .*: {said}\. input_shape is probably wrong"):
        as_classifier(OfSize64(rows), input_shape=shape)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16, torch.float64])
def test_a_module_of_any_precision_has_features_and_an_identity(precision: torch.dtype) -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 3)).to(precision)
    classifier = as_classifier(module, input_shape=SHAPE)
    wide = torch.float64 if precision == torch.float64 else torch.float32
    assert classifier.scores(rows()).dtype == torch.float32
    assert classifier.features(rows()).dtype == wide
    assert classifier.activations(rows(), ["0"])["0"].dtype == wide
    assert classifier.state()["2.weight"].dtype == precision
    assert classifier.identity() != as_classifier(module.float(), input_shape=SHAPE).identity()
    advised = any("pass module.float() to train" in each for each in classifier.assumptions)
    assert advised == (precision == torch.float16)


@pytest.mark.slow
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16, torch.float64])
def test_an_experiment_with_a_module_of_any_precision_runs_and_is_kept(precision: torch.dtype, tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 10)).to(precision)
    experiment = Experiment(
        model=as_classifier(module, input_shape=SHAPE),
        attack=BadNets(target=7),
        training=EndToEnd(epochs=1),
        defences=(DarkInputs(), NearestNeighbours()),
        repairs=(FineTuning(epochs=1),),
        analysis=(Filters(),),
    )
    store, events = Store(tmp_path / "store"), list[Any]()
    first = experiment.run(out=tmp_path / "a", store=store, progress=False)
    again = experiment.run(out=tmp_path / "b", store=store, progress=False, on_event=events.append)
    assert first.metrics == again.metrics
    stored = {each.stage for each in events if isinstance(each, Finished) and each.stored}
    assert {"fit victim", "fit control"} <= stored


class WithToken(nn.Module):
    """A class token, as transformers have."""

    def __init__(self) -> None:
        super().__init__()
        self.token, self.head = nn.Parameter(torch.zeros(64)), nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(x.flatten(1) + self.token)
        return out


def test_the_parameter_of_the_module_itself_is_named_and_the_one_step_works() -> None:
    classifier = as_classifier(WithToken(), input_shape=SHAPE)
    with pytest.raises(CapabilityError, match=r"the module's own parameter 'token'.*classifier\.with_state\(classifi"):
        classifier.fresh(Rng(0))
    kept = classifier.with_state(classifier.state()).fresh(Rng(0))
    assert torch.equal(kept.state()["head.weight"], classifier.state()["head.weight"])
