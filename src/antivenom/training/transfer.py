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
from antivenom.models import Classifier, Model, ModuleClassifier, WeightedModel, as_trainable, is_module
from antivenom.models.files import read_weights
from antivenom.models.restoring import restored
from antivenom.rng import Rng
from antivenom.settings import AtLeastOne, Component, Count, component
from antivenom.training.contracts import Callback, Training, load_source
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.loop import Recipe, train
from antivenom.trial import Trial

OWN = "own"
"""The value of `weights` for the weights that the model already has."""


@component
class Transfer(Recipe):
    """Train the last layers of a model that was pretrained on clean source data. The other layers do not change.

    Victim and control share the pretraining. Only the target data contains poison. The other settings are those of the
    training on the target.

    Args:
        pretraining: the training on the source; end to end if null.
        weights: a file of weights that were trained elsewhere (`.safetensors` or a state dict), instead of a training
            on a source; or `own` for the weights of a classifier made in Python, or of a module with weights.
        weights_part: the keys of the weights in the file, separated by dots, such as `ema`; required if the file has
            several sets of weights.
        source: the data set of the pretraining, with rows of the same shape; null for a part of the target's data.
        target_classes: without a source: these classes are the target, all others the source. Empty to use
            `source_share` of the training rows, of all classes, as the source.
        source_share: the source's share of the training rows, without source and target_classes; 0.5 if null.
        layers: the number of last layers with weights to train.
        head: `reset` starts the last layer with new weights; `keep` keeps its weights, if the class counts are equal.

    Raises:
        SettingsError: settings that contradict each other, or more layers than the model has.
        CapabilityError: the classifier does not have gradients.

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
    weights_part: str | None = None
    source: Annotated[Source, Component("datasets")] | None = None
    target_classes: tuple[Count, ...] = ()
    source_share: Annotated[float, Interval(gt=0, lt=1)] | None = None
    layers: AtLeastOne = 1
    head: Literal["reset", "keep"] = "reset"

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = []
        if self.weights_part is not None and self.weights in (None, OWN):
            problems.append(f"Transfer.weights_part requires weights, a file; got {self.weights_part!r} without it.")
        if self.source is not None and self.target_classes:
            problems.append("Transfer.source and target_classes must not both be set. Choose one of them.")
        if len(set(self.target_classes)) < len(self.target_classes):
            problems.append(f"Transfer.target_classes must be different classes; got {self.target_classes}.")
        if len(self.target_classes) == 1:
            problems.append(f"Transfer.target_classes must have at least two classes; got {self.target_classes}.")
        if self.weights is not None:
            others = ("pretraining", "source", "target_classes", "source_share")
            problems += [
                f"Transfer.{name} must be omitted if weights is set: the model was trained elsewhere."
                for name in others
                if getattr(self, name) not in (None, ())
            ]
        elif self.source_share is not None and (self.source is not None or self.target_classes):
            problems.append("Transfer.source_share must be null if source or target_classes is set.")
        if problems:
            raise SettingsError(problems)

    def model_problems(self, classifier: Classifier) -> Iterator[str]:  # noqa: ARG002
        """Yield nothing: the last layers are trained even if they were frozen, without batch normalisation."""
        yield from ()

    @property
    def pretrained_by(self) -> Training | None:
        """The training on the source; None if the model was trained elsewhere."""
        return (self.pretraining or EndToEnd()) if self.weights is None else None

    def files(self) -> tuple[Path, ...]:
        """Return the path of the file of weights, if one is set."""
        return () if self.weights in (None, OWN) else (Path(str(self.weights)),)

    def pretrained_model(self, model: Model, blank: Classifier) -> Classifier | None:
        """Return the model that was trained elsewhere, or None if it is trained on a source.

        Args:
            model: the architecture of the experiment.
            blank: an untrained classifier of it for the target's rows.

        Raises:
            SettingsError: the weights do not fit the model, or `own` is set and it has no weights.
            MissingDataError: the file does not exist.
        """
        if self.weights is None:
            return None
        if self.weights == OWN:
            if is_module(model):
                return model.copy().to(blank.device)
            if not isinstance(model, WeightedModel) or model.weights is None:
                named = type(model).__name__
                raise SettingsError(
                    [f"Transfer.weights 'own' requires weights, which {named} does not have. Name a file."]
                )
            return blank.copy()
        state = read_weights(self.weights, self.weights_part)
        try:
            if is_module(blank) and (classes := blank.classes_of(state)) != blank.classes:
                blank = blank.with_head(classes, Rng(0))
            return restored(blank, state)
        except CapabilityError as error:
            raise SettingsError([f"Transfer.weights: {self.weights} does not fit the model. {error}"]) from error

    def divide(
        self, splits: Splits, rng: Rng, read: Callable[[Source], Splits] = load_source
    ) -> tuple[Dataset | None, Splits]:
        """Return the rows of the source (None with weights), and the splits of the target; classes count from 0."""
        if self.weights is not None:
            return None, splits
        if self.source is not None:
            source = read(self.source).train
            if (source.shape, source.bounds) != (splits.train.shape, splits.train.bounds):
                raise DataError(
                    f"Source and target must have equal shapes and bounds; got rows of {source.shape} in "
                    f"{source.bounds}, and of {splits.train.shape} in {splits.train.bounds}."
                )
            return source, splits
        if self.target_classes:
            return self._by_class(splits)
        order, share = rng.order(splits.train.ids), self.source_share or 0.5
        cut = round(share * len(order))
        if not 0 < cut < len(order):
            raise DataError(f"{len(order)} rows are too few for a source of {share:.0%} and a target.")
        source_rows, rest = (torch.sort(part).values for part in (order[:cut], order[cut:]))
        return splits.train.subset(source_rows), Splits(train=splits.train.subset(rest), test=splits.test)

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
        """Return `start` with its last layers trained on the data; without `start`, a classifier with new weights."""
        first = as_trainable(classifier.fresh(rng.child("weights")) if start is None else start, by="Transfer")
        if self.head == "reset" or first.classes != classifier.classes:
            if self.head == "keep":
                counts = f"{first.classes} classes, the data {classifier.classes}"
                raise SettingsError([f"Transfer.head must be 'reset': the source has {counts}."])
            first = first.with_head(classifier.classes, rng.child("head"))
        else:
            first = first.copy()
        self._freeze(first)
        trained = train(first, data, self, rng=rng.child("loop"), callbacks=callbacks)
        for name, weight in trained.module.named_parameters():
            weight.requires_grad_(name not in trained.frozen)
        trained.factory = classifier.factory if is_module(classifier) else None
        return trained

    def _freeze(self, classifier: ModuleClassifier) -> None:
        weighted = list(_weighted(classifier.module))
        if self.layers > len(weighted):
            raise SettingsError(
                [f"Transfer.layers must be at most {len(weighted)}, as the model has; got {self.layers}."]
            )
        classifier.module.requires_grad_(False)
        for layer in weighted[-self.layers :]:
            layer.requires_grad_(True)


def _weighted(module: nn.Module) -> Iterator[nn.Module]:
    """Yield layers with their own weights, from input to output. Normalisation belongs to the layer before it."""
    for layer in module.modules():
        if any(parameter.ndim >= 2 for parameter in layer.parameters(recurse=False)):
            yield layer


def _only(data: Dataset, classes: tuple[int, ...]) -> Dataset:
    """Return the rows of these classes, numbered from 0 in the given order."""
    number = torch.full((len(data.classes),), -1, device=data.device)
    number[list(classes)] = torch.arange(len(classes), device=data.device)
    kept = data.subset(number[data.y] >= 0)
    return replace(kept, y=number[kept.y], classes=tuple(data.classes[label] for label in classes))
