"""A classifier whose members vote, with a certificate for each prediction."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from antivenom.errors import CapabilityError
from antivenom.models._scores_only import ScoresOnly, named_part, part_of
from antivenom.models.batches import batches
from antivenom.models.certified import Certificates, Threat
from antivenom.models.classifier import Classifier
from antivenom.models.identity import Identifiable, weights_digest
from antivenom.models.radii import Votes, aggregation_radius, count_votes, partition_radius
from antivenom.models.restoring import restored
from antivenom.rng import Rng
from antivenom.shapes import Inputs, Scores


@dataclass(frozen=True, eq=False, repr=False)
class VotingClassifier(ScoresOnly):
    """Members that vote. The class with the most votes wins; a tie goes to the class with the smaller number.

    Args:
        members: the members (m), at least one.
        threat: the changes of the training set that the certificate counts. One change affects one bucket of rows.
        shifts: bucket j of the rows feeds the members (j + s) mod m for each shift s. (0,) for disjoint partitions.
        extractor: the features of its last linear layer are the rows of the members; None if the members take the rows.

    >>> from antivenom.models import MLP
    >>> model = MLP().build(input_shape=(2,), classes=3, bounds=None, rng=Rng(0))
    >>> votes = VotingClassifier(members=tuple(model.fresh(Rng(seed)) for seed in range(5)))
    >>> round(float(votes.scores(torch.ones(1, 2)).sum()), 3), votes.certified(torch.ones(1, 2)).shape
    (1.0, torch.Size([1]))
    """

    members: tuple[Classifier, ...]
    threat: Threat = "insertions and removals"
    shifts: tuple[int, ...] = (0,)
    extractor: Classifier | None = None

    can = frozenset({"probabilities"})

    @property
    def source(self) -> Classifier:
        """The classifier that takes the rows."""
        return self.members[0] if self.extractor is None else self.extractor

    @property
    def name(self) -> str:
        """The number of votes and the name of a member."""
        return f"the vote of {len(self.members)} {self.source.name}"

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.members[0].classes

    def __repr__(self) -> str:
        return f"VotingClassifier({self.name}, certified for {self.threat})"

    def votes(self, x: Inputs) -> Votes:
        """Return the class that each member predicts for each row (n, members)."""
        rows = x if self.extractor is None else self.extractor.features(x)
        return torch.stack([member.scores(rows).argmax(1) for member in self.members], 1)

    def scores(self, x: Inputs) -> Scores:
        """Return the share of the votes for each class (n, classes), without gradient."""
        return count_votes(self.votes(x), self.classes) / len(self.members)

    def certified(self, x: Inputs) -> Certificates:
        """Return, for each row, the number of changes of the training set that its prediction survives (n)."""
        radii = [torch.empty(0, dtype=torch.int64, device=self.device)]
        radii += [self.radii(self.votes(x[rows])) for rows in batches(len(x))]
        return torch.cat(radii)

    def radii(self, votes: Votes) -> Certificates:
        """Return the certificates (n) of rows with these votes (n, members)."""
        if self.shifts == (0,):
            return partition_radius(count_votes(votes, self.classes))
        return aggregation_radius(votes, self.classes, self.shifts)

    def to(self, device: torch.device | str) -> "VotingClassifier":
        """Return a copy on another device."""
        extractor = None if self.extractor is None else self.extractor.to(device)
        return replace(self, members=tuple(member.to(device) for member in self.members), extractor=extractor)

    def copy(self) -> "VotingClassifier":
        """Return a copy that shares nothing with this classifier."""
        extractor = None if self.extractor is None else self.extractor.copy()
        return replace(self, members=tuple(member.copy() for member in self.members), extractor=extractor)

    def fresh(self, rng: Rng) -> "VotingClassifier":
        """Return members with new weights, each from its own stream. The extractor keeps its weights."""
        members = (member.fresh(rng.child("member", number)) for number, member in enumerate(self.members))
        return replace(self, members=tuple(members))

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the weights of all members. A name begins with the number of the member."""
        state = {} if self.extractor is None else named_part(self.extractor.state(), "extractor")
        for number, member in enumerate(self.members):
            state |= named_part(member.state(), str(number))
        return state

    def with_state(self, state: dict[str, Tensor]) -> "VotingClassifier":
        """Return a copy with these weights.

        Raises:
            CapabilityError: the number of members, or the weights of one, do not fit.
        """
        known = {name.partition(".")[0] for name in state} - {"extractor"}
        if known != {str(number) for number in range(len(self.members))}:
            raise CapabilityError(f"These weights must be those of {len(self.members)} members; got {len(known)}.")
        parts: dict[str, dict[str, Tensor]] = {each: {} for each in known}
        for name, value in state.items():
            number, _, rest = name.partition(".")
            if number != "extractor":
                parts[number][rest] = value
        members = tuple(restored(member, parts[str(number)]) for number, member in enumerate(self.members))
        extractor = None if self.extractor is None else restored(self.extractor, part_of(state, "extractor"))
        return replace(self, members=members, extractor=extractor)

    def identity(self) -> dict[str, Any] | None:
        """Return digests of the weights and of a member, or None if a member has no identity."""
        parts = [self.members[0]] if self.extractor is None else [self.members[0], self.extractor]
        known = [part.identity() if isinstance(part, Identifiable) else None for part in parts]
        if None in known:
            return None
        rest = hashlib.sha256(repr((known, len(self.members), self.threat, self.shifts)).encode()).hexdigest()
        return {"weights": weights_digest(self), "members": rest}

    def code(self) -> tuple[object, ...]:
        """Return the classes and functions that it uses."""
        parts = [self.members[0]] if self.extractor is None else [self.members[0], self.extractor]
        return (type(self), *(one for part in parts if isinstance(part, Identifiable) for one in part.code()))
