"""One experiment: a data set, a model, an attack and a training setting, repeated over seeds, with a control each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import torch
from annotated_types import Interval

from antivenom.analysis import Analysis
from antivenom.attacks import Attack
from antivenom.data import Dataset, Source, Splits
from antivenom.data.sources.digits import Digits
from antivenom.defences import Detector, Scan, StreamDefence
from antivenom.errors import SettingsError
from antivenom.models import Classifier, Model
from antivenom.models.cnn import CNN
from antivenom.registry import name_of
from antivenom.repairs import Repair
from antivenom.rng import Rng
from antivenom.runner.events import Tell, silent
from antivenom.runner.results.result import Result
from antivenom.runner.scoring.detectors import trusted_rows
from antivenom.settings import AtLeastOne, Component, Count, component, describe
from antivenom.storage.store import Store
from antivenom.surrogates import Surrogate
from antivenom.surrogates.trained import Trained
from antivenom.training import Training
from antivenom.training.end_to_end import EndToEnd
from antivenom.training.loop import comes_once

T = TypeVar("T")


@component
class Experiment:
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
        train_rows: train on so many rows, drawn from the training set; null for all.
        defences: detectors, which score the rows that the victim trains on; defences of streams, which say when they
            went wrong; scans, which look for a backdoor in the victim.
        repairs: each mends the victim, and the control, on the defender's rows, after the first of the scans where it
            needs one. What is named again, here, under defences or under analysis, is called `name_2`.
        trusted: where there are defences or repairs, the share of the test set that the defender has, to set
            thresholds, to scan and to repair; a half of it to train a model of its own on, where a defence judges rows
            before they are learned from. Nothing is measured on these rows.
        analysis: what is asked of what the networks have learned, victim against control.

    >>> from antivenom.attacks import BadNets
    >>> from antivenom.models import MLP
    >>> experiment = Experiment(model=MLP(), attack=BadNets(target=7), training=EndToEnd(epochs=8))
    >>> result = experiment.run()
    >>> result.metrics["attack_success_rate"]["mean"] > result.metrics["control_attack_success_rate"]["mean"]
    True
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
    defences: tuple[Annotated[Detector | StreamDefence | Scan, Component("defences")], ...] = ()
    trusted: Annotated[float, Interval(gt=0, lt=1)] = 0.2
    repairs: tuple[Annotated[Repair, Component("repairs")], ...] = ()
    analysis: tuple[Annotated[Analysis, Component("analyses")], ...] = ()

    def run(
        self,
        *,
        out: Path | str | None = None,
        store: Store | None = None,
        device: str = "auto",
        tell: Tell = silent,
    ) -> Result:
        """Run all stages.

        Args:
            out: the run's folder; nothing is written where left out.
            store: where finished stages are kept and found; None computes everything anew.
            device: `cpu`, `cuda`, …, or `auto`: CUDA where there is one.
            tell: told what happens.

        Raises:
            SettingsError: the settings do not fit the data; nothing has been written then.
            DataError: the data is missing or damaged.
        """
        from antivenom.runner.executors.cell import run_cells  # noqa: PLC0415 - it needs this class

        return run_cells({"": self}, out=out, store=store, device=device, tell=tell)[""]

    @property
    def defends(self) -> bool:
        """Whether there is a defender, who has rows of the test set."""
        return bool(self.defences or self.repairs)

    @property
    def judges_arrivals(self) -> bool:
        """Whether a defence scores rows by a model that stood before they came."""
        return any(getattr(each, "arrival", False) for each in self.defences)

    @property
    def menders(self) -> dict[str, Repair]:
        """The repairs by name."""
        return named("repairs", self.repairs)

    @property
    def _defences(self) -> dict[str, Detector | StreamDefence | Scan]:
        return named("defences", self.defences)

    @property
    def detectors(self) -> dict[str, Detector]:
        """The defences that score rows, by name."""
        return {name: each for name, each in self._defences.items() if isinstance(each, Detector)}

    @property
    def stream_defences(self) -> dict[str, StreamDefence]:
        """The defences that look back along a stream, by name."""
        return {name: each for name, each in self._defences.items() if isinstance(each, StreamDefence)}

    @property
    def scans(self) -> dict[str, Scan]:
        """The defences that look for a backdoor in a classifier, by name."""
        return {name: each for name, each in self._defences.items() if isinstance(each, Scan)}

    @property
    def analyses(self) -> dict[str, Analysis]:
        """The analyses by name."""
        return named("analyses", self.analysis)

    def blank(self, data: Dataset, rng: Rng) -> Classifier:
        """An untrained classifier for such data."""
        return self.model.build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=rng)

    def part(self, splits: Splits) -> Splits:
        """The rows that the experiment is done on.

        Raises:
            SettingsError: it wants more than there are.
        """
        if self.defends:
            trusted_rows(len(splits.test), self.trusted)
        if self.train_rows is None:
            return splits
        if self.train_rows > len(splits.train):
            raise SettingsError([f"train_rows is {self.train_rows}; the data set has {len(splits.train)}."])
        chosen = Rng(self.seed).child("train_rows").order(splits.train.ids)[: self.train_rows]
        return Splits(train=splits.train.subset(torch.sort(chosen).values), test=splits.test)

    def problems(self, train: Dataset) -> list[str]:
        """Why the settings do not fit the data."""
        found = []
        parts = (("attack", self.attack, train), ("model", self.model, train.shape), ("training", self.training, train))
        for path, part, subject in parts:
            if callable(ask := getattr(part, "problems", None)):
                found += [f"{path} ({describe(f'{path}s', part)['name']}) {problem}" for problem in ask(subject)]
        looks = getattr(self.training, "checkpoints", 0)
        for name, each in self.stream_defences.items():
            if not comes_once(self.training):
                found.append(f"defences: {name} looks back along a stream; the training online gives one.")
            elif looks < each.fewest:
                found.append(f"defences: {name} needs {each.fewest} checkpoints of the training; it keeps {looks}.")
        found += [
            f"repairs: {name} needs a scan's verdict. Name a scan, such as neural_cleanse, under defences."
            for name, each in self.menders.items()
            if "verdict" in getattr(each, "needs", ()) and not self.scans
        ]
        if not found:
            try:
                made = self.blank(train, Rng(self.seed))
                if callable(given := getattr(self.training, "given", None)):
                    given(self.model, made)
                found += self._problems_with(made)
            except SettingsError as error:
                found += [f"model: {problem}" for problem in error.problems]
            except (RuntimeError, MemoryError, OverflowError, TypeError) as error:  # torch, of sizes that nobody has
                said = str(error).splitlines()[0] if str(error) else type(error).__name__
                found += [f"model ({describe('models', self.model)['name']}) cannot be built: {said}"]
        return found

    def _problems_with(self, made: Classifier) -> list[str]:
        """What scans, repairs and analyses cannot do with such a model."""
        asked: tuple[tuple[str, Mapping[str, object]], ...] = (("defences", self.scans), ("repairs", self.menders))
        found = [
            f"{path}: {name} needs gradients, and the model has none."
            for path, parts in asked
            for name in parts
            if "gradients" not in made.can
        ]
        found += [
            f"analysis: {name} looks into a network's layers, and the model has none."
            for name, each in self.analyses.items()
            if getattr(each, "needs", frozenset()) - made.can
        ]
        asked = (("analysis", self.analyses), ("repairs", self.menders))
        return found or [
            f"{path}: {name}: {problem}"
            for path, parts in asked
            for name, part in parts.items()
            if callable(ask := getattr(part, "problems", None))
            for problem in ask(made)
        ]


def named(kind: str, parts: Sequence[T]) -> dict[str, T]:
    """Components by name; the second of a name is called `name_2`, the third `name_3`."""
    found: dict[str, T] = {}
    for each in parts:
        name = name_of(kind, type(each))
        number = sum(name_of(kind, type(other)) == name for other in found.values()) + 1
        found[name if number == 1 else f"{name}_{number}"] = each
    return found
