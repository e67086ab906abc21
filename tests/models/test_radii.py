"""The certificates of votes, against brute force over all changes of votes."""

from itertools import combinations, product

import pytest
import torch
from torch import Tensor

from antivenom.models.radii import aggregation_radius, count_votes, partition_radius

CLASSES = 3


def every_vote(members: int) -> Tensor:
    """Return all ways in which the members can vote."""
    return torch.tensor(list(product(range(CLASSES), repeat=members)))


def winner(votes: list[int]) -> int:
    """Return the class with the most votes; the smallest number in a tie."""
    counts = [votes.count(label) for label in range(CLASSES)]
    return counts.index(max(counts))


def with_votes(votes: list[int], changed: tuple[int, ...], label: int) -> list[int]:
    """Return the votes, with one class for all changed members: the worst change in favour of this class."""
    return [label if member in changed else vote for member, vote in enumerate(votes)]


def fewest_changes(votes: list[int]) -> int:
    """Return the fewest votes that must change to change the winner, by trying all."""
    for count in range(len(votes) + 1):
        for changed in combinations(range(len(votes)), count):
            for others in product(range(CLASSES), repeat=count):
                new = list(votes)
                for member, vote in zip(changed, others, strict=True):
                    new[member] = vote
                if winner(new) != winner(votes):
                    return count
    raise AssertionError("no change of the votes changes the winner")


def test_the_radius_of_partitions_is_exact() -> None:
    votes = every_vote(5)
    radii = partition_radius(count_votes(votes, CLASSES)).tolist()
    assert radii == [fewest_changes(each) - 1 for each in votes.tolist()]


def test_one_copy_of_finite_aggregation_is_partition_aggregation() -> None:
    votes = every_vote(6)
    expected = partition_radius(count_votes(votes, CLASSES))
    assert torch.equal(aggregation_radius(votes, CLASSES, [0]), expected)
    assert torch.equal(aggregation_radius(votes, CLASSES, [4]), expected)


@pytest.mark.parametrize("shifts", [(0, 1), (0, 2), (1, 4), (0, 3, 4)])
def test_no_choice_of_buckets_breaks_finite_aggregation(shifts: tuple[int, ...]) -> None:
    members = 6
    votes = every_vote(members)
    radii = aggregation_radius(votes, CLASSES, shifts).tolist()
    assert max(radii) >= 1
    for each, radius in zip(votes.tolist(), radii, strict=True):
        for buckets in combinations(range(members), radius):
            fed = tuple({(bucket + shift) % members for bucket in buckets for shift in shifts})
            assert all(winner(with_votes(each, fed, label)) == winner(each) for label in range(CLASSES))


@pytest.mark.parametrize("shifts", [(0, 1), (0, 2, 5)])
def test_finite_aggregation_states_the_bound_of_the_paper(shifts: tuple[int, ...]) -> None:
    members = 6
    votes = every_vote(members)[::7]
    expected = []
    for each in votes.tolist():
        first, survived = winner(each), []
        for rival in set(range(CLASSES)) - {first}:
            margin = each.count(first) - each.count(rival) - (rival < first)
            fed = [[each[(bucket + shift) % members] for shift in shifts] for bucket in range(members)]
            losses = sorted((sum(1 + (v == first) - (v == rival) for v in several) for several in fed), reverse=True)
            survived.append(max(r for r in range(members + 1) if sum(losses[:r]) <= margin))
        expected.append(min(survived))
    assert aggregation_radius(votes, CLASSES, shifts).tolist() == expected
