"""The number of changes that the majority of votes provably survives."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor

from antivenom.models.certified import Certificates

Votes = Int64[Tensor, "n members"]
"""The class that each member predicts for each row."""

VoteCounts = Int64[Tensor, "n classes"]
"""The number of votes for each class."""


def count_votes(votes: Votes, classes: int) -> VoteCounts:
    """Return the number of votes for each class (n, classes).

    >>> count_votes(torch.tensor([[0, 2, 2]]), 3).tolist()
    [[1, 0, 2]]
    """
    counts = votes.new_zeros(len(votes), classes)
    return counts.scatter_add_(1, votes, torch.ones_like(votes))


def partition_radius(counts: VoteCounts) -> Certificates:
    """Return the certificate of votes of disjoint partitions (n), as Levine and Feizi (2021) proved it.

    The class c with the most votes wins; a tie goes to the class with the smaller number. A change of the training set
    changes one vote. So the prediction survives floor((n_c - max over c' of (n_c' + [c' < c])) / 2) changes.

    >>> partition_radius(torch.tensor([[7, 2, 1], [2, 7, 1], [3, 3, 0]])).tolist()
    [2, 2, 0]
    """
    winners = counts.argmax(1, keepdim=True)
    numbers = torch.arange(counts.shape[1], device=counts.device)
    rivals = (counts + (numbers < winners)).scatter(1, winners, -1).amax(1)
    return (counts.gather(1, winners)[:, 0] - rivals).div(2, rounding_mode="floor")


def aggregation_radius(votes: Votes, classes: int, shifts: Sequence[int]) -> Certificates:
    """Return the certificate of finite aggregation (n), as Wang, Levine and Feizi (2022) proved it.

    Bucket j feeds the members (j + s) mod m for each shift s. A change in it can lower the margin of class c over c' by
    the sum, over these members, of 1 + [the vote is c] - [the vote is c']. The prediction survives r changes if, for
    each c', the r largest sums together are at most n_c - n_c' - [c' < c].

    Args:
        votes: the class that each member predicts (n, m).
        classes: the number of classes.
        shifts: different numbers from 0 to m - 1. With the shift 0 alone it equals `partition_radius`.

    >>> votes = torch.tensor([[0, 0, 0, 0, 0, 0, 1, 1]])
    >>> aggregation_radius(votes, 2, [0]).tolist(), partition_radius(count_votes(votes, 2)).tolist()
    ([2], [2])
    """
    counts = count_votes(votes, classes)
    winners = counts.argmax(1, keepdim=True)
    most = counts.gather(1, winners)[:, 0]
    towards = _fed(1 + (votes == winners).to(torch.int16), shifts)
    radius = torch.full_like(most, votes.shape[1])
    for rival in range(classes):
        losses = towards - _fed((votes == rival).to(torch.int16), shifts)
        worst = losses.sort(1, descending=True).values.cumsum(1)
        margin = most - counts[:, rival] - (rival < winners[:, 0]).long()
        survived = (worst <= margin[:, None]).sum(1)
        radius = torch.where(winners[:, 0] == rival, radius, torch.minimum(radius, survived))
    return radius


def _fed(values: Tensor, shifts: Sequence[int]) -> Tensor:
    """Return, for each bucket, the sum of the values of the members that it feeds (n, m)."""
    return torch.stack([values.roll(-shift, 1) for shift in shifts]).sum(0)
