"""Threads: how many work, how they wait, and that the user's own choice wins."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_info
from torch import Tensor, nn

from antivenom import threads
from antivenom.data import Splits
from antivenom.data.sources import load
from antivenom.models import as_classifier
from antivenom.models.cnn import CNN
from antivenom.models.mlp import MLP
from antivenom.rng import Rng
from antivenom.storage.store import Store
from antivenom.testing import toy_images
from antivenom.threads import FLOPS_FOR_THREADS, number_for, rows_of_step, threads_for, using, work_of
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.own_fit import OwnFit
from antivenom.waiting import PASSIVE, wait_passively
from tests.helpers.toys import small_net

pytestmark = pytest.mark.slow  # a process for most tests

LARGE = FLOPS_FOR_THREADS

COUNT_SWITCHES = """
import resource
import antivenom, torch
torch.set_num_threads(2)
x = torch.rand(100_000)
x.sin_()
before = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
for _ in range(500):
    x.sin_()
print(resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before)
"""


@pytest.fixture
def four() -> Iterator[None]:
    """Four threads, as a user may choose them."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def python(code: str, **environment: str) -> str:
    """What a new process prints, in which nobody but `environment` says how threads wait."""
    clean = {name: value for name, value in os.environ.items() if name not in PASSIVE}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True, timeout=600, check=True)
    return done.stdout.strip()


def test_waiting_is_passive_before_torch_is_loaded() -> None:
    code = "import sys, antivenom, os; assert 'torch' not in sys.modules; print({k: os.environ[k] for k in %r})"
    assert python(code % sorted(PASSIVE)) == repr({name: PASSIVE[name] for name in sorted(PASSIVE)})
    assert python("import antivenom.threads; from antivenom.waiting import waiting; print(waiting())") == "passive"


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "7")])
def test_the_users_own_waiting_wins(name: str, value: str) -> None:
    code = "import antivenom, os; from antivenom.waiting import *; print(waiting(), [os.getenv(k) for k in PASSIVE])"
    kept = [value if each == name else None for each in PASSIVE]
    assert python(code, **{name: value}) == f"as the environment says {kept}"


def test_after_torch_it_is_too_late_and_is_said() -> None:
    code = "import torch, antivenom, os; from antivenom.waiting import *; print(waiting(), os.getenv('GOMP_SPINCOUNT'))"
    assert python(code) == "as the environment says None"


def test_a_process_that_inherits_passive_waiting_says_so() -> None:
    assert python("import antivenom; print(antivenom.waiting.waiting())", **PASSIVE) == "passive"


def test_waiting_leaves_a_mapping_with_a_choice_alone() -> None:
    environment = {"KMP_BLOCKTIME": "200"}
    wait_passively(environment)
    assert environment == {"KMP_BLOCKTIME": "200"}


@pytest.mark.skipif(sys.platform != "linux", reason="counts the switches of GNU's OpenMP")
def test_waiting_threads_sleep() -> None:
    """A thread that sleeps at each of 500 barriers gives its core up; one that spins on a free core never does."""
    assert int(python(COUNT_SWITCHES)) >= 250


def test_the_number_of_threads_is_set_and_restored(four: None) -> None:
    with using(2) as number:
        assert number == torch.get_num_threads() == 2
        assert all(library["num_threads"] <= 2 for library in threadpool_info())
    assert torch.get_num_threads() == 4
    with pytest.raises(KeyError), using(1):
        raise KeyError
    assert torch.get_num_threads() == 4


def test_libraries_beside_torch_are_limited_and_restored() -> None:
    before = {library["filepath"]: library["num_threads"] for library in threadpool_info()}
    with using(1):
        assert {library["num_threads"] for library in threadpool_info()} == {1}
    assert {library["filepath"]: library["num_threads"] for library in threadpool_info()} == before


def test_an_inner_choice_takes_no_more_than_the_outer_one(four: None) -> None:
    with using(2):
        with using(3) as number:
            assert number == torch.get_num_threads() == 2
        with threads_for(LARGE) as number:
            assert number == 2
        with threads_for(LARGE - 1) as number:
            assert number == 1
        assert torch.get_num_threads() == 2


def test_the_users_number_is_the_upper_limit(four: None) -> None:
    assert (number_for(LARGE - 1), number_for(LARGE)) == (1, 4)
    torch.set_num_threads(3)
    assert number_for(LARGE) == 3
    said = "import antivenom; from antivenom.threads import *; print(number_for(FLOPS_FOR_THREADS))"
    assert python(said, OMP_NUM_THREADS="1") == "1"


def test_work_is_what_the_layers_say() -> None:
    shape, digits = (1, 8, 8), load("digits").train
    x = digits.inputs(slice(0, 3))
    mlp = MLP(hidden=(64,)).build(input_shape=shape, classes=10, bounds=(0, 1), rng=Rng(0))
    assert work_of(mlp, x, rows=5) == 3 * 5 * 2 * (64 * 64 + 64 * 10)
    conv = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 10))
    assert work_of(as_classifier(conv, input_shape=shape), x, rows=1) == 3 * 2 * (36 * 4 * 9 + 4 * 36 * 10)
    assert work_of(mlp, x[:0]) == 0


def test_work_is_the_same_each_time_and_leaves_no_trace() -> None:
    network = as_classifier(small_net((1, 8, 8), 10), input_shape=(1, 8, 8))
    network.module.train()
    x, before = torch.rand(2, 1, 8, 8), network.state()
    stream = torch.random.get_rng_state()
    assert work_of(network, x) == work_of(network, x) == 3 * 128 * 2 * (64 * 12 + 12 * 10)
    assert network.module.training
    assert torch.equal(torch.random.get_rng_state(), stream)
    assert all(torch.equal(value, before[name]) for name, value in network.state().items())


def test_attention_counts() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.head = nn.Linear(64, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.layer(x.flatten(1).view(-1, 8, 8)).flatten(1))

    head = 3 * 2 * 64 * 10
    assert work_of(as_classifier(Reader(), input_shape=(1, 8, 8)), torch.rand(1, 1, 8, 8), rows=1) > 5 * head


def test_an_estimator_counts_its_own_work() -> None:
    x = torch.rand(3, 4)
    perceptron = as_classifier(MLPClassifier((5,)), input_shape=(4,), classes=2)
    assert work_of(perceptron, x, rows=7) == 3 * 7 * 2 * (4 * 5 + 5 * 2)
    assert work_of(perceptron, x, rows=1000) == work_of(perceptron, x, rows=200), "its own batch has 200 rows"
    linear = as_classifier(SGDClassifier(), input_shape=(4,), classes=2)
    assert work_of(linear, x, rows=1000) == 3 * 1000 * 2 * 4 * 2


def test_the_rows_of_a_step() -> None:
    trees = as_classifier(HistGradientBoostingClassifier(), input_shape=(4,), classes=2)
    network = as_classifier(nn.Linear(4, 2), input_shape=(4,))
    assert rows_of_step(EndToEnd(batch_size=64), network, 1000) == 64
    assert rows_of_step(EndToEnd(batch_size=64), network, 10) == 10
    assert rows_of_step(OwnFit(), trees, 1000) == 1000
    assert rows_of_step(OwnFit(), network, 1000) == threads.ROWS_OF_A_STEP


def test_small_networks_take_one_thread_and_large_ones_take_all(four: None) -> None:
    digits, mnist = torch.rand(1, 1, 8, 8), torch.rand(1, 1, 28, 28)
    small = CNN(filters=(16, 32), hidden=(64,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    large = CNN().build(input_shape=(1, 28, 28), classes=10, bounds=(0, 1), rng=Rng(0))
    assert number_for(work_of(small, digits)) == 1
    assert [number_for(work_of(large, mnist, rows)) for rows in (128, 256)] == [1, 4]


def run(store: Any = None) -> dict[str, Any]:
    """A small experiment's manifest."""
    from antivenom import Experiment
    from antivenom.attacks import BadNets

    training = EndToEnd(epochs=1)
    data = Splits(train=toy_images(120, seed=0), test=toy_images(40, seed=1))
    made = Experiment(dataset=data, model=MLP(hidden=(8,)), attack=BadNets(target=1), training=training)
    about: dict[str, Any] = made.run(store=store).about
    return about


def by_stage(about: dict[str, Any]) -> dict[str, tuple[int, bool]]:
    """Each stage's threads, and whether it came from the store."""
    return {stage["stage"]: (stage["threads"], stage["stored"]) for stage in about["stages"]}


def test_the_manifest_holds_the_threads_of_each_stage(four: None, monkeypatch: pytest.MonkeyPatch) -> None:
    about = run()
    assert {number for number, _ in by_stage(about).values()} == {1}
    assert about["hardware"]["threads"] == 4
    assert about["hardware"]["waiting"] in ("passive", "as the environment says")
    monkeypatch.setattr(threads, "FLOPS_FOR_THREADS", 1)
    found = by_stage(run())
    assert {stage: found[stage][0] for stage in ("fit victim", "fit control", "measure", "poison")} == {
        "fit victim": 4,
        "fit control": 4,
        "measure": 4,
        "poison": 1,
    }
    assert torch.get_num_threads() == 4


def test_the_key_holds_the_threads_that_work_and_not_those_that_there_are(
    four: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    assert by_stage(run(store))["fit victim"] == (1, False)
    torch.set_num_threads(2)
    assert by_stage(run(store))["fit victim"] == (1, True)
    monkeypatch.setattr(threads, "FLOPS_FOR_THREADS", 1)
    assert by_stage(run(store))["fit victim"] == (2, False)
