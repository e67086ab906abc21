"""The settings of one experiment, without the code that runs it."""

from dataclasses import field
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
from antivenom.runner.scoring.intervals import IntervalMethod
from antivenom.runner.scoring.trusted import trusted_rows
from antivenom.runner.spec.repeats import RepeatRule, Repeats, rule_of
from antivenom.runner.spec.resources import Resources, check_resources
from antivenom.settings import AtLeastOne, Component, Count, component
from antivenom.settings.naming import named
from antivenom.surrogates import Surrogate
from antivenom.surrogates.trained import Trained
from antivenom.trackers import Tracker
from antivenom.training import Training
from antivenom.training.end_to_end import EndToEnd

Defence = Detector | Filter | Scan | StreamDefence


@component
class ExperimentSettings:
    """A data set, a model, an attack and a training setting: victims and their controls, over several seeds.

    Args:
        name: the name of the run and of its folder.
        dataset: the data set; in Python also `Splits`.
        model: the architecture; in Python also a classifier from `as_classifier`, which is trained again.
        attack: the attack on the training data.
        training: the training of victim and control.
        seed: the seed of all randomness.
        repeats: the number of repeats, each with its own seed; or a rule that adds repeats until the half width of an
            interval is small enough, such as `{until: 0.01, of: attack.success_rate, at_most: 20}`. `at_least` (3) is
            the smallest number of repeats.
        interval: the 95 % intervals over the repeats: by Student's `t`, or by the BCa `bootstrap`, for ten repeats or
            more.
        surrogate: the model that an attack is crafted against, if it needs one.
        train_rows: the number of training rows, chosen at random; null for all.
        defences: detectors, which score the rows of the training set; filters, which reject inputs at prediction
            time; scans, which look for a backdoor in the victim; stream defences, which find when a stream went wrong.
        repairs: each repairs the victim and the control, using the defender's rows. A repair that needs recovered
            triggers receives those of the first scan that recovers any.
        trusted: the share of the test set that the defender has, if there are defences or repairs. It serves to set
            thresholds, to scan and to repair. If a defence scores rows before they are learned, half of it trains the
            defender's own model. Nothing is measured on these rows.
        analysis: analyses of what victim and control have learned.
        trackers: other programs that the run reports to while it runs, such as TensorBoard. They change no result.
        resources: the cores and GPUs that the run takes as a cell of a sweep on Ray, such as `{cpus: 2, gpus: 0.25}`.
            A key that is missing has the value of the executor.
    """

    name: str = "experiment"
    dataset: Annotated[Source, Component("datasets")] = Digits()
    model: Annotated[Model, Component("models")] = CNN()
    attack: Annotated[Attack, Component("attacks")]
    training: Annotated[Training, Component("trainings")] = EndToEnd()
    seed: Count = 0
    repeats: Repeats = 1
    interval: IntervalMethod = "t"
    surrogate: Annotated[Surrogate, Component("surrogates")] = Trained()
    train_rows: AtLeastOne | None = None
    defences: tuple[Annotated[Defence, Component("defences")], ...] = ()
    trusted: Annotated[float, Interval(gt=0, lt=1)] = 0.2
    repairs: tuple[Annotated[Repair, Component("repairs")], ...] = ()
    analysis: tuple[Annotated[Analysis, Component("analyses")], ...] = ()
    trackers: tuple[Annotated[Tracker, Component("trackers")], ...] = ()
    resources: Resources = field(default_factory=dict)

    def __post_init__(self) -> None:
        rule_of(self.repeats)
        check_resources(self.resources)

    @property
    def repeat_rule(self) -> RepeatRule | None:
        """The rule that adds repeats; None for a fixed number."""
        return rule_of(self.repeats)

    @property
    def most_repeats(self) -> int:
        """The largest number of repeats."""
        return self.repeats if isinstance(self.repeats, int) else rule_of(self.repeats).at_most

    @property
    def has_defender(self) -> bool:
        """True if there are defences or repairs: then the defender has rows of the test set."""
        return bool(self.defences or self.repairs)

    @property
    def needs_earlier_model(self) -> bool:
        """True if a defence scores rows with a model from before the poisoned data."""
        return any("earlier_model" in each.needs for each in self.detectors.values())

    @property
    def defences_by_name(self) -> dict[str, Defence]:
        """All defences, by the names that their figures have."""
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
        """The repairs, by the names that their figures have."""
        return named("repairs", self.repairs)

    @property
    def analyses(self) -> dict[str, Analysis]:
        """The analyses, by the names that their figures have."""
        return named("analyses", self.analysis)

    def blank(self, data: Dataset, rng: Rng) -> Classifier:
        """Return an untrained classifier for the data."""
        return self.model.build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=rng)

    def part(self, splits: Splits) -> Splits:
        """Return the rows that the experiment uses.

        Raises:
            SettingsError: the experiment needs more rows than the data set has.
        """
        if self.has_defender:
            trusted_rows(len(splits.test), self.trusted)
        if self.train_rows is None:
            return splits
        if self.train_rows > len(splits.train):
            raise SettingsError(
                [f"train_rows must be at most {len(splits.train)}, as the data set has; got {self.train_rows}."]
            )
        chosen = Rng(self.seed).child("train_rows").order(splits.train.ids)[: self.train_rows]
        return Splits(train=splits.train.subset(torch.sort(chosen).values), test=splits.test)
