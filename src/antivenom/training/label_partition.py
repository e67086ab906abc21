"""Semi-supervised deep partition aggregation, SS-DPA (Levine and Feizi 2021)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Literal

import torch

from antivenom.charts import WithEvidence, with_evidence
from antivenom.data import Dataset
from antivenom.models import Classifier, input_batches, require
from antivenom.models.mlp import MLP
from antivenom.models.voting import VotingClassifier
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Component, component
from antivenom.training.contracts import Callback, Training
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.loop import check_learnable
from antivenom.training.partitions import by_rank, in_content_order
from antivenom.training.pretext import clusters, rotations
from antivenom.training.voting import Ensemble, fit_members, refuse_special, sizes
from antivenom.trial import Trial


@component
class LabelPartition(Ensemble):
    """Learn features from all inputs without labels; one linear classifier for each partition votes (SS-DPA).

    First the network learns a task without labels on the inputs of all rows. Its features, the inputs of its last
    linear layer, then stay fixed. Each partition trains a linear classifier on the features and labels of its own
    rows. The rank of a row's input among all inputs determines its partition, so equal inputs have the same one. A
    flipped label changes one linear classifier and at most one vote. The certificate is the number of label flips that
    the prediction survives, by the formula of `deep_partition`. It does not hold for rows that are inserted, removed or
    changed in their inputs.

    Args:
        partitions: the number of partitions, k.
        pretext: the task without labels. `clusters`: predict the cluster of the row, found by k-means on the inputs.
            `rotation`: predict by how many quarter turns a square image was turned, as in the paper.
        clusters: the number of clusters, for `clusters`.
        representation: the training of the network on the task without labels.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP
    >>> digits = load("digits")
    >>> blank = MLP(hidden=(32,)).build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> training = LabelPartition(partitions=9, representation=EndToEnd(epochs=3))
    >>> votes = with_evidence(training.fit(blank, digits.train, rng=Rng(0))).result
    >>> votes.threat, len(votes.members)
    ('label flips', 9)
    """

    needs = frozenset({"features"})

    trial = Trial(
        settings={"partitions": 5, "base": {"name": "end_to_end", "epochs": 60, "learning_rate": 0.01}},
        quick={"partitions": 3, "clusters": 4, "base": {"name": "end_to_end", "epochs": 2}},
    )

    partitions: AtLeastOne = 50
    pretext: Literal["clusters", "rotation"] = "clusters"
    clusters: AtLeastOne = 50
    representation: Annotated[Training, Component("trainings")] = EndToEnd(epochs=5)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_special(self.representation, "LabelPartition.representation")

    def problems(self, data: Dataset) -> Iterator[str]:
        """Yield a sentence for each setting that does not fit the data."""
        if self.pretext == "rotation" and not (data.is_image and data.shape[1] == data.shape[2]):
            yield f"requires square images for the pretext 'rotation'; got rows of {data.shape}. Use 'clusters'."

    def wrapped(self, classifier: Classifier) -> VotingClassifier:
        """Return an untrained classifier of the kind that `fit` returns."""
        width = classifier.features(torch.zeros(1, *classifier.input_shape, device=classifier.device)).shape[1]
        return self._voting(classifier, (_linear(width, classifier),) * self.partitions)

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> WithEvidence[Classifier]:
        """Return the vote of the linear classifiers, with the numbers of their rows as figures.

        With `start`, its features are used, and no task is learned.
        """
        require(classifier, "features", by="LabelPartition")
        check_learnable(classifier, data, "LabelPartition")
        extractor = self._represent(classifier, data, rng) if start is None else start.copy()
        ordered = by_rank(data, self.partitions)
        parts = [_featured(extractor, part) for part in ordered]
        head = _linear(parts[0].shape[0], classifier)
        heads = fit_members(self.base, head, len(parts), parts.__getitem__, rng, callbacks)
        return WithEvidence(self._voting(extractor, heads), figures=sizes([*map(len, parts)]))

    def _represent(self, classifier: Classifier, data: Dataset, rng: Rng) -> Classifier:
        """Return the network after the task without labels, with a last layer for the classes of the data."""
        inputs = in_content_order(data, labels=False)
        task = (
            rotations(inputs) if self.pretext == "rotation" else clusters(inputs, self.clusters, rng.child("clusters"))
        )
        first = classifier.fresh(rng.child("weights")).with_head(len(task.classes), rng.child("pretext head"))
        learned = with_evidence(
            self.representation.fit(first, task, rng=rng.child("representation"), start=first)
        ).result
        return learned.with_head(classifier.classes, rng.child("head"))

    def _voting(self, extractor: Classifier, heads: tuple[Classifier, ...]) -> VotingClassifier:
        return VotingClassifier(members=heads, threat="label flips", extractor=extractor)


def _featured(extractor: Classifier, data: Dataset) -> Dataset:
    """Return the features of the rows with the same labels."""
    width = extractor.features(data.inputs(slice(0, 0)).new_zeros(1, *data.shape)).shape[1]
    parts = [data.inputs(slice(0, 0)).new_empty(0, width)]
    parts += [extractor.features(x) for _, x in input_batches(data)]
    return replace(data, x=torch.cat(parts), bounds=None)


def _linear(width: int, classifier: Classifier) -> Classifier:
    made = MLP(hidden=()).build(input_shape=(width,), classes=classifier.classes, bounds=None, rng=Rng(0))
    return made.to(classifier.device)
