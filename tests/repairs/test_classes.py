"""Trusted rows without rows of a class: refused, or accepted with an assumption."""

from typing import Any

import pytest
import torch

from antivenom.attacks import LabelFlip
from antivenom.data import Dataset, Splits
from antivenom.defences import RecoveredTriggers, Subject, Verdict
from antivenom.errors import DataError
from antivenom.metrics import accuracy
from antivenom.models import MLP, Classifier
from antivenom.repairs import Filtering, FinePruning, FineTuning, Pruning, Sequential, Unlearning
from antivenom.rng import Rng
from antivenom.runner import Experiment
from antivenom.testing import toy_images
from antivenom.training import EndToEnd

REPAIRS: dict[str, Any] = {
    "fine_tuning": FineTuning,
    "fine_pruning": FinePruning,
    "pruning": Pruning,
    "unlearning": Unlearning,
    "filtering": Filtering,
}
ROWS = toy_images(seed=1)
WITHOUT_3 = ROWS.subset(ROWS.y != 3)
ONLY_1 = ROWS.subset(ROWS.y == 1)


@pytest.fixture(scope="module")
def network() -> Classifier:
    data = toy_images()
    blank = MLP(hidden=(16,)).build(input_shape=data.shape, classes=4, bounds=data.bounds, rng=Rng(0))
    trained = EndToEnd(epochs=30, learning_rate=0.01).fit(blank, data, rng=Rng(0))
    assert accuracy(trained, ROWS) > 0.9
    return trained


def verdict() -> Verdict:
    p_value = torch.tensor([0.5, 0.001, 0.5, 0.5])
    masks, patterns = torch.zeros(4, 1, 6, 6), torch.ones(4, 1, 6, 6)
    masks[:, :, :1, :1] = 1
    found = RecoveredTriggers(targets=torch.arange(4), masks=masks, patterns=patterns, success=torch.ones(4))
    return Verdict(
        subjects=tuple(Subject(target=each) for each in range(4)),
        statistic=p_value,
        p_value=p_value,
        flagged=p_value < 0.05,
        inconclusive=p_value.isnan(),
        false_alarm_rate=0.05,
        triggers=found,
    )


def rows_per_class(*counts: int) -> Dataset:
    chosen = [(ROWS.y == label).nonzero().flatten()[:count] for label, count in enumerate(counts)]
    return ROWS.subset(torch.cat(chosen).sort().values)


@pytest.mark.parametrize("name", REPAIRS)
def test_trusted_rows_without_a_class_are_refused(name: str, network: Classifier) -> None:
    repair = REPAIRS[name]()
    least = rf"requires at least {repair.rows_per_class} trusted rows? of each of the 4 classes"
    with pytest.raises(DataError, match=rf"{least}; got 0 of class '3'\.") as caught:
        repair.repair(network, WITHOUT_3, rng=Rng(0), verdict=verdict())
    said = str(caught.value)
    assert said.endswith(' Pass the rows that it requires as `clean`. Or repair nevertheless: rare_classes="accept".')
    with pytest.raises(DataError, match="got 0 of class '0', 0 of class '2', 0 of class '3'"):
        repair.repair(network, ONLY_1, rng=Rng(0), verdict=verdict())


def test_a_filter_names_the_missing_rows_and_the_missing_classes_at_once(network: Classifier) -> None:
    few = rows_per_class(2, 2, 2, 0)
    for repair in (Filtering(), Sequential(repairs=(Filtering(),))):
        with pytest.raises(DataError, match=r"requires at least 38 trusted rows .* got 0 of class '3'") as caught:
            repair.repair(network, few, rng=Rng(0), verdict=verdict())
        assert str(caught.value).count("Pass the rows") == 1


@pytest.mark.parametrize("name", REPAIRS)
def test_a_sequence_refuses_what_its_steps_refuse(name: str, network: Classifier) -> None:
    with pytest.raises(DataError, match=rf"\({REPAIRS[name].__name__}\) requires at least .* got 0 of class '3'"):
        Sequential(repairs=(REPAIRS[name](),)).repair(network, WITHOUT_3, rng=Rng(0), verdict=verdict())


@pytest.mark.parametrize("name", REPAIRS)
def test_a_user_can_accept_rows_without_a_class(name: str, network: Classifier) -> None:
    repair = REPAIRS[name](rare_classes="accept")
    for each in (repair, Sequential(repairs=(repair,))):
        made = each.repair(network, WITHOUT_3, rng=Rng(0), verdict=verdict())
        repaired = made.result if isinstance(each, Sequential) else made
        about = [one for one in repaired.assumptions if "accepted few trusted rows (0 of class '3')" in one]
        assert len(about) == 1
        assert about[0].startswith(type(repair).__name__)
    whole = repair.repair(network, ROWS, rng=Rng(0), verdict=verdict())
    assert not [one for one in whole.assumptions if "accepted" in one]


@pytest.mark.parametrize("name", REPAIRS)
def test_the_rows_that_a_repair_requires_are_enough(name: str, network: Classifier) -> None:
    repair = REPAIRS[name]()
    least = repair.rows_per_class
    assert not [each for each in repair.clean_problems(rows_per_class(*[least] * 4)) if "of each of" in each]
    assert [each for each in repair.clean_problems(rows_per_class(20, 20, 20, least - 1)) if "of each of" in each]


def test_three_rows_do_not_repair_a_network_of_four_classes(network: Classifier) -> None:
    for name in ("pruning", "fine_pruning", "fine_tuning"):
        with pytest.raises(DataError, match="of class '3'"):
            REPAIRS[name]().repair(network, rows_per_class(1, 1, 1, 0), rng=Rng(0), verdict=verdict())


def test_the_least_rows_do_not_destroy_a_network(network: Classifier) -> None:
    for name in ("fine_tuning", "fine_pruning", "pruning"):
        few = rows_per_class(*[REPAIRS[name].rows_per_class] * 4)
        assert accuracy(REPAIRS[name]().repair(network, few, rng=Rng(0), verdict=verdict()), ROWS) > 0.8


def test_an_experiment_shows_what_a_repair_accepted() -> None:
    test = toy_images(seed=2)
    test = test.subset((test.y != 3) | (torch.arange(len(test)) > 200))  # 10 rows of class 3
    experiment = Experiment(
        dataset=Splits(train=toy_images(), test=test),
        model=MLP(hidden=(8,)),
        attack=LabelFlip(rate=0.1),
        training=EndToEnd(epochs=2),
        repairs=(FinePruning(rare_classes="accept"),),
        trusted=0.02,
    )
    result = experiment.run(progress=False)
    assert any(each.startswith("fine_pruning: FinePruning accepted few trusted rows") for each in result.doubts)
