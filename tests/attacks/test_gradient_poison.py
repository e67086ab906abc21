"""The gradient through a victim's step, held to slow oracles; and what is made with it."""

import json
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from antivenom.attacks import GenerativePoison, GradientPoison, LossPoison, PoisonFile
from antivenom.attacks.crafting import Crafted
from antivenom.attacks.generative_poison import sign_feedback
from antivenom.attacks.generator import Generator
from antivenom.attacks.layered import Layered
from antivenom.attacks.one_step import Functional, OneByOne, finite_differences, objective_for
from antivenom.attacks.unrolled import Unrolled
from antivenom.attacks.victim_step import VictimStep, frozen_copy
from antivenom.data import Dataset
from antivenom.data.formats import rounds
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import CNN, MLP, ModuleClassifier, as_classifier
from antivenom.rng import Rng
from antivenom.testing import toy_images, toy_table
from antivenom.training import EndToEnd

STEP = VictimStep(learning_rate=0.5, bias_rate_factor=2.0, stealth=0.3)


def normalised() -> nn.Module:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(144, 4)
    )
    with torch.no_grad(), Rng(5).torch_globally():
        net[1].running_mean.normal_()
        net[1].running_var.uniform_(0.5, 2)
        net[1].weight.normal_()
    return net


def strided() -> nn.Module:
    layers = [nn.Conv2d(1, 3, 3, stride=2, dilation=2, padding=2, bias=False), nn.Tanh(), nn.AvgPool2d(2)]
    return nn.Sequential(OrderedDict(trunk=nn.Sequential(*layers), flat=nn.Flatten(), head=nn.Linear(3, 4)))


VICTIMS: dict[str, Any] = {
    "an MLP": MLP(hidden=(12, 8)),
    "a linear classifier": MLP(hidden=()),
    "a CNN with ReLU": CNN(filters=(4,), hidden=(10,)),
    "a CNN with tanh": CNN(filters=(4, 5), hidden=(10,), activation="tanh", filter_shape=2),
    "batch normalisation and dropout": normalised,
    "strides, dilation, no bias": strided,
}
LAYERED = set(VICTIMS) - {"batch normalisation and dropout"}


def victim(name: str = "an MLP", **settings: Any) -> ModuleClassifier:
    """A victim with random weights, in float64."""
    made = VICTIMS[name]
    if isinstance(made, MLP | CNN):
        classifier = made.build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    else:
        with Rng(0).torch_globally():
            classifier = as_classifier(made(), input_shape=(1, 6, 6), **settings)
    classifier.module.double()
    return classifier


def some(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    stream = Rng(seed).child("some").generator()
    return torch.rand(count, 1, 6, 6, generator=stream, dtype=torch.float64), torch.arange(count) % 4


def central(objective: Any, x: Tensor, y: Tensor, h: float = 1e-6) -> Tensor:
    """Central differences in float64, a pixel at a time: slow, and beyond doubt."""
    slopes = torch.empty(len(x), x[0].numel(), dtype=torch.float64)
    for pixel in range(x[0].numel()):
        probe = torch.zeros(x[0].numel(), dtype=torch.float64)
        probe[pixel] = h
        probe = probe.view(1, *x.shape[1:])
        slopes[:, pixel] = (objective.values(x + probe, y) - objective.values(x - probe, y)) / (2 * h)
    return slopes.view_as(x)


def by_hand(classifier: ModuleClassifier, x: Tensor, y: Tensor, normal: Tensor, labels: Tensor) -> float:
    """The objective as the paper has it: a copy of the victim, one real step, the loss after it."""
    copied = classifier.copy()
    copied.module.eval()
    own = nn.functional.cross_entropy(copied.logits(x[None]), y[None])
    own.backward()
    with torch.no_grad():
        for name, weight in copied.module.named_parameters():
            weight.sub_(0.5 * (2.0 if name.endswith("bias") else 1.0) * weight.grad)
        harm = nn.functional.cross_entropy(copied.logits(normal), labels, reduction="sum")
    return float((harm - 0.3 * own).detach())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "name"),
    [
        *((way, name) for way in (Functional, OneByOne) for name in VICTIMS),
        *((Layered, name) for name in sorted(LAYERED)),
    ],
)
def test_the_exact_gradient_is_what_differences_say(way: Any, name: str) -> None:
    classifier, normal, (x, y) = victim(name), some(5, seed=1), some(3)
    objective = way(frozen_copy(classifier, "test"), STEP, *normal)
    values, slopes = objective.gradients(x, y)
    hand = [by_hand(classifier, x[row], y[row], *normal) for row in range(3)]
    assert torch.allclose(values, torch.tensor(hand, dtype=torch.float64), rtol=1e-9)
    assert torch.allclose(objective.values(x, y), values, rtol=1e-12)
    assert float(slopes.abs().max()) > 1e-3
    assert torch.allclose(slopes, central(objective, x, y), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", VICTIMS)
def test_known_layers_take_the_quick_way(name: str) -> None:
    found = objective_for(victim(name), STEP, *some(2), attack="test")
    assert isinstance(found, Layered if name in LAYERED else Functional)


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(64, 4)),
        nn.Sequential(nn.Linear(6, 3), nn.Flatten(), nn.Linear(18, 4)),
        nn.Sequential(nn.Conv2d(1, 4, 3, padding="same"), nn.Flatten(), nn.Linear(144, 4)),
    ],
)
def test_what_the_quick_way_does_not_know_goes_the_general_way(module: nn.Module) -> None:
    classifier = as_classifier(module, input_shape=(1, 6, 6))
    classifier.module.double()
    found = objective_for(classifier, STEP, *some(2), attack="test")
    assert isinstance(found, Functional)
    x, y = some(2, seed=3)
    assert torch.allclose(found.gradients(x, y)[1], central(found, x, y), rtol=1e-3, atol=1e-6)


class Looking(nn.Module):
    """A module that looks at a value, which no batch over its weights can do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(36, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.linear(x.flatten(1))
        return x * 2 if float(x.detach().abs().max()) > 0 else x


def test_what_cannot_be_batched_goes_one_by_one() -> None:
    classifier = as_classifier(Looking(), input_shape=(1, 6, 6))
    classifier.module.double()
    found = objective_for(classifier, STEP, *some(3, seed=1), attack="test")
    assert isinstance(found, OneByOne)
    x, y = some(2)
    assert torch.allclose(found.gradients(x, y)[1], central(found, x, y), rtol=1e-4, atol=1e-7)
    linear = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 4)), input_shape=(1, 6, 6))
    linear.module.double()
    both = [
        way(frozen_copy(linear, "test"), STEP, *some(3, seed=1)).normal_gradients(x, y)
        for way in (Functional, OneByOne)
    ]
    assert all(torch.allclose(a, b) for a, b in zip(*both, strict=True))


def test_normalisation_and_probabilities_are_differentiated_through() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 4), nn.Softmax(1))
    classifier = as_classifier(module, input_shape=(1, 6, 6), mean=0.3, std=(0.5,), outputs="probabilities")
    classifier.module.double()
    objective = objective_for(classifier, STEP, *some(3, seed=1), attack="test")
    x, y = some(2)
    assert torch.allclose(objective.gradients(x, y)[1], central(objective, x, y), rtol=1e-4, atol=1e-7)


def test_many_at_once_are_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = some(7)
    whole = Layered(frozen_copy(victim("a CNN with ReLU"), "test"), STEP, *some(4, seed=1)).gradients(x, y)
    monkeypatch.setattr("antivenom.attacks.victim_step.POISONS_PER_BATCH", 3)
    parts = Layered(frozen_copy(victim("a CNN with ReLU"), "test"), STEP, *some(4, seed=1)).gradients(x, y)
    assert all(torch.allclose(a, b, rtol=1e-10) for a, b in zip(whole, parts, strict=True))
    monkeypatch.setattr("antivenom.attacks.victim_step.BYTES_PER_BATCH", {"cpu": 1, "cuda": 1})
    assert Layered(frozen_copy(victim(), "test"), STEP, *some(4, seed=1))._many == 1


def test_the_paper_s_probe_agrees_with_the_exact_sign() -> None:
    objective = objective_for(victim("a CNN with tanh"), STEP, *some(5, seed=1), attack="test")
    x, y = some(3)
    exact = objective.gradients(x, y)[1]
    probed = finite_differences(objective.values, x, y, probe=1e-6)
    live = exact.abs() > 1e-8  # pooling drops some pixels
    assert float((exact[live].sign() == probed[live].sign()).double().mean()) > 0.99
    assert float(probed[~live].abs().max()) < 1e-6


def test_a_window_is_differentiated_along_the_whole_path() -> None:
    classifier = frozen_copy(victim("a CNN with tanh"), "test")
    (x, y), (clean_x, clean_y), normal = some(3), some(6, seed=2), some(4, seed=1)
    clean = (clean_x.view(3, 2, 1, 6, 6), clean_y.view(3, 2))

    def value(poison: Tensor) -> tuple[Tensor, Tensor]:
        return Unrolled(classifier, STEP, poison, y, *clean).gradients(classifier.weights(), *normal)

    slopes = value(x)[1]
    for poison, pixel in ((0, (0, 2, 2)), (1, (0, 5, 1)), (2, (0, 3, 3))):
        probe = torch.zeros_like(x)
        probe[(poison, *pixel)] = 1e-6
        assert float((value(x + probe)[0] - value(x - probe)[0]) / 2e-6) == pytest.approx(
            float(slopes[(poison, *pixel)]), rel=1e-4, abs=1e-8
        )


def test_one_poison_and_nothing_between_is_one_step() -> None:
    classifier = frozen_copy(victim(), "test")
    (x, y), normal = some(1), some(4, seed=1)
    none = (torch.empty(1, 0, 1, 6, 6, dtype=torch.float64), torch.empty(1, 0, dtype=torch.int64))
    walk = Unrolled(classifier, STEP, x, y, *none).gradients(classifier.weights(), *normal)
    alone = Layered(classifier, STEP, *normal).gradients(x, y)
    assert torch.allclose(walk[1], alone[1], rtol=1e-9)
    assert float(walk[0]) == pytest.approx(float(alone[0]))


# Attacks ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data() -> Dataset:
    return toy_images(240)


@pytest.fixture(scope="module")
def trained(data: Dataset) -> ModuleClassifier:
    blank = MLP(hidden=(16,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    return EndToEnd(epochs=8, learning_rate=1e-2, batch_size=32).fit(blank, data, rng=Rng(1))  # type: ignore[return-value]


def harm(attack: Any, data: Dataset, classifier: ModuleClassifier) -> float:
    """The mean loss of all rows after one step on each poison."""
    made = attack.poison(data, rng=Rng(0), surrogate=classifier)
    objective = objective_for(classifier, VictimStep(0.5, 1.0), data.inputs(), data.y, attack="test")
    return float(objective.values(made.data.decode(made.x), made.y).mean()) / len(data)


@pytest.mark.slow
def test_crafting_harms_more_than_the_flip_alone(data: Dataset, trained: ModuleClassifier) -> None:
    rates = {"count": 16, "victim_learning_rate": 0.5, "bias_rate_factor": 1.0}
    flip = harm(GradientPoison(rounds=0, **rates), data, trained)
    exact = harm(GradientPoison(normals=60, **rates), data, trained)
    probed = harm(GradientPoison(normals=60, gradient="finite_difference", **rates), data, trained)
    generated = harm(GenerativePoison(normals=60, hidden=(32,), pretraining=200, **rates), data, trained)
    assert exact > 1.3 * flip
    assert probed > 1.3 * flip
    assert generated > flip
    assert exact >= 0.95 * probed


def test_the_worst_label_harms_at_least_as_much(data: Dataset, trained: ModuleClassifier) -> None:
    rates = {"count": 16, "victim_learning_rate": 0.5, "bias_rate_factor": 1.0, "rounds": 0, "normals": 240}
    assert harm(GradientPoison(label="worst", **rates), data, trained) > harm(GradientPoison(**rates), data, trained)


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.05), ("l2", 0.5)])
@pytest.mark.parametrize("table", [False, True])
def test_the_budget_holds_after_rounding(norm: Any, epsilon: float, table: bool) -> None:
    data = toy_table() if table else toy_images()
    blank = MLP(hidden=(8,)).build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    attack = GradientPoison(count=20, norm=norm, epsilon=epsilon, keep_rounds=True)
    made = attack.poison(data, rng=Rng(0), surrogate=blank)
    assert made.rounds is not None
    assert torch.equal(made.rounds[:, -1], made.x)
    base = data.inputs(made.origin).flatten(1)
    for number in range(made.rounds.shape[1]):
        change = data.decode(made.rounds[:, number]).flatten(1) - base
        size = change.abs().amax(1) if norm == "linf" else change.norm(dim=1)
        assert float(size.max()) <= epsilon + 1e-6
    assert float(size.max()) > 0.8 * epsilon


def test_small_moves_add_up_though_each_is_less_than_a_grey_level() -> None:
    crafted = Crafted(toy_images(), torch.arange(3))
    start = crafted.stored()
    for _ in range(10):
        crafted.move(torch.full_like(crafted.base, 0.1 / 255))
    assert torch.equal(crafted.stored(), start + 1)


def test_horizon_and_recraft_follow_the_victim(data: Dataset, trained: ModuleClassifier) -> None:
    made = {}
    for name, settings in {
        "static": {},
        "recraft": {"recraft": True, "between": 2},
        "horizon": {"horizon": 4, "between": 2},
        "both": {"horizon": 3, "recraft": True},
    }.items():
        attack = GradientPoison(count=6, rounds=2, keep_rounds=True, **settings)
        made[name] = attack.poison(data, rng=Rng(0), surrogate=trained)
        assert made[name].rounds.shape == (6, 2, 1, 6, 6)
        assert torch.equal(made[name].rounds[:, -1], made[name].x)
    assert not torch.equal(made["static"].x[1:], made["recraft"].x[1:])
    assert not torch.equal(made["recraft"].x, made["horizon"].x)


@pytest.mark.parametrize(
    "settings",
    [
        {"label": "fixed"},
        {"target": 1},
        {"norm": "linf"},
        {"epsilon": 0.1},
        {"between": 2},
        {"horizon": 2, "gradient": "finite_difference"},
        {"recraft": True, "label": "worst"},
        {"probe": 0.01},
        {"stealth_limit": 2.0},
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        GradientPoison(**settings)


@pytest.mark.parametrize("attack", [GradientPoison(), GenerativePoison()])
def test_what_has_no_gradients_is_refused_by_name(attack: Any, data: Dataset) -> None:
    from sklearn.linear_model import SGDClassifier

    linear = as_classifier(SGDClassifier(), input_shape=(1, 6, 6), classes=4)
    with pytest.raises(CapabilityError, match="requires gradients, which SGDClassifier does not provide"):
        attack.poison(data, rng=Rng(0), surrogate=linear)
    with pytest.raises(CapabilityError, match="Pass surrogate="):
        attack.poison(data, rng=Rng(0))


# The generator --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("architecture", "hidden"), [("dense", (32,)), ("convolutional", (8,))])
def test_a_saved_generator_makes_the_same_poison(
    architecture: Any, hidden: tuple[int, ...], data: Dataset, trained: ModuleClassifier, tmp_path: Any
) -> None:
    attack = GenerativePoison(count=10, architecture=architecture, hidden=hidden, pretraining=50, rounds=2)
    generator, made = attack.train_generator(data, rng=Rng(0), surrogate=trained)
    generator.save(tmp_path / "generator.safetensors")
    again = Generator.load(tmp_path / "generator.safetensors")
    x = data.inputs(made.origin)
    assert torch.equal(again.poison(x), generator.poison(x))
    reloaded = GenerativePoison(count=10, generator=str(tmp_path / "generator.safetensors"))
    same = reloaded.poison(data, rng=Rng(0), surrogate=trained)
    assert torch.equal(same.x, data.encode(generator.poison(data.inputs(same.origin)).clone()))


def test_pretraining_gives_rows_back(data: Dataset, trained: ModuleClassifier) -> None:
    errors = []
    for steps in (0, 400):
        attack = GenerativePoison(count=0, hidden=(64,), pretraining=steps)
        generator, _ = attack.train_generator(data, rng=Rng(0), surrogate=trained)
        errors.append(float((generator.poison(data.inputs()) - data.inputs()).square().mean()))
    assert errors[1] < 0.3 * errors[0]


@pytest.mark.slow
def test_the_papers_feedback_is_its_sign(data: Dataset, trained: ModuleClassifier) -> None:
    slow = Functional(frozen_copy(trained, "test"), VictimStep(0.05, 2.0), data.inputs()[:5], data.y[:5])
    x, y = data.inputs()[5:8], (data.y[5:8] + 1) % 4
    first, values = sign_feedback(slow, x, y, None)
    assert set(first.unique().tolist()) <= {-1.0, 0.0, 1.0}
    fallen, _ = sign_feedback(slow, x, y, values + 1)
    assert torch.equal(first, -fallen)
    h, pixel = 1e-3, (0, 2, 2)
    moved = slow.x.clone()
    moved[(slice(None), *pixel)] += h
    other = Functional(frozen_copy(trained, "test"), VictimStep(0.05, 2.0), moved, data.y[:5])
    rose = other.values(x, y) - slow.values(x, y)
    assert torch.equal(rose.sign(), slow.normal_gradients(x, y)[1][(slice(None), *pixel)].sign())


# Hardest rows, and files ----------------------------------------------------------------------------------------------


def test_the_hardest_rows_are_taken(data: Dataset, trained: ModuleClassifier) -> None:
    made = LossPoison(count=12).poison(data, rng=Rng(0), surrogate=trained)
    losses = nn.functional.cross_entropy(trained.logits(data.inputs()), data.y, reduction="none")
    assert set(made.origin.tolist()) == set(losses.argsort(descending=True)[:12].tolist())
    replaced = LossPoison(count=12, mode="replace").poison(data, rng=Rng(0), surrogate=trained)
    assert not set(replaced.rows.tolist()) & set(made.origin.tolist())


def test_any_round_of_a_file_comes_back_as_it_was(data: Dataset, trained: ModuleClassifier, tmp_path: Any) -> None:
    made = GradientPoison(count=20, keep_rounds=True).poison(data, rng=Rng(0), surrogate=trained)
    assert made.rounds is not None
    file = tmp_path / "gradient_attack_toys.npz"
    np.savez(file, **rounds.arrays(made.rounds, made.y, data))
    for number in (0, 2, -1):
        x, y = rounds.read(file, data, number)
        assert torch.equal(x, made.rounds[:, number])
        assert torch.equal(y, made.y)
    again = PoisonFile(path=str(file), count=20, mode="append").poison(data, rng=Rng(0))
    assert torch.equal(again.x, made.x)
    fewer = PoisonFile(path=str(file), count=5).poison(data, rng=Rng(0))
    assert len(fewer.rows) == 5


X, Y = np.zeros((6, 2, 1, 6, 6), np.float32), np.zeros((6, 2), np.int64)
WRONG: dict[str, tuple[Any, Any, str]] = {
    "label 10": (X, np.full((6, 2), 10), "labels must be from 0 to 3; row 0 has 10"),
    "half a label": (X, np.full((6, 2), 0.5), "row 0 has 0.5"),
    "values out of range": (X + 1.5, Y, r"must be within \(0.0, 1.0\); got 1.5"),
    "no numbers": (X * np.nan, Y, "must contain finite numbers"),
    "text": (X, np.full((6, 2), "a"), "Y must contain real numbers"),
    "objects": (X, np.full((6, 2), None), "Python objects"),
    "another shape": (np.zeros((6, 2, 1, 5, 5), np.float32), Y, "as the data has"),
    "labels by row alone": (X, Y[:, 0], "Y \\(n, rounds\\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_of_poison_is_refused(name: str, data: Dataset, tmp_path: Any) -> None:
    x, y, words = WRONG[name]
    np.savez(tmp_path / "poison.npz", X=x, Y=y, allow_pickle=True)
    with pytest.raises(DataError, match=words):
        rounds.read(tmp_path / "poison.npz", data, -1)
    problems = list(PoisonFile(path=str(tmp_path / "poison.npz"), count=1).problems(data))
    assert len(problems) == 1


def test_rounds_and_rows_that_a_file_has_not_are_refused(data: Dataset, tmp_path: Any) -> None:
    np.savez(tmp_path / "poison.npz", X=X, Y=Y)
    with pytest.raises(DataError, match="does not have round 2; its rounds are 0 to 1"):
        rounds.read(tmp_path / "poison.npz", data, 2)
    with pytest.raises(SettingsError, match="needs 7 rows"):
        PoisonFile(path=str(tmp_path / "poison.npz"), count=7).poison(data, rng=Rng(0))


@pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{}      ", b"nonsense" * 9])
def test_what_is_no_generator_is_refused(content: bytes, tmp_path: Any) -> None:
    (tmp_path / "generator.safetensors").write_bytes(content)
    with pytest.raises(DataError, match="does not contain a generator"):
        Generator.load(tmp_path / "generator.safetensors")


def test_a_generator_that_claims_too_much_is_refused_at_once(tmp_path: Any) -> None:
    file = tmp_path / "generator.safetensors"
    for hidden in ([10**12], [1] * 10_000, "many"):
        about = {"shape": [1, 6, 6], "bounds": [0, 1], "architecture": "dense", "hidden": hidden}
        save_file({"weight": torch.zeros(1)}, file, {"antivenom-generator": json.dumps(about)})
        with pytest.raises(DataError, match="does not contain a generator"):
            Generator.load(file)
