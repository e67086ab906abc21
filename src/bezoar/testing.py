"""Conformance checks: does a component keep its promises? Run them on your own.

    from bezoar.testing import check_attack
    check_attack(MyAttack(rate=0.2))

Each check is a function of its own that raises `AssertionError` with what was broken. `bezoar`'s own tests run all of
them on every registered component; a waiver needs a written reason.
"""

import dataclasses
import json
import pickle  # noqa: TID251 - settings made here are copied; no file is read
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch

from bezoar.analysis import Analysis, Scene, analyse
from bezoar.attacks import Attack
from bezoar.attacks.badnets import BadNets
from bezoar.attacks.label_flip import LabelFlip
from bezoar.data import Dataset, Poisoned, Source
from bezoar.defences import Detector, Scan, StreamDefence, Verdict
from bezoar.errors import CapabilityError
from bezoar.metrics import accuracy, auroc
from bezoar.models import Checkpoint, Classifier, Model
from bezoar.models.mlp import MLP
from bezoar.repairs import Repair
from bezoar.rng import Rng
from bezoar.settings import build, describe
from bezoar.shapes import Chosen
from bezoar.training import Epoch, Training
from bezoar.training.end_to_end import EndToEnd
from bezoar.training.online import Online
from bezoar.triggers import Trigger
from bezoar.triggers.patch import Patch

T = TypeVar("T")
CLASSES = 4


def toy_images(rows: int = 240, seed: int = 0) -> Dataset:
    """Images of 6 × 6 in uint8: each class is bright in a corner of its own, under noise. Easy to learn.

    >>> toy_images().x.shape
    torch.Size([240, 1, 6, 6])
    """
    y = torch.arange(rows) % CLASSES
    noise = torch.rand(rows, 1, 6, 6, generator=Rng(seed).child("toy").generator())
    x = (noise * 120).to(torch.uint8)
    for label, (row, column) in enumerate(((0, 0), (0, 3), (3, 0), (2, 2))):
        x[y == label, :, row : row + 3, column : column + 3] += 110
    return Dataset.from_arrays(x, y)


def toy_table(rows: int = 240, seed: int = 0) -> Dataset:
    """Rows of 8 numbers in [0, 1]: each class is high in two of them. Easy to learn."""
    y = torch.arange(rows) % CLASSES
    x = torch.rand(rows, 8, generator=Rng(seed).child("toy").generator()) * 0.5
    for label in range(CLASSES):
        x[y == label, 2 * label : 2 * label + 2] += 0.45
    return Dataset.from_arrays(x, y, bounds=(0.0, 1.0))


@contextmanager
def global_state_untouched() -> Iterator[None]:
    """Fail where the block draws from, or seeds, a global random stream."""
    before = torch.random.get_rng_state(), _numpy_state()
    yield
    after = torch.random.get_rng_state(), _numpy_state()
    assert torch.equal(before[0], after[0]), "torch's global random state was touched"
    assert before[1] == after[1], "NumPy's global random state was touched"


def settings_round_trip(kind: str, made: Any) -> None:
    """Settings survive JSON and pickle."""
    assert dataclasses.is_dataclass(made), "a component is a dataclass; decorate it with @component"
    plain = json.loads(json.dumps(describe(kind, made)))
    assert build(kind, plain, path=kind, allow_code=True) == made, "settings changed on the way through JSON"
    assert pickle.loads(pickle.dumps(made)) == made, "settings changed on the way through pickle"  # noqa: S301
    try:
        setattr(made, dataclasses.fields(made)[0].name if dataclasses.fields(made) else "x", None)
    except dataclasses.FrozenInstanceError:
        return
    raise AssertionError("settings must be frozen")


# Attacks ------------------------------------------------------------------------------------------------------------


def _poison(attack: Attack, data: Dataset, seed: int = 0) -> Poisoned:
    surrogate = MLP(hidden=(8,)).build(
        input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=Rng(0)
    )
    return attack.poison(data, rng=Rng(seed).child("attack"), surrogate=surrogate)


def _with(attack: T, **settings: Any) -> T:
    """The same settings but for some, where it has them; `rate` takes the place of `count`."""
    held = {field.name for field in dataclasses.fields(attack)}  # type: ignore[arg-type]
    if "rate" in settings and "count" in held:
        settings["count"] = None
    return dataclasses.replace(attack, **{name: v for name, v in settings.items() if name in held})  # type: ignore[type-var]


def attack_leaves_its_inputs_alone(attack: Attack) -> None:
    """Neither the data nor any global random stream is touched."""
    data = toy_images()
    copied = dataclasses.replace(data, x=data.x.clone(), y=data.y.clone(), ids=data.ids.clone())
    with global_state_untouched():
        _poison(attack, data)
    assert copied.fingerprint == dataclasses.replace(data).fingerprint, "the attack changed the data it was given"


def attack_is_reproducible(attack: Attack) -> None:
    """Same seed, same bytes; another seed, others."""
    data = toy_images()
    first, again, other = (_poison(attack, data, seed).data.fingerprint for seed in (0, 0, 1))
    assert first == again, "the same seed gave another poison"
    assert first != other, "another seed gave the same poison"


def attack_says_which_rows_it_contributed(attack: Attack) -> None:
    """Rows that are not the attacker's are as they were, and keep their ids."""
    data = toy_images()
    poisoned = _poison(attack, data)
    clean = torch.nonzero(poisoned.roles == 0).flatten()
    assert len(clean) + len(poisoned.rows) == len(poisoned.data), "roles and rows disagree"
    kept = poisoned.data.subset(clean)
    assert torch.equal(kept.x, data.x[clean]), "a row that is called clean has other content"
    assert torch.equal(kept.y, data.y[clean]), "a row that is called clean has another label"
    assert torch.equal(kept.ids, data.ids[clean]), "a row lost its id"
    assert len(poisoned.data.ids.unique()) == len(poisoned.data), "two rows have one id"


def attack_keeps_type_and_bounds(attack: Attack) -> None:
    """Poison is stored as the data is, within its bounds, with labels that are classes."""
    for data in (toy_images(), toy_table()):
        if _refuses(attack, data):
            continue
        poisoned = _poison(attack, data).data
        assert (poisoned.x.dtype, poisoned.shape, poisoned.device) == (data.x.dtype, data.shape, data.device)
        inputs = poisoned.inputs()
        low, high = data.bounds or (0.0, 1.0)
        assert low <= float(inputs.min()) <= float(inputs.max()) <= high, "poison left the bounds"


def attack_keeps_its_rate(attack: Attack) -> None:
    """`rate` is the poisoned share of the final training set, and 0 is the identity."""
    if "rate" not in {field.name for field in dataclasses.fields(attack)}:  # type: ignore[arg-type]
        return
    data = toy_images()
    assert _poison(_with(attack, rate=0.0), data).data.fingerprint == data.fingerprint, "rate 0 changed the data"
    for rate in (0.05, 0.2):
        got = _poison(_with(attack, rate=rate), data).rate
        assert abs(got - rate) <= 1 / len(data), f"asked for a rate of {rate}, got {got:.4f}"


def attack_has_an_effect(attack: Attack) -> None:
    """Its goal is reached better on a victim than on the control; a goal without a rate: its rows differ."""
    data, test = toy_images(), toy_images(seed=1)
    poisoned = _poison(_with(attack, rate=0.2), data)
    training = EndToEnd(epochs=15, batch_size=16, learning_rate=5e-3)
    blank = MLP(hidden=(16,)).build(input_shape=data.shape, classes=CLASSES, bounds=data.bounds, rng=Rng(0))
    sets = (poisoned.data, poisoned.control(Rng(0)))
    rates = [poisoned.goal.success(training.fit(blank, rows, rng=Rng(0)), test) for rows in sets]
    if rates[0] is not None and rates[1] is not None:
        assert rates[0] > rates[1], f"success is {rates[0]:.3f} on the victim and {rates[1]:.3f} on the control"
        return
    base, origin = poisoned.base, poisoned.origin
    other = (poisoned.x != base.x[origin]).flatten(1).any(1) | (poisoned.y != base.y[origin]) | (origin < 0)
    assert bool(other.float().mean() > 0.9), "most rows are what they were made from"


def attack_settings_round_trip(attack: Attack) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("attacks", attack)


def _refuses(attack: Attack, data: Dataset) -> bool:
    ask = getattr(attack, "problems", None)
    return ask is not None and any(True for _ in ask(data))


# Training -----------------------------------------------------------------------------------------------------------


def _toy_model(data: Dataset) -> Classifier:
    return MLP(hidden=(16,)).build(input_shape=data.shape, classes=len(data.classes), bounds=data.bounds, rng=Rng(0))


def training_leaves_its_inputs_alone(training: Training) -> None:
    """Neither architecture, start, data nor any global random stream is touched."""
    data = toy_images()
    blank, start = _toy_model(data), _toy_model(data).fresh(Rng(5))
    before = _bytes(blank), _bytes(start), data.fingerprint
    with global_state_untouched():
        training.fit(blank, data, rng=Rng(0), start=start)
    assert before == (_bytes(blank), _bytes(start), dataclasses.replace(data).fingerprint), "an input was changed"


def training_is_reproducible(training: Training) -> None:
    """Same seed, same bytes; another seed, others."""
    data = toy_images()
    blank = _toy_model(data)
    first, again, other = (_bytes(training.fit(blank, data, rng=Rng(seed))) for seed in (0, 0, 1))
    assert first == again, "the same seed gave other weights"
    assert first != other, "another seed gave the same weights"


def training_learns(training: Training) -> None:
    """Unseen rows of an easy problem are classified far better than by chance, and watchers hear of it."""
    heard: list[Epoch] = []
    data = toy_images(480)
    trained = training.fit(_toy_model(data), data, rng=Rng(0), watch=(heard.append,))
    got = accuracy(trained, toy_images(seed=1))
    assert got > 2 / CLASSES, f"accuracy on an easy problem is {got:.3f}"
    assert heard, "no watcher was told"


def training_settings_round_trip(training: Training) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("trainings", training)


# Defences -----------------------------------------------------------------------------------------------------------


def _planted() -> tuple[Dataset, Chosen, Classifier, Dataset]:
    """Rows of which one in ten has a wrong label, which those are, a model that learned from clean rows, and others."""
    data, model = toy_images(), _toy_model(toy_images())
    trained = EndToEnd(epochs=8, learning_rate=1e-2, batch_size=32).fit(model, toy_images(seed=1), rng=Rng(0))
    wrong = torch.zeros(len(data), dtype=torch.bool)
    wrong[Rng(0).child("wrong").order(data.ids)[: len(data) // 10]] = True
    labels = torch.where(wrong, (data.y + 1) % CLASSES, data.y)
    return dataclasses.replace(data, y=labels), wrong, trained, toy_images(seed=2)


def detector_leaves_its_inputs_alone(detector: Detector) -> None:
    """Neither data, classifier, clean rows nor any global random stream is touched."""
    data, _, classifier, clean = _planted()
    prints = [dataclasses.replace(each).fingerprint for each in (data, clean)]
    before = _bytes(classifier)
    with global_state_untouched():
        scores = detector.score(data, classifier, rng=Rng(0), clean=clean)
    assert scores.shape == (len(data),), f"one score a row; got {tuple(scores.shape)}"
    assert not scores.requires_grad, "scores carry a gradient"
    assert before == _bytes(classifier), "the classifier was changed"
    assert prints == [dataclasses.replace(each).fingerprint for each in (data, clean)], "data was changed"


def detector_is_reproducible(detector: Detector) -> None:
    """Same seed, same scores, to the bit."""
    data, _, classifier, clean = _planted()
    first, again = (detector.score(data, classifier, rng=Rng(0), clean=clean) for _ in range(2))
    assert torch.equal(first, again), "the same seed gave other scores"


def detector_does_not_look_at_the_order(detector: Detector) -> None:
    """Permuting the rows permutes the scores."""
    data, _, classifier, clean = _planted()
    order = Rng(1).child("order").order(data.ids)
    scores = detector.score(data, classifier, rng=Rng(0), clean=clean)
    permuted = detector.score(data.subset(order), classifier, rng=Rng(0), clean=clean)
    assert torch.allclose(permuted, scores[order], rtol=1e-4, atol=1e-5), "scores depend on the rows' order"


def detector_finds_what_was_planted(detector: Detector) -> None:
    """Wrong labels on an easy problem are found far better than by chance."""
    data, wrong, classifier, clean = _planted()
    found = auroc(detector.score(data, classifier, rng=Rng(0), clean=clean), wrong)
    assert found is not None
    assert found > 0.75, f"AUROC on wrong labels is {found:.3f}"


def detector_settings_round_trip(detector: Detector) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("defences", detector)


@cache
def _planted_path(poisoned: bool) -> tuple[list[Checkpoint], int]:
    """How a model stood along 480 rows, of which 60 from the middle on have wrong labels, or none; where they begin."""
    known, data, first = toy_images(240, seed=3), toy_images(480), 240
    model = _toy_model(known)
    start = EndToEnd(epochs=12, learning_rate=1e-2, batch_size=32).fit(model, known, rng=Rng(0))
    wrong = (torch.arange(len(data)) >= first) & (torch.arange(len(data)) < first + 60) & poisoned
    data = dataclasses.replace(data, y=torch.where(wrong, (data.y + 1) % CLASSES, data.y))
    path = [Checkpoint(0, start)]

    def keep(epoch: Epoch) -> None:
        assert epoch.classifier is not None
        path.append(Checkpoint(epoch.rows, epoch.classifier.copy()))

    Online(learning_rate=0.02, checkpoints=24).fit(model, data, rng=Rng(0), start=start, watch=(keep,))
    return path, first


def stream_defence_leaves_its_inputs_alone(defence: StreamDefence) -> None:
    """Neither checkpoints, clean rows nor any global random stream is touched, and it goes back to a checkpoint."""
    (path, _), clean = _planted_path(poisoned=True), toy_images(seed=2)
    before = [_bytes(each.classifier) for each in path], dataclasses.replace(clean).fingerprint
    with global_state_untouched():
        said = defence.blame(path, clean, rng=Rng(0))
    assert before == ([_bytes(each.classifier) for each in path], dataclasses.replace(clean).fingerprint)
    assert any(said.back is each for each in path), "it goes back to no checkpoint of the path"
    assert len(said.signal) == len(path), "it shows no signal for every checkpoint"


def stream_defence_is_reproducible(defence: StreamDefence) -> None:
    """Same seed, same verdict and signal, to the bit."""
    path, _ = _planted_path(poisoned=True)
    first, again = (defence.blame(path, toy_images(seed=2), rng=Rng(0)) for _ in range(2))
    assert (first.window, first.back.rows) == (again.window, again.back.rows), "the same seed gave another verdict"
    assert torch.equal(first.signal, again.signal), "the same seed gave another signal"


def stream_defence_finds_what_was_planted(defence: StreamDefence) -> None:
    """A burst of wrong labels is found where it begins, and a clean stream raises no alarm."""
    path, first = _planted_path(poisoned=True)
    said = defence.blame(path, toy_images(seed=2), rng=Rng(0))
    assert said.window is not None, "a burst of wrong labels went unseen"
    assert abs(said.window[0] - first) <= 40, f"the burst begins at row {first}; blamed are rows {said.window}"
    assert said.back.rows <= said.window[0], "it goes back into the window that it blames"
    clean, _ = _planted_path(poisoned=False)
    assert defence.blame(clean, toy_images(seed=2), rng=Rng(0)).window is None, "a clean stream raised an alarm"


def stream_defence_settings_round_trip(defence: StreamDefence) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("defences", defence)


@cache
def _planted_backdoor() -> tuple[Classifier, Classifier, int]:
    """A network with a backdoor, its control, and the backdoor's target."""
    data = toy_images(480)
    poisoned = BadNets(rate=0.2, target=2, trigger=Patch(size=2, position="bottom_left")).poison(data, rng=Rng(0))
    training = EndToEnd(epochs=20, learning_rate=5e-3, batch_size=32)
    victim, control = (training.fit(_toy_model(data), rows, rng=Rng(1)) for rows in (poisoned.data, data))
    return victim, control, 2


def scan_leaves_its_inputs_alone(scan: Scan) -> None:
    """Neither classifier, clean rows nor any global random stream is touched."""
    victim, _, _ = _planted_backdoor()
    clean = toy_images(96, seed=1)
    before = _bytes(victim), dataclasses.replace(clean).fingerprint
    with global_state_untouched():
        scan.scan(victim, clean, rng=Rng(0))
    assert before == (_bytes(victim), dataclasses.replace(clean).fingerprint), "the scan changed what it was given"


def scan_is_reproducible(scan: Scan) -> None:
    """Same seed, same masks and p-values, to the bit."""
    victim, _, _ = _planted_backdoor()
    first, again = (scan.scan(victim, toy_images(96, seed=1), rng=Rng(0)) for _ in range(2))
    assert torch.equal(first.masks, again.masks), "the same seed gave other masks"
    assert torch.equal(first.p_value.nan_to_num(), again.p_value.nan_to_num()), "the same seed gave another verdict"


def scan_finds_what_was_planted(scan: Scan) -> None:
    """A backdoor's target has the smallest trigger, which works, and a row for each class is given."""
    victim, control, target = _planted_backdoor()
    clean = toy_images(96, seed=1)
    said = scan.scan(victim, clean, rng=Rng(0))
    assert said.masks.shape[0] == said.l1.shape[0] == said.p_value.shape[0] == CLASSES, "a class has no row"
    assert bool(((said.masks >= 0) & (said.masks <= 1)).all()), "a mask leaves [0, 1]"
    assert int(said.l1.argmin()) == target, "another class has the smallest trigger"
    taken = victim.scores(said.with_trigger(clean.inputs(), target)).argmax(1) == target
    assert float(taken.float().mean()) > 0.8, "the recovered trigger does not work"
    twin = scan.scan(control, clean, rng=Rng(0))
    assert float(twin.l1[target]) > 1.2 * float(said.l1[target]), "the control's trigger is as small"


def scan_settings_round_trip(scan: Scan) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("defences", scan)


def _verdict_on(data: Dataset, target: int) -> Verdict:
    """What a perfect scan would say of the planted backdoor."""
    mask = torch.zeros(CLASSES, 1, *data.shape[1:])
    mask[target, :, -2:, :2] = 1
    chances = torch.ones(CLASSES, dtype=torch.float64)
    chances[target] = 1e-4
    found = mask.flatten(1).sum(1).double()
    return Verdict(
        masks=mask,
        patterns=torch.ones(CLASSES, *data.shape),
        l1=found,
        threshold=found,
        success=found,
        anomaly_index=found,
        p_value=chances,
        flagged=chances < 0.05,
        inconclusive=torch.zeros(CLASSES, dtype=torch.bool),
        false_alarm_rate=0.05,
        rows=0,
    )


def repair_leaves_its_inputs_alone(repair: Repair) -> None:
    """Neither classifier, clean rows, verdict nor any global random stream is touched."""
    victim, _, target = _planted_backdoor()
    clean = toy_images(160, seed=1)
    verdict = _verdict_on(clean, target)
    before = _bytes(victim), dataclasses.replace(clean).fingerprint, verdict.masks.clone()
    with global_state_untouched():
        mended = repair.repair(victim, clean, rng=Rng(0), verdict=verdict)
    assert before[:2] == (_bytes(victim), dataclasses.replace(clean).fingerprint), (
        "the repair changed what it was given"
    )
    assert torch.equal(before[2], verdict.masks), "the repair changed the verdict"
    assert mended is not victim, "a repair gives a new classifier"


def repair_is_reproducible(repair: Repair) -> None:
    """Same seed, same weights."""
    victim, _, target = _planted_backdoor()
    clean = toy_images(160, seed=1)
    both = [repair.repair(victim, clean, rng=Rng(0), verdict=_verdict_on(clean, target)) for _ in range(2)]
    assert _bytes(both[0]) == _bytes(both[1]), "the same seed gave other weights"


def repair_keeps_what_was_right(repair: Repair) -> None:
    """A backdoored network stays accurate; with a verdict the backdoor goes, and without a flag nothing changes."""
    victim, _, target = _planted_backdoor()
    clean, test = toy_images(160, seed=1), toy_images(240, seed=2)
    verdict = _verdict_on(clean, target)
    mended = repair.repair(victim, clean, rng=Rng(0), verdict=verdict)
    lost = accuracy(victim, test) - accuracy(mended, test)
    assert lost < 0.1, f"it costs {lost:.2f} of the accuracy"
    if "verdict" not in getattr(repair, "needs", ()):
        return
    rows = test.subset(test.y != target).inputs()
    success = [
        float((one.scores(verdict.with_trigger(rows, target)).argmax(1) == target).float().mean())
        for one in (victim, mended)
    ]
    assert success[1] < 0.5 * success[0], f"the trigger succeeds in {success[1]:.2f} after it, {success[0]:.2f} before"
    calm = dataclasses.replace(verdict, flagged=torch.zeros(CLASSES, dtype=torch.bool))
    same = repair.repair(victim, clean, rng=Rng(0), verdict=calm)
    assert _bytes(same) == _bytes(victim), "nothing was suspected, and it changed the weights"


def repair_settings_round_trip(repair: Repair) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("repairs", repair)


# Analyses -----------------------------------------------------------------------------------------------------------


@cache
def _toy_scenes() -> tuple[Scene, ...]:
    """A backdoored victim and its control, and the same of wrong labels, which have no trigger."""
    data, test, scenes = toy_images(), toy_images(seed=1), []
    for attack in (BadNets(rate=0.2), LabelFlip(rate=0.2)):
        poisoned = attack.poison(data, rng=Rng(0))
        training = EndToEnd(epochs=4, batch_size=32, learning_rate=5e-3)
        both = [training.fit(_toy_model(data), rows, rng=Rng(0)) for rows in (poisoned.data, data)]
        paths = [tuple(Checkpoint(240 * place, one) for place in (1, 2)) for one in both]
        scenes.append(Scene(both[0], both[1], poisoned, test, (paths[0], paths[1])))
    return tuple(scenes)


def analysis_leaves_its_inputs_alone(analysis: Analysis) -> None:
    """Neither network, rows nor any global random stream is touched."""
    for scene in _toy_scenes():
        before = _bytes(scene.victim), _bytes(scene.control), dataclasses.replace(scene.test).fingerprint
        with global_state_untouched():
            analyse({"it": analysis}, scene, Rng(0))
        after = _bytes(scene.victim), _bytes(scene.control), dataclasses.replace(scene.test).fingerprint
        assert before == after, "the analysis changed what it was given"


def analysis_is_reproducible(analysis: Analysis) -> None:
    """Same seed, same figures and arrays; figures are finite numbers, or None where they do not apply."""
    for scene in _toy_scenes():
        first, again = (analyse({"it": analysis}, scene, Rng(0)) for _ in range(2))
        assert dict(first.values) == dict(again.values), "the same seed gave other figures"
        assert all(value is None or np.isfinite(value) for value in first.values.values()), "a figure is no number"
        for name, array in first.arrays.items():
            assert np.array_equal(array, again.arrays[name], equal_nan=array.dtype.kind == "f"), f"{name} differs"


def analysis_settings_round_trip(analysis: Analysis) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("analyses", analysis)


# Classifiers --------------------------------------------------------------------------------------------------------


def classifier_scores_any_number_of_rows(classifier: Classifier, data: Dataset) -> None:
    """None, one or many rows; no gradient; a row's scores do not depend on its neighbours."""
    inputs = data.inputs()
    with global_state_untouched():
        scores = classifier.scores(inputs)
    assert scores.shape == (len(data), classifier.classes), f"scores have shape {tuple(scores.shape)}"
    assert not scores.requires_grad, "scores carry a gradient"
    assert classifier.scores(inputs[:0]).shape == (0, classifier.classes), "no rows give no scores"
    assert torch.allclose(classifier.scores(inputs[3:4]), scores[3:4], atol=1e-5), "scores depend on other rows"
    if "probabilities" in classifier.can:
        assert torch.allclose(scores.sum(1), torch.ones(len(data), device=scores.device), atol=1e-4)


def classifier_copies_share_nothing(classifier: Classifier, data: Dataset) -> None:
    """What happens to a copy leaves the original alone."""
    before = _bytes(classifier)
    copied = classifier.copy()
    assert _bytes(copied) == before, "a copy differs"
    if "incremental" in classifier.can:
        copied.learn(data.inputs()[:8], data.y[:8])
        assert _bytes(copied) != before, "learning changed nothing"
    assert _bytes(classifier) == before, "the original changed with its copy"


def classifier_starts_afresh(classifier: Classifier, data: Dataset) -> None:  # noqa: ARG001
    """`fresh` draws new weights from its stream and from nothing else."""
    before = _bytes(classifier)
    with global_state_untouched():
        first, again, other = (classifier.fresh(Rng(seed)) for seed in (0, 0, 1))
    assert _bytes(first) == _bytes(again), "the same stream gave other weights"
    assert _bytes(first) != _bytes(other), "another stream gave the same weights"
    assert _bytes(classifier) == before, "fresh() changed the original"


def classifier_keeps_its_state(classifier: Classifier, data: Dataset) -> None:
    """`state` and `with_state` carry everything that scores depend on."""
    carried = classifier.fresh(Rng(9)).with_state(classifier.state())
    assert torch.equal(carried.scores(data.inputs()), classifier.scores(data.inputs())), "scores changed"


def classifier_has_gradients(classifier: Classifier, data: Dataset) -> None:
    """Logits are differentiable in the rows, and agree with the scores."""
    if "gradients" not in classifier.can:
        return
    inputs = data.inputs()[:4].clone().requires_grad_()
    logits = classifier.logits(inputs)
    logits.sum().backward()
    assert inputs.grad is not None, "no gradient reaches the rows"
    assert bool(inputs.grad.abs().sum() > 0), "the gradient is zero"


def classifier_learns(classifier: Classifier, data: Dataset) -> None:
    """Repeated updates on one batch lower its loss."""
    if "incremental" not in classifier.can:
        return
    learner = classifier.fresh(Rng(0))
    losses = [learner.learn(data.inputs()[:32], data.y[:32]) for _ in range(40)]
    assert losses[-1] < losses[0], f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"


def classifier_has_features(classifier: Classifier, data: Dataset) -> None:
    """Every layer gives a row of features for each row, and an unknown one is refused."""
    if "features" not in classifier.can:
        return
    inputs = data.inputs()[:5]
    for layer in (None, *classifier.layers()):
        assert classifier.features(inputs, layer).shape[0] == 5, f"layer {layer} gives another number of rows"
    try:
        classifier.features(inputs, "no such layer")
    except CapabilityError:
        return
    raise AssertionError("an unknown layer was accepted")


def classifier_changes_its_head(classifier: Classifier, data: Dataset) -> None:
    """`with_head` gives another number of classes, and leaves the original alone."""
    if "features" not in classifier.can:
        return
    before = _bytes(classifier)
    headed = classifier.with_head(classifier.classes + 1, Rng(0))
    assert headed.scores(data.inputs()[:3]).shape == (3, classifier.classes + 1), "the head has another width"
    assert _bytes(classifier) == before, "with_head() changed the original"


# Triggers, models, sources ------------------------------------------------------------------------------------------


def trigger_is_a_pure_function(trigger: Trigger) -> None:
    """Rows and random streams are untouched, shape and bounds are kept, and something changes, in images of 24 × 24."""
    inputs = toy_images(20).inputs().repeat_interleave(4, 2).repeat_interleave(4, 3)
    before = inputs.clone()
    with global_state_untouched():
        first, again = trigger.apply(inputs, (0.0, 1.0)), trigger.apply(inputs, (0.0, 1.0))
    assert torch.equal(inputs, before), "the trigger changed the rows it was given"
    assert first.shape == inputs.shape and torch.equal(first, again), "the trigger is not a function"
    assert 0 <= float(first.min()) <= float(first.max()) <= 1, "the trigger left the bounds"
    assert not torch.equal(first, inputs), "the trigger changes nothing"


def trigger_settings_round_trip(trigger: Trigger) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("triggers", trigger)


def model_builds_from_its_stream(model: Model) -> None:
    """The same stream gives the same weights, and no global stream is touched."""
    with global_state_untouched():
        first, again, other = (
            model.build(input_shape=(1, 8, 8), classes=CLASSES, bounds=(0.0, 1.0), rng=Rng(seed)) for seed in (0, 0, 1)
        )
    assert _bytes(first) == _bytes(again), "the same stream gave other weights"
    assert _bytes(first) != _bytes(other), "another stream gave the same weights"


def model_settings_round_trip(model: Model) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("models", model)


def source_loads_the_same_twice(source: Source) -> None:
    """Loading is a function; no row stands in both splits."""
    with global_state_untouched():
        first, again = source.load(), source.load()
    assert first.train.fingerprint == again.train.fingerprint, "loading twice gave other training rows"
    assert first.test.fingerprint == again.test.fingerprint, "loading twice gave other test rows"
    assert all(file.is_file() for file in source.files()), "files() names a file that is not there"


ATTACK_CHECKS: tuple[Callable[[Attack], None], ...] = (
    attack_leaves_its_inputs_alone,
    attack_is_reproducible,
    attack_says_which_rows_it_contributed,
    attack_keeps_type_and_bounds,
    attack_keeps_its_rate,
    attack_has_an_effect,
    attack_settings_round_trip,
)
TRAINING_CHECKS: tuple[Callable[[Training], None], ...] = (
    training_leaves_its_inputs_alone,
    training_is_reproducible,
    training_learns,
    training_settings_round_trip,
)
DETECTOR_CHECKS: tuple[Callable[[Detector], None], ...] = (
    detector_leaves_its_inputs_alone,
    detector_is_reproducible,
    detector_does_not_look_at_the_order,
    detector_finds_what_was_planted,
    detector_settings_round_trip,
)
STREAM_DEFENCE_CHECKS: tuple[Callable[[StreamDefence], None], ...] = (
    stream_defence_leaves_its_inputs_alone,
    stream_defence_is_reproducible,
    stream_defence_finds_what_was_planted,
    stream_defence_settings_round_trip,
)
SCAN_CHECKS: tuple[Callable[[Scan], None], ...] = (
    scan_leaves_its_inputs_alone,
    scan_is_reproducible,
    scan_finds_what_was_planted,
    scan_settings_round_trip,
)
REPAIR_CHECKS: tuple[Callable[[Repair], None], ...] = (
    repair_leaves_its_inputs_alone,
    repair_is_reproducible,
    repair_keeps_what_was_right,
    repair_settings_round_trip,
)
ANALYSIS_CHECKS: tuple[Callable[[Analysis], None], ...] = (
    analysis_leaves_its_inputs_alone,
    analysis_is_reproducible,
    analysis_settings_round_trip,
)
CLASSIFIER_CHECKS: tuple[Callable[[Classifier, Dataset], None], ...] = (
    classifier_scores_any_number_of_rows,
    classifier_copies_share_nothing,
    classifier_starts_afresh,
    classifier_keeps_its_state,
    classifier_has_gradients,
    classifier_learns,
    classifier_has_features,
    classifier_changes_its_head,
)
TRIGGER_CHECKS: tuple[Callable[[Trigger], None], ...] = (
    trigger_is_a_pure_function,
    trigger_settings_round_trip,
)
MODEL_CHECKS: tuple[Callable[[Model], None], ...] = (model_builds_from_its_stream, model_settings_round_trip)
SOURCE_CHECKS: tuple[Callable[[Source], None], ...] = (source_loads_the_same_twice,)


def check_attack(attack: Attack, waive: Mapping[str, str] | None = None) -> None:
    """Hold an attack to every promise.

    Args:
        attack: the attack, with settings that fit toy images of 6 × 6 in four classes.
        waive: checks to leave out, by name, each with the reason.

    Raises:
        AssertionError: it breaks one.

    >>> from bezoar.attacks import LabelFlip
    >>> check_attack(LabelFlip())
    """
    _check(ATTACK_CHECKS, (attack,), waive)


def check_training(training: Training, waive: Mapping[str, str] | None = None) -> None:
    """Hold a training setting to every promise; as `check_attack`."""
    _check(TRAINING_CHECKS, (training,), waive)


def check_detector(detector: Detector, waive: Mapping[str, str] | None = None) -> None:
    """Fail where a detector breaks a promise that every detector makes; `waive` as `check_attack` has it."""
    _check(DETECTOR_CHECKS, (detector,), waive)


def check_stream_defence(defence: StreamDefence, waive: Mapping[str, str] | None = None) -> None:
    """Hold a defence that looks back along a stream to every promise; as `check_attack`."""
    _check(STREAM_DEFENCE_CHECKS, (defence,), waive)


def check_scan(scan: Scan, waive: Mapping[str, str] | None = None) -> None:
    """Hold a scan to every promise; as `check_attack`."""
    _check(SCAN_CHECKS, (scan,), waive)


def check_repair(repair: Repair, waive: Mapping[str, str] | None = None) -> None:
    """Hold a repair to every promise; as `check_attack`."""
    _check(REPAIR_CHECKS, (repair,), waive)


def check_analysis(analysis: Analysis, waive: Mapping[str, str] | None = None) -> None:
    """Hold an analysis to every promise; as `check_attack`."""
    _check(ANALYSIS_CHECKS, (analysis,), waive)


def check_classifier(classifier: Classifier, data: Dataset, waive: Mapping[str, str] | None = None) -> None:
    """Hold a classifier to every promise, on rows that it takes (at least 32); as `check_attack`."""
    _check(CLASSIFIER_CHECKS, (classifier, data), waive)


def check_trigger(trigger: Trigger, waive: Mapping[str, str] | None = None) -> None:
    """Hold a trigger to every promise; as `check_attack`."""
    _check(TRIGGER_CHECKS, (trigger,), waive)


def check_model(model: Model, waive: Mapping[str, str] | None = None) -> None:
    """Hold an architecture to every promise, on images of 8 × 8; as `check_attack`."""
    _check(MODEL_CHECKS, (model,), waive)


def _check(checks: tuple[Callable[..., None], ...], given: tuple[Any, ...], waive: Mapping[str, str] | None) -> None:
    unknown = set(waive or ()) - {check.__name__ for check in checks}
    assert not unknown, f"no such check to waive: {', '.join(sorted(unknown))}"
    for check in checks:
        if check.__name__ not in (waive or {}):
            check(*given)


def _bytes(classifier: Classifier) -> bytes:
    return b"".join(value.cpu().numpy().tobytes() for value in classifier.state().values())


def _numpy_state() -> bytes:
    state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - only looked at
    return bytes(state["key"].tobytes()) + bytes([state["pos"] % 256])
