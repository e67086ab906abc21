"""Small components, sound by default, that break one promise each where `fault` says so."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from antivenom.analysis import AnalysisContext, AnalysisResult, NoLayers
from antivenom.charts import Figure, Histogram, Values
from antivenom.data import CLEAN, Dataset, Splits
from antivenom.defences import StreamVerdict, Subject, Verdict
from antivenom.models import MLP, Checkpoint, Classifier, input_batches, predictions
from antivenom.repairs import FineTuning
from antivenom.rng import Rng
from antivenom.settings import component
from antivenom.testing import toy_images
from antivenom.training import EndToEnd

COUNTED: list[int] = []


def noise(count: int) -> Tensor:
    """Numbers that no seed gives again."""
    return torch.from_numpy(np.random.default_rng().random(count))


@component
class Faulty:
    fault: str = "none"
    needs = frozenset[str]()

    def touch(self, x: Tensor) -> None:
        if self.fault == "writes into its inputs":
            x[-1:] = 0
        if self.fault == "draws from the global stream":
            torch.rand(1)

    def convert(self, data: Dataset) -> None:
        if self.fault == "converts all rows":
            data.inputs()

    def stream(self, rng: Rng) -> Rng:
        if self.fault == "is not reproducible":
            return Rng(int(noise(1).item() * 2**40))
        return Rng(0) if self.fault == "ignores its stream" else rng


@component
class FaultyGoal(Faulty):
    def success(self, classifier: Any, test: Dataset) -> Any:
        self.touch(test.x)
        COUNTED.append(1)
        if not len(test):
            return None
        right = predictions(classifier, test) == test.y
        wrong = {"is above one": 1.5, "is a text": "half", "remembers": 1 / len(COUNTED)}
        if self.fault == "looks at the order":
            return float(test.ids[0]) / 1000
        return wrong.get(self.fault, int(right.sum()) / len(test))


@component
class FaultyTrigger(Faulty):
    def apply(self, x: Tensor, bounds: tuple[float, float]) -> Tensor:
        self.touch(x)
        marked = x.clone()
        if self.fault != "changes nothing":
            marked[..., -1, :] = bounds[1] + (self.fault == "leaves the bounds")
        return marked


@component
class FaultyTriggeredGoal(FaultyGoal):
    def attacked(self, test: Dataset) -> Dataset:
        return test if self.fault == "attacks the wanted class" else test.subset(test.y != 1)

    def triggered(self, data: Dataset) -> Dataset:
        self.convert(data)
        x = data.x.clone()
        for rows, inputs in input_batches(data) if self.fault != "has no trigger" else ():
            x[rows] = data.encode(FaultyTrigger().apply(inputs, (0.0, 1.0)))
        y = torch.zeros_like(data.y) if self.fault == "changes the labels" else data.y
        return Dataset(x=x, y=y, ids=data.ids, classes=data.classes, bounds=data.bounds)

    def wanted(self, data: Dataset) -> Tensor:
        return torch.full_like(data.y, 9 if self.fault == "wants no class" else 1)


@component
class FaultyFilter(Faulty):
    false_rejection_rate: float = 0.1

    def suspicion(self, x: Tensor, classifier: Classifier, *, rng: Rng, clean: Dataset) -> Tensor:
        self.touch(x)
        if self.fault == "writes into the clean rows":
            clean.x[0] = 0
        if self.fault == "is not reproducible":
            return noise(len(x))
        if self.fault == "gives a number a class":
            return classifier.scores(x)
        if "noise" in self.fault:
            shape = x.shape if self.fault == "draws noise for each row" else x.shape[1:]
            noisy = x + 0.2 * torch.randn(shape, generator=rng.generator())
            return (classifier.scores(x).argmax(1) != classifier.scores(noisy).argmax(1)).float()
        found = x.flatten(1).mean(1)
        if self.fault == "is not finite":
            found[0:1] = math.nan
        return found - found.mean() if self.fault == "looks at the others" else found


@component
class FaultyArrival(Faulty):
    def arrange(self, roles: Tensor, ids: Tensor, rng: Rng) -> Tensor:
        self.touch(roles)
        key = int((roles != CLEAN).sum()) if self.fault == "lets the attacker order" else 0
        order = self.stream(rng).child("arrival", key).order(ids)
        if self.fault == "stays on the CPU":
            order = order.cpu()
        if self.fault == "drops a row":
            order = order[1:]
        return torch.cat([order, order[:1]]) if self.fault == "repeats a row" else order


@component
class FaultySurrogate(Faulty):
    def recipe(self, model: Any, training: Any) -> tuple[Any, Any]:
        return (None if self.fault == "names no model" else model), training

    def known_rows(self, data: Dataset, rng: Rng) -> Dataset:
        self.touch(data.x)
        if self.fault == "knows other rows":
            return toy_images(seed=9)
        return data.subset(self.stream(rng).order(data.ids)[:50])


@component
class FaultySource(Faulty):
    def load(self, on_progress: object = None) -> Splits:
        self.touch(torch.zeros(1))
        seed = int(noise(1).item() * 2**20) if self.fault == "is not reproducible" else 0
        return Splits(train=toy_images(40, seed), test=toy_images(20, seed=1))

    def files(self) -> tuple[Path, ...]:
        return (Path("/no/such/file"),) if self.fault == "names a missing file" else ()


@component
class FaultyModel(Faulty):
    def build(self, *, input_shape: Any, classes: int, bounds: Any, rng: Rng) -> Classifier:
        self.touch(torch.zeros(1))
        stream = self.stream(rng)
        return MLP(hidden=(4,)).build(input_shape=input_shape, classes=classes, bounds=bounds, rng=stream)


@component
class FaultyTraining(Faulty):
    def fit(self, classifier: Any, data: Dataset, *, rng: Rng, start: Any = None, callbacks: Any = ()) -> Any:
        self.touch(data.x)
        if self.fault == "does not learn":
            return classifier.fresh(rng)
        heard = () if self.fault == "calls no callback" else callbacks
        training = EndToEnd(epochs=8, learning_rate=5e-3, batch_size=32)
        return training.fit(classifier, data, rng=self.stream(rng), start=start, callbacks=heard)


@component
class FaultyDetector(Faulty):
    false_alarm_rate: float = 0.05

    def score(self, data: Dataset, classifier: Classifier, *, rng: Rng, clean: Any = None) -> Tensor:
        self.touch(data.x)
        if self.fault == "is not reproducible":
            return noise(len(data))
        if self.fault == "looks at the order":
            return torch.arange(len(data)).float()
        self.convert(data)
        scores = torch.cat([classifier.scores(x).softmax(1) for _, x in input_batches(data)])
        right = scores[torch.arange(len(data)), data.y]
        return torch.zeros(len(data)) if self.fault == "finds nothing" else 1 - right


@component
class FaultyScan(Faulty):
    def scan(self, classifier: Classifier, clean: Dataset | None, *, rng: Rng) -> Verdict:
        assert clean is not None
        self.touch(clean.x)
        self.convert(clean)
        marked = clean.inputs(slice(0, 96)).clone()
        marked[..., -2:, :2] = 1
        share = (classifier.scores(marked).argmax(1) == 2).double().mean()
        found = noise(1) if self.fault == "is not reproducible" else share[None]
        chance = torch.ones_like(found) if self.fault == "finds nothing" else (1.001 - found).clamp(0, 1)
        none = torch.zeros(1, dtype=torch.bool)
        details = {"p_value": chance, "flagged": none, "inconclusive": none, "false_alarm_rate": 0.05}
        return Verdict(subjects=(Subject(),), statistic=found, **details)


@component
class FaultyStreamDefence(Faulty):
    min_checkpoints: int = 2

    def blame(self, path: Sequence[Checkpoint], clean: Dataset, *, rng: Rng) -> StreamVerdict:
        self.touch(clean.x)
        signal = torch.tensor([self.accuracy(each.classifier, clean) for each in path])
        if self.fault == "is not reproducible":
            signal = noise(len(path))
        drop = int((signal[:-1] - signal[1:]).argmax())
        fell = float(signal[drop] - signal[drop + 1]) > 0.02 and self.fault != "finds nothing"
        back = Checkpoint(0, path[0].classifier) if self.fault == "goes back to no checkpoint" else path[drop]
        return StreamVerdict((path[drop].rows, path[drop + 1].rows) if fell else None, back, signal)

    def accuracy(self, classifier: Classifier, clean: Dataset) -> float:
        return float((classifier.scores(clean.inputs()).argmax(1) == clean.y).float().mean())


@component
class FaultyRepair(Faulty):
    def repair(self, classifier: Classifier, clean: Dataset, *, rng: Rng, verdict: Any = None) -> Any:
        self.touch(clean.x)
        self.convert(clean)
        if self.fault == "gives the same classifier":
            return classifier
        if self.fault == "forgets everything":
            return classifier.fresh(rng)
        return FineTuning(epochs=1).repair(classifier, clean, rng=self.stream(rng))


@component
class FaultyAnalysis(Faulty):
    def start(self, context: AnalysisContext, rng: Rng) -> NoLayers:
        return NoLayers(lambda: self.finish(context))

    def finish(self, context: AnalysisContext) -> AnalysisResult:
        self.touch(torch.zeros(1))
        self.convert(context.test)
        if self.fault == "describes nothing":
            return AnalysisResult()
        value = float(noise(1)) if self.fault == "is not reproducible" else 0.5
        chart = Histogram(name="it", groups=(Values(values=np.array([0.1, 0.2])),), alt="Two numbers.")
        return AnalysisResult(figures=(Figure(name="it", value=value, unit="none"),), charts=(chart,))
