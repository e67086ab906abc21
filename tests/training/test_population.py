"""Members of a population against the same members trained one by one, the plain oracle."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from antivenom.data import Dataset
from antivenom.errors import DataError, SettingsError
from antivenom.models import Classifier, as_classifier, predictions
from antivenom.models.cnn import CNN
from antivenom.models.mlp import MLP
from antivenom.rng import Rng, orders
from antivenom.testing import toy_images
from antivenom.training import together
from antivenom.training.contracts import Epoch
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.online import Online
from antivenom.training.population import Way, fit_population

DATA = toy_images(200)
STREAMS = [Rng(member).child("member") for member in range(5)]
EQUAL = [DATA] * 5
UNEQUAL = [DATA.subset(torch.arange(rows)) for rows in (33, 200, 1, 70, 64)]


def blank(model: MLP | CNN | None = None, data: Dataset = DATA) -> Classifier:
    made = model or MLP(hidden=(16,))
    return made.build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))


def alone(training: EndToEnd, classifier: Classifier, data: list[Dataset], rates: list[float]) -> list[Classifier]:
    members = zip(data, STREAMS, rates, strict=False)
    return [replace(training, learning_rate=rate).fit(classifier, rows, rng=rng) for rows, rng, rate in members]


def difference(one: Classifier, other: Classifier) -> float:
    pairs = zip(one.state().values(), other.state().values(), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


SETTINGS = {
    "adam": {},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.01},
    "sgd": {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 1e-3},
    "rmsprop": {"optimizer": "rmsprop"},
    "sklearn_adam": {"optimizer": "sklearn_adam"},
    "schedule": {"schedule": "cosine", "warmup": 0.2},
    "augmentation": {"crop": 1, "flip": True},
    "early end": {"patience": 1, "min_delta": 0.02, "epochs": 12},
    "one batch": {"batch_size": 500},
    "batches of one row": {"batch_size": 1, "epochs": 1},
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("data", [EQUAL, UNEQUAL], ids=["equal rows", "unequal rows"])
@pytest.mark.parametrize("rates", [[0.01] * 5, [0.01, 0.002, 0.03, 0.01, 0.01]], ids=["one rate", "rates"])
def test_members_together_are_members_alone(name: str, data: list[Dataset], rates: list[float]) -> None:
    settings: dict[str, Any] = {"epochs": 4, "batch_size": 32, **SETTINGS[name]}
    training = EndToEnd(**settings)
    ways = list[Way]()
    stacked = fit_population(training, blank(), data, STREAMS, learning_rates=rates, on_way=ways.append)
    assert ways[0].name == "together"
    for one, other in zip(stacked, alone(training, blank(), data, rates), strict=True):
        assert difference(one, other) < 2e-5
        assert torch.equal(predictions(one, DATA), predictions(other, DATA))


@pytest.mark.parametrize("model", [MLP(hidden=()), MLP(hidden=(9, 7), activation="tanh"), MLP(activation="sigmoid")])
def test_other_perceptrons_together_too(model: MLP) -> None:
    training = EndToEnd(epochs=3, batch_size=32)
    stacked = fit_population(training, blank(model), UNEQUAL, STREAMS, way="together")
    for one, other in zip(stacked, alone(training, blank(model), UNEQUAL, [1e-3] * 5), strict=True):
        assert difference(one, other) < 2e-5


def test_members_have_their_own_labels() -> None:
    poisoned = replace(DATA, y=(DATA.y + 1) % 4)
    training = EndToEnd(epochs=3, batch_size=32)
    stacked = fit_population(training, blank(), [DATA, poisoned], [Rng(0), Rng(0)])
    assert difference(*stacked) > 1e-3
    assert difference(stacked[1], training.fit(blank(), poisoned, rng=Rng(0))) < 1e-6


def test_a_small_budget_makes_several_stacks() -> None:
    training = EndToEnd(epochs=2, batch_size=32)
    ways = list[Way]()
    few = fit_population(training, blank(), EQUAL, STREAMS, bytes_of_stack=1, on_way=ways.append)
    whole = fit_population(training, blank(), EQUAL, STREAMS)
    assert ways[0].stack == 1
    assert all(difference(one, other) < 1e-6 for one, other in zip(few, whole, strict=True))


def normalised() -> Classifier:
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 4))
    return as_classifier(module, input_shape=DATA.shape)


def frozen() -> Classifier:
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 4))
    module[1].requires_grad_(False)
    return as_classifier(module, input_shape=DATA.shape)


def double() -> Classifier:
    return as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(36, 4)).double(), input_shape=DATA.shape)


OTHERS: dict[str, Callable[[], Classifier]] = {
    "batch normalisation and dropout": normalised,
    "frozen weights": frozen,
    "float64": double,
    "a convolution": lambda: blank(CNN(filters=(4,), hidden=(8,))),
    "large": lambda: blank(MLP(hidden=(1024,))),
}


@pytest.mark.parametrize("name", OTHERS)
def test_all_others_are_trained_one_by_one_with_the_same_bits(name: str) -> None:
    classifier, training = OTHERS[name](), EndToEnd(epochs=2, batch_size=33)
    ways = list[Way]()
    fitted = fit_population(training, classifier, UNEQUAL[:2], STREAMS[:2], on_way=ways.append)
    assert ways[0].name == "one_by_one"
    assert ways[0].reason
    for one, other in zip(fitted, alone(training, classifier, UNEQUAL[:2], [1e-3] * 2), strict=True):
        assert difference(one, other) == 0


@pytest.mark.parametrize("model", [MLP(hidden=(16,)), CNN(filters=(4,), hidden=(8,))])
def test_workers_do_not_change_a_bit(model: MLP | CNN) -> None:
    training = EndToEnd(epochs=2, batch_size=32)
    count = 33 if isinstance(model, MLP) else 3
    ways, rows, streams = list[Way](), [DATA] * count, [Rng(member) for member in range(count)]
    here = fit_population(training, blank(model), rows, streams)
    there = fit_population(training, blank(model), rows, streams, workers=2, on_way=ways.append)
    assert ways[0].workers == 2
    assert [difference(one, other) for one, other in zip(here, there, strict=True)] == [0] * count


def test_callbacks_follow_each_member() -> None:
    training = EndToEnd(epochs=3, batch_size=32)
    seen: list[list[Epoch]] = [[], []]
    states: list[list[dict[str, torch.Tensor]]] = [[], []]

    def follow(member: int) -> Callable[[Epoch], None]:
        def call(epoch: Epoch) -> None:
            assert epoch.classifier is not None
            seen[member].append(epoch)
            states[member].append(epoch.classifier.state())

        return call

    before = torch.get_rng_state()
    calls = [[follow(0)], [follow(1)]]
    fitted = fit_population(training, blank(), UNEQUAL[:2], STREAMS[:2], callbacks=calls)
    assert torch.equal(torch.get_rng_state(), before)
    for member, own in enumerate(seen):
        expected = list[Epoch]()
        training.fit(blank(), UNEQUAL[member], rng=STREAMS[member], callbacks=[expected.append])
        assert [(one.number, one.of, one.rows) for one in own] == [(one.number, one.of, one.rows) for one in expected]
        assert [one.loss for one in own] == pytest.approx([one.loss for one in expected], rel=1e-5)
        assert all(torch.equal(states[member][-1][name], value) for name, value in fitted[member].state().items())
        assert not torch.equal(states[member][0]["output.weight"], states[member][-1]["output.weight"])


def test_a_mistake_in_one_thread_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(together, "_epoch", fail)
    with pytest.raises(MemoryError):
        fit_population(EndToEnd(), blank(), [DATA] * 32, [Rng(member) for member in range(32)], workers=2)


def test_members_do_not_share_memory() -> None:
    one, other = fit_population(EndToEnd(epochs=1), blank(), EQUAL[:2], STREAMS[:2])
    assert one.module[1].weight.untyped_storage().nbytes() == 4 * 36 * 16  # type: ignore[attr-defined]
    assert not one.module.training  # type: ignore[attr-defined]
    assert difference(one, other) > 0


def test_the_classifier_does_not_change() -> None:
    classifier = blank()
    before = classifier.state()
    fit_population(EndToEnd(epochs=1), classifier, EQUAL, STREAMS)
    assert all(torch.equal(value, before[name]) for name, value in classifier.state().items())


def test_no_members() -> None:
    assert fit_population(EndToEnd(), blank(), [], []) == []


def test_other_trainings_one_by_one() -> None:
    fitted = fit_population(Online(), blank(), EQUAL[:1], STREAMS[:1])
    assert difference(fitted[0], Online().fit(blank(), DATA, rng=STREAMS[0])) == 0  # type: ignore[arg-type]


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "streams": ({"rngs": STREAMS[:2]}, DataError, "equally long; got 5 and 2"),
    "rates": ({"learning_rates": [0.1]}, DataError, "equally long; got 5 and 1"),
    "a rate of 0": ({"learning_rates": [0.0] * 5}, SettingsError, "learning_rate"),
    "workers": ({"workers": 0}, SettingsError, "workers must be at least 1; got 0"),
    "callbacks in processes": (
        {"workers": 2, "callbacks": [[print]] * 5},
        SettingsError,
        "callbacks require workers=1; got 2",
    ),
    "a stack of others": ({"classifier": frozen(), "way": "together"}, SettingsError, "one_by_one"),
    "no rate": ({"training": Online(), "learning_rates": [0.1] * 5}, SettingsError, "no learning rate"),
    "no rows": ({"data": [*EQUAL[:4], DATA.subset(torch.arange(0))]}, DataError, "at least one row"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_mistakes_are_refused(name: str) -> None:
    changed, error, words = REFUSED[name]
    given: dict[str, Any] = {"training": EndToEnd(), "classifier": blank(), "data": EQUAL, "rngs": STREAMS, **changed}
    with pytest.raises(error, match=words):
        fit_population(given.pop("training"), given.pop("classifier"), given.pop("data"), given.pop("rngs"), **given)


def test_what_cannot_be_sent_is_refused() -> None:
    classifier = blank(CNN(filters=(4,), hidden=(8,)))
    classifier.factory = lambda rng: None  # type: ignore[attr-defined]
    with pytest.raises(SettingsError, match="cannot be sent to a worker process"):
        fit_population(EndToEnd(), classifier, EQUAL, STREAMS, workers=2)


def test_orders_at_once_are_orders_alone() -> None:
    ids = [DATA.ids[:rows] * 7 for rows in (5, 1, 200)]
    for stream, rows, order in zip(STREAMS, ids, orders(STREAMS[:3], ids), strict=False):
        assert torch.equal(order, stream.order(rows))
