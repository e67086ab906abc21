"""One change of the training set changes only the members that it may change; no attack breaks a certificate."""

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antivenom.attacks import Attack, Chaff, PoisonFile
from antivenom.attacks.budget import PoisonBudget
from antivenom.charts import with_evidence
from antivenom.data import Dataset, Splits
from antivenom.data.sources import load
from antivenom.errors import DataError, SettingsError
from antivenom.models import MLP, Certified, Classifier, predictions
from antivenom.models.voting import VotingClassifier
from antivenom.registry import entries
from antivenom.rng import Rng
from antivenom.runner.scoring.certificates import changes_between
from antivenom.testing import cases, toy_images
from antivenom.training import (
    DeepPartition,
    EndToEnd,
    FiniteAggregation,
    FlipSmoothing,
    LabelPartition,
    Online,
    Training,
)

CONTRIBUTED = 2
SHORT = EndToEnd(epochs=6, batch_size=16, learning_rate=0.01)
TRAININGS: dict[str, Training] = {
    "deep_partition": DeepPartition(partitions=20, base=SHORT),
    "finite_aggregation": FiniteAggregation(partitions=10, copies=2, base=SHORT),
    "label_partition": LabelPartition(partitions=20, base=SHORT, representation=EndToEnd(epochs=2)),
    "flip_smoothing": FlipSmoothing(),
}
DIGITS: Splits = load("digits")


def fit(training: Training, data: Dataset) -> Any:
    model = MLP(hidden=(16,)).build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=Rng(0))
    return with_evidence(training.fit(model, data, rng=Rng(0))).result


def changed_members(one: VotingClassifier, other: VotingClassifier) -> int:
    """Return the number of members that differ in any bit."""
    states = [(a.state(), b.state()) for a, b in zip(one.members, other.members, strict=True)]
    return sum(not all(torch.equal(a[name], b[name]) for name in a) for a, b in states)


@pytest.mark.parametrize(("name", "members"), [("deep_partition", 1), ("finite_aggregation", 2)])
def test_an_inserted_row_changes_only_its_own_members(name: str, members: int) -> None:
    data = DIGITS.train
    before, after = (fit(TRAININGS[name], rows) for rows in (data.subset(torch.arange(1, len(data))), data))
    assert changed_members(before, after) == members


def test_a_flipped_label_changes_one_member_and_no_feature() -> None:
    data = DIGITS.train
    flipped = dataclasses.replace(data, y=(data.y + (torch.arange(len(data)) == 5)) % 10)
    before, after = (fit(TRAININGS["label_partition"], rows) for rows in (data, flipped))
    assert changed_members(before, after) == 1
    x = DIGITS.test.inputs()[:9]
    assert torch.equal(before.extractor.features(x), after.extractor.features(x))


def test_the_order_of_rows_changes_nothing() -> None:
    data = toy_images()
    turned = dataclasses.replace(data.subset(torch.arange(len(data) - 1, -1, -1)), ids=data.ids + 5)
    before, after = (fit(TRAININGS["deep_partition"], rows) for rows in (data, turned))
    assert changed_members(before, after) == 0


def test_a_partition_without_rows_keeps_its_first_weights() -> None:
    data = toy_images(6)
    votes = fit(DeepPartition(partitions=30, base=SHORT), data)
    assert len(votes.members) == 30
    assert votes.certified(data.inputs()).shape == (6,)


def test_ties_go_to_the_smaller_class() -> None:
    members = [fit(EndToEnd(epochs=1), toy_images()) for _ in range(2)]
    for member, label in zip(members, (3, 1), strict=True):
        member.module.output.weight.data.zero_()
        member.module.output.bias.data = 9.0 * (torch.arange(4) == label)
    votes = VotingClassifier(members=tuple(members))
    assert predictions(votes, toy_images()).unique().tolist() == [1]
    assert votes.certified(toy_images().inputs()).unique().tolist() == [0]


@pytest.mark.parametrize("cls", [DeepPartition, FiniteAggregation, LabelPartition])
def test_the_members_must_start_with_new_weights(cls: Any) -> None:
    with pytest.raises(SettingsError, match="must be a training that starts with new weights"):
        cls(base=Online())


def test_rotation_requires_square_images() -> None:
    rows = Dataset.from_arrays(np.zeros((4, 3)), [0, 1, 0, 1])
    assert list(LabelPartition(pretext="rotation").problems(rows))
    assert not list(LabelPartition(pretext="rotation").problems(toy_images()))
    fitted = fit(LabelPartition(partitions=3, pretext="rotation", base=SHORT), toy_images())
    assert fitted.certified(toy_images().inputs()).shape == (240,)


def test_no_rows_are_refused() -> None:
    with pytest.raises(DataError, match="at least one row"):
        fit(DeepPartition(), toy_images().subset(torch.arange(0)))


@cache
def splits_for(attack: str) -> Splits:
    """Return the data for an attack: digits, or the plane for the attack that requires it."""
    return load("plane") if attack == "aimed_chaff" else DIGITS


@cache
def clean(name: str, splits: Splits) -> Classifier:
    made: Classifier = fit(TRAININGS[name] if name in TRAININGS else EndToEnd(epochs=10), splits.train)
    return made


def attack_of(name: str, folder: Path) -> Attack:
    """Return an attack on two rows of its data, with the other settings of its trial."""
    if name == "poison_file":
        file = folder / "poison.npz"
        np.savez(file, X=np.ones((5, 1, 1, 8, 8), np.float32), Y=np.full((5, 1), 3))
        return PoisonFile(path=str(file), count=CONTRIBUTED, mode="append")
    if name == "chaff":
        return Chaff(points=((0.25,) * 64, (0.5,) * 64), labels=(1,))
    attack: Attack = next(case.component for case in cases("attacks") if case.name == name)
    if isinstance(attack, PoisonBudget):
        return dataclasses.replace(attack, rate=None, count=CONTRIBUTED)
    return dataclasses.replace(attack, count=CONTRIBUTED)  # type: ignore[type-var]


@pytest.mark.parametrize("attack", [name for name, entry in entries("attacks").items() if not entry.package])
def test_no_attack_breaks_a_certificate(attack: str, tmp_path: Path) -> None:
    splits, tried = splits_for(attack), 0
    surrogate = clean("end_to_end", splits)
    poisoned = attack_of(attack, tmp_path).poison(splits.train, rng=Rng(0), surrogate=surrogate)
    for name, training in TRAININGS.items():
        before = clean(name, splits)
        assert isinstance(before, Certified)
        changes = changes_between(splits.train, poisoned.data, before.threat)
        if changes is None:
            continue  # this certificate does not count the changes of the attack
        assert 1 <= changes <= 2 * CONTRIBUTED
        after = fit(training, poisoned.data)
        differ = predictions(before, splits.test) != predictions(after, splits.test)
        for one in (before, after):
            covered = one.certified(splits.test.inputs()) >= changes
            assert not bool((covered & differ).any()), f"{attack} breaks the certificates of {name}"
            tried += int(covered.sum())
    assert tried, "no row had a certificate for so many changes, so nothing was tried"
