"""The stages of a run: pure functions of settings and of what came before, kept in the store by all that went in."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from antivenom.attacks import Attack
from antivenom.data import Dataset, Poisoned, Source, Splits
from antivenom.defences import Scan, Verdict
from antivenom.errors import AntivenomError
from antivenom.models import Checkpoint, Classifier
from antivenom.rng import Rng
from antivenom.runner.events import Finished, Read, Started, Tell, Trained, silent
from antivenom.settings import build, describe
from antivenom.storage.keys import arithmetic, bytes_of, code_of, identity
from antivenom.storage.store import Store
from antivenom.training import Epoch, Training

T = TypeVar("T")
Kept = tuple[dict[str, Tensor], dict[str, Any]]
VERDICT = ("masks", "patterns", "l1", "threshold", "success", "anomaly_index", "p_value", "flagged", "inconclusive")


@dataclass(frozen=True)
class Fitted:
    """A trained classifier, its loss by epoch, and how it stood on its way where the training keeps checkpoints."""

    classifier: Classifier
    losses: tuple[float, ...]
    checkpoints: tuple[Checkpoint, ...] = ()

    def path_from(self, start: Classifier | None) -> tuple[Checkpoint, ...]:
        """Its checkpoints, after the model that it started from, where it did from one."""
        return (*([] if start is None else [Checkpoint(0, start)]), *self.checkpoints)


@dataclass(frozen=True)
class Stages:
    """The stages of one cell of a run, and where they are kept.

    Args:
        store: where finished stages are kept; None to keep nothing.
        device: where tensors are computed.
        cell: the cell's name, for events.
        tell: told of every stage's start and end.
    """

    store: Store | None
    device: torch.device
    cell: str = ""
    tell: Tell = silent
    timings: list[dict[str, Any]] = field(default_factory=list)

    def prepare(self, source: Source, repeat: int = 0) -> Splits:
        """Read the data set, on the run's device."""

        def compute() -> Splits:
            return source.load(lambda done, of: self.tell(Read(self.cell, repeat, done, of)))

        known = None if isinstance(source, Splits) else identity("datasets", source)
        parts = None if known is None else {"dataset": known, "files": bytes_of(source.files())}
        splits = self._stage(repeat, "prepare", parts, compute, _pack_splits, _unpack_splits)
        return Splits(train=splits.train.to(self.device), test=splits.test.to(self.device))

    def poison(
        self, attack: Attack, train: Dataset, rng: Rng, repeat: int, surrogate: Classifier | None = None
    ) -> Poisoned:
        """Craft the poison."""

        def unpack(tensors: dict[str, Tensor], about: dict[str, Any]) -> Poisoned:
            moved = {name: tensor.to(self.device) for name, tensor in tensors.items()}
            goal = build("goals", about["goal"], path="goal", allow_code=True)  # from our own store
            return Poisoned(base=train, goal=goal, **moved)

        def compute() -> Poisoned:
            return attack.poison(train, rng=rng, surrogate=surrogate)

        known = {"attack": identity("attacks", attack)}
        if surrogate is not None:
            known["surrogate"] = identity("models", surrogate)
        files = bytes_of(attack.files()) if callable(getattr(attack, "files", None)) else []  # type: ignore[attr-defined]
        given = {"data": train.fingerprint, "rng": _named(rng), "files": files}
        parts = {**known, **given} if None not in known.values() else None
        return self._stage(repeat, "poison", parts, compute, _pack_poisoned, unpack)

    def fit(
        self,
        role: str,
        training: Training,
        model: object,
        blank: Classifier,
        data: Dataset,
        rng: Rng,
        repeat: int,
        start: Classifier | None = None,
    ) -> Fitted:
        """Train a classifier; `role` is `victim`, `control`, `surrogate` or the like, for events alone."""
        stage = f"fit {role}"

        def compute() -> Fitted:
            losses: list[float] = []
            kept: list[Checkpoint] = []

            def watch(epoch: Epoch) -> None:
                losses.append(epoch.loss)
                if epoch.classifier is not None and epoch.is_one_of(getattr(training, "checkpoints", 0)):
                    kept.append(Checkpoint(epoch.rows, blank.with_state(epoch.classifier.state())))
                self.tell(Trained(self.cell, repeat, stage, epoch))

            trained = training.fit(blank, data, rng=rng, start=start, watch=(watch,))
            return Fitted(trained, tuple(losses), tuple(kept))

        def pack(fitted: Fitted) -> tuple[dict[str, Tensor], dict[str, Any]]:
            looks = {
                f"{place} {name}": value
                for place, one in enumerate(fitted.checkpoints)
                for name, value in one.classifier.state().items()
            }
            state = {f"final {name}": value for name, value in fitted.classifier.state().items()}
            return {**state, **looks}, {
                "losses": [repr(one) for one in fitted.losses],
                "looks": [one.rows for one in fitted.checkpoints],
            }

        def unpack(tensors: dict[str, Tensor], about: dict[str, Any]) -> Fitted:
            held: dict[str, dict[str, Tensor]] = {}
            for key, value in tensors.items():
                which, _, name = key.partition(" ")
                held.setdefault(which, {})[name] = value
            looks = tuple(
                Checkpoint(rows, blank.with_state(held[str(place)])) for place, rows in enumerate(about["looks"])
            )
            return Fitted(blank.with_state(held["final"]), tuple(map(float, about["losses"])), looks)

        known = {"training": identity("trainings", training), "model": identity("models", model)}
        if start is not None:
            known["start"] = identity("models", start)
        files = bytes_of(model.files()) if callable(getattr(model, "files", None)) else []  # type: ignore[attr-defined]
        given = {"data": data.fingerprint, "rng": _named(rng), "files": files}
        parts = {**known, **given} if None not in known.values() else None
        return self._stage(repeat, stage, parts, compute, pack, unpack)

    def scan(
        self, role: str, name: str, scan: Scan, classifier: Classifier, clean: Dataset, rng: Rng, repeat: int
    ) -> Verdict:
        """Look for a backdoor in a classifier; `role` is for events alone."""

        def pack(verdict: Verdict) -> Kept:
            held = {field: getattr(verdict, field).contiguous() for field in VERDICT}
            return held, {"rate": repr(verdict.false_alarm_rate), "rows": verdict.rows}

        def unpack(tensors: dict[str, Tensor], about: dict[str, Any]) -> Verdict:
            held = {field: tensors[field] for field in VERDICT}
            return Verdict(**held, false_alarm_rate=float(about["rate"]), rows=about["rows"])

        known = {"scan": identity("defences", scan), "classifier": identity("models", classifier)}
        given = {"data": clean.fingerprint, "rng": _named(rng)}
        parts = {**known, **given} if None not in known.values() else None
        compute = partial(scan.scan, classifier, clean, rng=rng)
        return self._stage(repeat, f"scan {role} {name}", parts, compute, pack, unpack)

    def timed(self, repeat: int, stage: str, compute: Callable[[], T]) -> T:
        """A stage that is computed anew each time."""
        return self._stage(repeat, stage, None, compute, None, None)

    def _stage(
        self,
        repeat: int,
        stage: str,
        parts: Mapping[str, Any] | None,
        compute: Callable[[], T],
        pack: Callable[[T], tuple[dict[str, Tensor], dict[str, Any]]] | None,
        unpack: Callable[[dict[str, Tensor], dict[str, Any]], T] | None,
    ) -> T:
        self.tell(Started(self.cell, repeat, stage))
        began = time.perf_counter()
        result: T | None = None
        key, kept = None, False
        code = code_of(__name__)
        if self.store is not None and parts is not None and code is not None and pack and unpack:
            given = {**parts, "code": code, "arithmetic": arithmetic(self.device)}
            key = self.store.key(stage.partition(" ")[0], given)
            result = _unpacked(self.store.get(key), unpack)
            kept = result is not None
        if result is None:
            result = compute()
            if self.store is not None and key is not None and pack:
                self.store.put(key, *pack(result))
        seconds = time.perf_counter() - began
        self.timings.append({"repeat": repeat, "stage": stage, "seconds": round(seconds, 3), "stored": kept})
        self.tell(Finished(self.cell, repeat, stage, seconds, kept))
        return result


def choose_device(name: str) -> torch.device:
    """The device of that name; `auto` is CUDA where there is one.

    Raises:
        AntivenomError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise AntivenomError(_no_device(name)) from error
    if device.type == "cpu" and device.index:
        raise AntivenomError(_no_device(name))
    return device


def _no_device(name: str) -> str:
    there = ["auto", "cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    return f"There is no device '{name}' here. There are: {', '.join(there)}."


def _unpacked(kept: Kept | None, unpack: Callable[..., T]) -> T | None:
    """What was kept; None where nothing was, or what only Python could make again."""
    try:
        return None if kept is None else unpack(*kept)
    except (AntivenomError, LookupError, TypeError):
        return None


def _named(rng: Rng) -> list[Any]:
    return [rng.seed, *rng.path]


def _pack_splits(splits: Splits) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors = {
        f"{name}.{part}": getattr(data, part)
        for name, data in (("train", splits.train), ("test", splits.test))
        for part in ("x", "y", "ids")
    }
    return tensors, {"classes": splits.train.classes, "bounds": splits.train.bounds}


def _unpack_splits(tensors: dict[str, Tensor], about: dict[str, Any]) -> Splits:
    bounds = None if about["bounds"] is None else (float(about["bounds"][0]), float(about["bounds"][1]))
    sets = [
        Dataset(
            x=tensors[f"{name}.x"],
            y=tensors[f"{name}.y"],
            ids=tensors[f"{name}.ids"],
            classes=tuple(about["classes"]),
            bounds=bounds,
        )
        for name in ("train", "test")
    ]
    return Splits(train=sets[0], test=sets[1])


def _pack_poisoned(poisoned: Poisoned) -> tuple[dict[str, Tensor], dict[str, Any]]:
    names = ("rows", "x", "y", "role", "origin")
    tensors = {name: getattr(poisoned, name) for name in names}
    if poisoned.rounds is not None:
        tensors["rounds"] = poisoned.rounds
    return tensors, {"goal": describe("goals", poisoned.goal)}
