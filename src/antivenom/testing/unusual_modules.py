"""Checks with modules as users bring them: each component takes them, or refuses them with a message.

One module flattens with `view`, returns a tuple, has a lazy, a parametrized and a frozen layer, batch normalisation,
and rows of which the last batch has one. The other returns one number for two classes.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from antivenom.analysis import Analysis, AnalysisContext, analyse
from antivenom.attacks import Attack
from antivenom.attacks.badnets import BadNets
from antivenom.calling import guarded, scored
from antivenom.charts import with_evidence
from antivenom.data import Dataset
from antivenom.defences import Detector, Filter, Scan, Verdict
from antivenom.errors import AntivenomError, ComponentError
from antivenom.models import Checkpoint, Classifier, ModuleClassifier
from antivenom.repairs import Repair
from antivenom.repairs._repair import apply_repair
from antivenom.rng import Rng
from antivenom.testing._device import here
from antivenom.testing._toys import CLASSES, toy_images
from antivenom.testing.register import check
from antivenom.testing.repairs import verdict_on
from antivenom.training import Training

ROWS = 129
"""One row more than batches of 8, 16, 32, 64 and 128 rows."""


class Viewing(nn.Module):
    """A network of four classes that returns a tuple of scores and features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3).requires_grad_(False)
        self.hidden = weight_norm(nn.Linear(96, 8))
        self.norm = nn.BatchNorm1d(8)
        self.relu = nn.ReLU(inplace=True)
        self.output = nn.LazyLinear(CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        """Return logits (n, 4), and None."""
        x = self.relu(self.conv(x))
        return self.output(self.relu(self.norm(self.hidden(x.view(len(x), -1))))), None


class OneLogit(nn.Module):
    """A network of two classes that returns one number for each row."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.output = nn.Linear(36, 8), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n) of class 1."""
        out: Tensor = self.output(torch.relu(self.hidden(x.flatten(1))))
        return out.squeeze(1)


def unusual_modules() -> tuple[tuple[ModuleClassifier, Dataset], ...]:
    """Return unusual modules as classifiers, each with rows for it.

    >>> [classifier.classes for classifier, _ in unusual_modules()]
    [4, 2]
    """
    four = toy_images(ROWS)
    doubled = toy_images(2 * ROWS)
    kept = doubled.y < 2
    two = Dataset.from_arrays(doubled.x[kept][:ROWS], doubled.y[kept][:ROWS]).to(here())
    with Rng(0).torch_globally():
        modules = Viewing(), OneLogit()
    return tuple(
        (ModuleClassifier(module, input_shape=data.shape).fresh(Rng(0)).to(here()), data)
        for module, data in zip(modules, (four, two), strict=True)
    )


@contextmanager
def refusals_allowed() -> Iterator[None]:
    """Accept an error with a message for the user inside a `with` statement, but not a fault of the component."""
    try:
        yield
    except ComponentError:
        raise
    except AntivenomError:
        return


@check
def training_takes_unusual_modules(training: Training) -> None:
    """The training takes unusual modules, and keeps frozen weights."""
    for classifier, data in unusual_modules():
        with refusals_allowed():
            trained = with_evidence(training.fit(classifier, data, rng=Rng(0))).result
            _check_scores(classifier, trained, data)
            first, second = classifier.state(), trained.state()
            changed = [name for name in sorted(classifier.frozen) if not _kept(first[name], second, name)]
            assert not changed, f"it changed the frozen weights {', '.join(changed)}"


@check
def repair_takes_unusual_modules(repair: Repair) -> None:
    """The repair takes unusual modules."""
    for classifier, data in unusual_modules():
        with refusals_allowed():
            repaired = apply_repair(repair, classifier, data, rng=Rng(0), verdict=verdict_on(data, 1)).result
            _check_scores(classifier, repaired, data)


@check
def detector_takes_unusual_modules(detector: Detector) -> None:
    """The detector takes unusual modules: it returns a number for each row."""
    for classifier, data in unusual_modules():
        with refusals_allowed():
            scores = scored(detector, Detector.score, data, classifier, rng=Rng(0), clean=data).result
            _check_numbers(scores, data)


@check
def filter_takes_unusual_modules(one: Filter) -> None:
    """The filter takes unusual modules: it returns a number for each input."""
    for classifier, data in unusual_modules():
        with refusals_allowed():
            scores = scored(one, Filter.suspicion, data.inputs(), classifier, rng=Rng(0), clean=data).result
            _check_numbers(scores, data)


@check
def scan_takes_unusual_modules(scan: Scan) -> None:
    """The scan takes unusual modules: it returns a row for each subject."""
    for classifier, data in unusual_modules():
        with refusals_allowed():
            verdict = guarded(scan, Scan.scan, Verdict)(classifier, data, rng=Rng(0))
            assert len(verdict.statistic) == len(verdict.subjects), "the verdict must have a statistic for each subject"


@check
def attack_takes_unusual_modules(attack: Attack) -> None:
    """The attack takes unusual modules as its surrogate."""
    for classifier, data in unusual_modules():
        with refusals_allowed(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "There is a performance drop")  # torch, for weight_norm in a batch
            attack.poison(data, rng=Rng(0), surrogate=classifier)


@check
def analysis_takes_unusual_modules(analysis: Analysis) -> None:
    """The analysis takes unusual modules: it returns a figure or a chart."""
    for classifier, data in unusual_modules():
        poisoned = BadNets(rate=0.2, target=1).poison(data, rng=Rng(0))
        other = classifier.fresh(Rng(1))
        paths = tuple((Checkpoint(ROWS, one), Checkpoint(2 * ROWS, one)) for one in (classifier, other))
        context = AnalysisContext(classifier, other, poisoned, data, (paths[0], paths[1]))
        with refusals_allowed():
            evidence, _ = analyse({"it": analysis}, context, Rng(0))
            assert evidence.figures or evidence.charts, "the analysis returned neither a figure nor a chart"


def _check_scores(before: ModuleClassifier, after: Classifier, data: Dataset) -> None:
    scores = after.scores(data.inputs())
    assert scores.shape == (len(data), before.classes), f"scores must have shape ({len(data)}, {before.classes})"
    assert bool(torch.isfinite(scores).all()), "the scores must be finite numbers"


def _kept(value: Tensor, state: Mapping[str, Tensor], name: str) -> bool:
    """Return whether each weight with this name is unchanged. A classifier of several networks has several of them."""
    weights = [each for key, each in state.items() if f".{key}".endswith(f".{name}")]
    return bool(weights) and all(torch.equal(value, each) for each in weights)


def _check_numbers(scores: Tensor, data: Dataset) -> None:
    assert scores.shape == (len(data),), f"it must return ({len(data)},) numbers; got {tuple(scores.shape)}"
    assert not bool(torch.isnan(scores).any()), "it must return numbers; some are NaN"
