"""Transfer training."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from torch import nn

from antivenom.data import Dataset, Source, Splits
from antivenom.errors import CapabilityError, DataError, SettingsError
from antivenom.models import Classifier, Model, ModuleClassifier, WeightedModel, as_module, is_module
from antivenom.models.files import read_weights
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Component, Count, component
from antivenom.training.contracts import Callback, Training, load_source
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.loop import Recipe, train
from antivenom.trial import Trial

OWN = "own"
"""In place of a file: the weights that the model has."""


@component
class Transfer(Recipe):
    """The last layers of a model that was trained on other, clean data; the layers before them stay as they are.

    The pre-training is shared by victim and control; poison is in the target's data alone. The other settings are
    those of the training on the target.

    Args:
        pretraining: how the model is trained on the source; end to end if null.
        weights: instead of a training on a source, a file of weights of the model trained elsewhere (`.safetensors` or
            a state dict), or `own`: those that a classifier made in Python, or a module with weights, has.
        source: the data set it is trained on, of rows of the same shape; null for a part of the target's own.
        target_classes: where there is no source: these classes are the target, all others the source. Empty to take
            `source_share` of the training rows, of all classes, for the source.
        source_share: where there is neither; 0.5 if null.
        layers: how many of the last layers with weights are trained.
        head: `reset` gives the last layer new weights; `keep` goes on with the source's, if the classes are as many.

    Raises:
        SettingsError: settings that contradict each other, or more layers than the model has.
        CapabilityError: the classifier has no gradients.

    >>> from antivenom.data.sources import load
    >>> from antivenom.models import MLP, predictions
    >>> digits, blank = load("digits"), MLP().build(input_shape=(1, 8, 8), classes=10, bounds=(0, 1), rng=Rng(0))
    >>> training = Transfer(epochs=5)
    >>> source, target = training.divide(digits, Rng(0))
    >>> start = EndToEnd(epochs=5).fit(blank, source, rng=Rng(0))
    >>> trained = training.fit(blank, target.train, rng=Rng(1), start=start)
    >>> bool((trained.module.hidden_1.weight == start.module.hidden_1.weight).all())
    True
    """

    trial = Trial(quick={"epochs": 1, "pretraining": {"name": "end_to_end", "epochs": 1, "batch_size": 64}})

    pretraining: Annotated[Training, Component("trainings")] | None = None
    weights: str | None = None
    source: Annotated[Source, Component("datasets")] | None = None
    target_classes: tuple[Count, ...] = ()
    source_share: Annotated[float, Interval(gt=0, lt=1)] | None = None
    layers: AtLeastOne = 1
    head: Literal["reset", "keep"] = "reset"

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = []
        if self.source is not None and self.target_classes:
            problems.append("Transfer.source and target_classes both say what the source is; give one.")
        if len(set(self.target_classes)) < len(self.target_classes):
            problems.append("Transfer.target_classes names a class more than once.")
        if len(self.target_classes) == 1:
            problems.append("Transfer.target_classes must be at least two classes.")
        if self.weights is not None:
            others = ("pretraining", "source", "target_classes", "source_share")
            problems += [
                f"Transfer.{name} is for a training on a source; weights are that of one which was trained elsewhere."
                for name in others
                if getattr(self, name) not in (None, ())
            ]
        elif self.source_share is not None and (self.source is not None or self.target_classes):
            problems.append("Transfer.source_share is for a source of the target's own rows; there is another.")
        if problems:
            raise SettingsError(problems)

    @property
    def pretrained_by(self) -> Training | None:
        """How the model is trained on the source; None where it was trained elsewhere."""
        return (self.pretraining or EndToEnd()) if self.weights is None else None

    def files(self) -> tuple[Path, ...]:
        """The file of weights, where there is one."""
        return () if self.weights in (None, OWN) else (Path(str(self.weights)),)

    def pretrained_model(self, model: Model, blank: Classifier) -> Classifier | None:
        """The model that was trained elsewhere; None where it is to be trained on a source.

        Args:
            model: the experiment's.
            blank: what it builds for the target's rows.

        Raises:
            SettingsError: the weights are not the model's, or it has none of its own.
            MissingDataError: there is no such file.
        """
        if self.weights is None:
            return None
        if self.weights == OWN:
            if is_module(model):
                return model.copy().to(blank.device)
            if not isinstance(model, WeightedModel) or model.weights is None:
                named = type(model).__name__
                raise SettingsError([f"Transfer.weights is 'own', and {named} starts with new ones. Name a file."])
            return blank.copy()
        state = read_weights(self.weights)
        try:
            if is_module(blank) and (classes := blank.classes_of(state)) != blank.classes:
                blank = blank.with_head(classes, Rng(0))
            return blank.with_state(state)
        except CapabilityError as error:
            raise SettingsError([f"Transfer.weights: {self.weights} is of another model. {error}"]) from error

    def divide(
        self, splits: Splits, rng: Rng, read: Callable[[Source], Splits] = load_source
    ) -> tuple[Dataset | None, Splits]:
        """The source's rows, and the target's splits, each with classes of their own, numbered from 0."""
        if self.weights is not None:
            return None, splits
        if self.source is not None:
            known = read(self.source).train
            if (known.shape, known.bounds) != (splits.train.shape, splits.train.bounds):
                raise DataError(
                    f"Source and target differ: rows of {known.shape} in {known.bounds}, and of {splits.train.shape} "
                    f"in {splits.train.bounds}."
                )
            return known, splits
        if self.target_classes:
            return self._by_class(splits)
        order, share = rng.order(splits.train.ids), self.source_share or 0.5
        cut = round(share * len(order))
        if not 0 < cut < len(order):
            raise DataError(f"{len(order)} rows are too few for a source of {share:.0%} and a target.")
        known_rows, rest = (torch.sort(part).values for part in (order[:cut], order[cut:]))
        return splits.train.subset(known_rows), Splits(train=splits.train.subset(rest), test=splits.test)

    def _by_class(self, splits: Splits) -> tuple[Dataset, Splits]:
        count = len(splits.train.classes)
        others = tuple(label for label in range(count) if label not in self.target_classes)
        if max(self.target_classes) >= count or len(others) < 2:
            raise SettingsError(
                [f"Transfer.target_classes must leave two of the classes 0 to {count - 1}; got {self.target_classes}."]
            )
        target = Splits(train=_only(splits.train, self.target_classes), test=_only(splits.test, self.target_classes))
        return _only(splits.train, others), target

    def fit(
        self,
        classifier: Classifier,
        data: Dataset,
        *,
        rng: Rng,
        start: Classifier | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Classifier:
        """A new classifier: `start` with its last layers trained on the data; random layers if there is no start."""
        first = as_module(classifier.fresh(rng.child("weights")) if start is None else start, by="Transfer")
        if self.head == "reset" or first.classes != classifier.classes:
            if self.head == "keep":
                got = f"{first.classes} classes, and {classifier.classes} to be"
                raise SettingsError([f"Transfer.head cannot be kept: there are {got}."])
            first = first.with_head(classifier.classes, rng.child("head"))
        else:
            first = first.copy()
        self._freeze(first)
        trained = train(first, data, self, rng=rng.child("loop"), callbacks=callbacks)
        trained.module.requires_grad_(True)
        trained.factory = classifier.factory if is_module(classifier) else None
        return trained

    def _freeze(self, classifier: ModuleClassifier) -> None:
        weighted = list(_weighted(classifier.module))
        if self.layers > len(weighted):
            raise SettingsError(
                [f"Transfer.layers is {self.layers}; the model has {len(weighted)} layers with weights."]
            )
        classifier.module.requires_grad_(False)
        for layer in weighted[-self.layers :]:
            layer.requires_grad_(True)


def _weighted(module: nn.Module) -> Iterator[nn.Module]:
    """Layers with weights of their own, from input to output; normalisation goes with the layer before it."""
    for layer in module.modules():
        if any(parameter.ndim >= 2 for parameter in layer.parameters(recurse=False)):
            yield layer


def _only(data: Dataset, classes: tuple[int, ...]) -> Dataset:
    """The rows of some classes, which are numbered from 0 in the order given."""
    number = torch.full((len(data.classes),), -1, device=data.device)
    number[list(classes)] = torch.arange(len(classes), device=data.device)
    kept = data.subset(number[data.y] >= 0)
    return replace(kept, y=number[kept.y], classes=tuple(data.classes[label] for label in classes))
