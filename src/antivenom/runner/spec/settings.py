"""The settings of one experiment: what is asked for, without how it is run."""

from typing import Annotated

import torch
from annotated_types import Interval

from antivenom.analysis import Analysis
from antivenom.attacks import Attack
from antivenom.data import Dataset, Source, Splits
from antivenom.data.sources.digits import Digits
from antivenom.defences import Detector, Filter, Scan, StreamDefence
from antivenom.errors import SettingsError
from antivenom.models import Classifier, Model
from antivenom.models.cnn import CNN
from antivenom.repairs import Repair
from antivenom.rng import Rng
from antivenom.runner.scoring.trusted import trusted_rows
from antivenom.runner.spec.naming import named
from antivenom.settings import AtLeastOne, Component, Count, component
from antivenom.surrogates import Surrogate
from antivenom.surrogates.trained import Trained
from antivenom.training import Training
from antivenom.training.end_to_end import EndToEnd

Defence = Detector | Filter | Scan | StreamDefence


@component
class ExperimentSettings:
    """A data set, a model, an attack and a training setting: victims and their controls, over several seeds.

    Args:
        name: names the run and its folder.
        dataset: where the data comes from; in Python also `Splits`.
        model: the architecture; in Python also a classifier from `as_classifier`, which is trained afresh.
        attack: what is done to the training data.
        training: how victim and control are trained.
        seed: from which all randomness follows.
        repeats: how many times all is done, each with a seed of its own.
        surrogate: the model that an attack is crafted against, where it needs one.
        train_rows: train on this many rows, drawn from the training set; null for all.
        defences: detectors, which score the rows that the victim trains on; filters, which reject inputs at prediction
            time; scans, which look for a backdoor in the victim; stream defences, which say when a stream went wrong.
        repairs: each repairs the victim, and the control, on the defender's rows. One that needs recovered triggers has
            those of the first scan that gives some.
        trusted: where there are defences or repairs, the share of the test set that the defender has, to set
            thresholds, to scan and to repair; half of it to train a model of its own on, where a defence judges rows
            before they are learned from. Nothing is measured on these rows.
        analysis: analyses of what the networks have learned, victim against control.
    """

    name: str = "experiment"
    dataset: Annotated[Source, Component("datasets")] = Digits()
    model: Annotated[Model, Component("models")] = CNN()
    attack: Annotated[Attack, Component("attacks")]
    training: Annotated[Training, Component("trainings")] = EndToEnd()
    seed: Count = 0
    repeats: AtLeastOne = 1
    surrogate: Annotated[Surrogate, Component("surrogates")] = Trained()
    train_rows: AtLeastOne | None = None
    defences: tuple[Annotated[Defence, Component("defences")], ...] = ()
    trusted: Annotated[float, Interval(gt=0, lt=1)] = 0.2
    repairs: tuple[Annotated[Repair, Component("repairs")], ...] = ()
    analysis: tuple[Annotated[Analysis, Component("analyses")], ...] = ()

    @property
    def has_defender(self) -> bool:
        """Whether there is a defender, who has rows of the test set."""
        return bool(self.defences or self.repairs)

    @property
    def needs_earlier_model(self) -> bool:
        """Whether a defence scores rows by a model that stood before they came."""
        return any("earlier_model" in each.needs for each in self.detectors.values())

    @property
    def defences_by_name(self) -> dict[str, Defence]:
        """All defences, under the names of their figures."""
        return named("defences", self.defences)

    @property
    def detectors(self) -> dict[str, Detector]:
        """The defences that score rows, by name."""
        return {name: each for name, each in self.defences_by_name.items() if isinstance(each, Detector)}

    @property
    def filters(self) -> dict[str, Filter]:
        """The defences that reject inputs, by name."""
        return {name: each for name, each in self.defences_by_name.items() if isinstance(each, Filter)}

    @property
    def scans(self) -> dict[str, Scan]:
        """The defences that look for a backdoor in a classifier, by name."""
        return {name: each for name, each in self.defences_by_name.items() if isinstance(each, Scan)}

    @property
    def stream_defences(self) -> dict[str, StreamDefence]:
        """The defences that look back along a stream, by name."""
        return {name: each for name, each in self.defences_by_name.items() if isinstance(each, StreamDefence)}

    @property
    def repairs_by_name(self) -> dict[str, Repair]:
        """The repairs, under the names of their figures."""
        return named("repairs", self.repairs)

    @property
    def analyses(self) -> dict[str, Analysis]:
        """The analyses, under the names of their figures."""
        return named("analyses", self.analysis)

    def blank(self, data: Dataset, rng: Rng) -> Classifier:
        """An untrained classifier for such data."""
        return self.model.build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=rng)

    def part(self, splits: Splits) -> Splits:
        """The rows that the experiment is done on.

        Raises:
            SettingsError: it wants more than there are.
        """
        if self.has_defender:
            trusted_rows(len(splits.test), self.trusted)
        if self.train_rows is None:
            return splits
        if self.train_rows > len(splits.train):
            raise SettingsError([f"train_rows is {self.train_rows}; the data set has {len(splits.train)}."])
        chosen = Rng(self.seed).child("train_rows").order(splits.train.ids)[: self.train_rows]
        return Splits(train=splits.train.subset(torch.sort(chosen).values), test=splits.test)
