"""Scan the networks and keep each verdict as a file, so that a table can be made again without scanning."""

import json
import math
import multiprocessing
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from antivenom.data import Dataset
from antivenom.defences import Scan, Verdict
from antivenom.defences.mm_bd import MMBD
from antivenom.defences.neural_cleanse import NeuralCleanse
from antivenom.models import Classifier, as_classifier
from antivenom.rng import Rng
from benchmarks.strangers.loading import Stranger, load
from benchmarks.strangers.making import write

CLEAN_ROWS = 300
"""The number of clean rows that the defender has. No network was trained or measured on them."""
CLASSES = 10

SCANS: Mapping[str, Scan] = {
    "mm_bd": MMBD(),
    "neural_cleanse": NeuralCleanse(),
    "neural_cleanse_all": NeuralCleanse(schedule="all"),
}


@dataclass(frozen=True)
class Scanned:
    """A network and what one scan said about it.

    Attributes:
        network: the network and the truth about it.
        statistic: the statistic of each class; None if there is none.
        p_value: the p-value of each class; None for inconclusive classes.
        flagged: the flagged classes, the most suspicious first.
        details: further numbers about each class.
        seconds: the time of the scan.
    """

    network: Stranger
    statistic: list[float | None]
    p_value: list[float | None]
    flagged: list[int]
    details: dict[str, list[float | None]]
    seconds: float

    @property
    def smallest_p_value(self) -> float:
        """The smallest p-value; 1 if every class is inconclusive."""
        return min((each for each in self.p_value if each is not None), default=1.0)


def classifier_of(network: Stranger) -> Classifier:
    """Return a network as a classifier, as a user would convert it."""
    return as_classifier(
        network.module,
        input_shape=network.input_shape,
        classes=CLASSES,
        bounds=network.bounds,
        mean=network.mean,
        std=network.std,
    )


def clean_rows(network: Stranger) -> Dataset:
    """Return the clean rows of the defender."""
    rows = network.held_out(CLEAN_ROWS)
    return Dataset.from_arrays(rows.x, rows.y, classes=CLASSES, bounds=network.bounds)


def scan(folder: Path, name: str, workers: int) -> None:
    """Scan the networks that work and have no verdict yet, and print a line for each."""
    missing = [each for each in _networks(folder) if not verdict_file(each, name).is_file()]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        futures = [pool.submit(scan_one, each, name) for each in missing]
        for number, future in enumerate(as_completed(futures), 1):
            print(f"[{number}/{len(missing)}] {future.result()}", flush=True)


def scan_one(network: Stranger, name: str) -> str:
    """Scan one network, write the verdict and return it in words."""
    classifier, rows, begin = classifier_of(network), clean_rows(network), time.perf_counter()
    verdict = SCANS[name].scan(classifier, rows, rng=Rng(network.case.seed("scan")))
    seconds = time.perf_counter() - begin
    verdict_file(network, name).parent.mkdir(exist_ok=True)
    write(verdict_file(network, name), json.dumps({**_plain(verdict), "seconds": seconds}).encode())
    return f"{network.name} (targets {list(network.targets)}): {verdict.summary()}, {seconds:.1f} s"


def scanned(folder: Path, name: str) -> list[Scanned]:
    """Return the networks that have a verdict of this scan."""
    known = [each for each in _networks(folder) if verdict_file(each, name).is_file()]
    return [Scanned(network=each, **json.loads(verdict_file(each, name).read_text())) for each in known]


def verdict_file(network: Stranger, name: str) -> Path:
    """Return the file of a verdict."""
    return network.folder / name / f"{network.name}.json"


def _networks(folder: Path) -> list[Stranger]:
    return [each for each in load(folder, kept_aside=True) if each.working]


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "statistic": _numbers(verdict.statistic),
        "p_value": _numbers(verdict.p_value),
        "flagged": list(verdict.suspected),
        "details": {name: _numbers(values) for name, values in verdict.details.items()},
    }


def _numbers(values: torch.Tensor) -> list[float | None]:
    return [None if math.isnan(number) else number for number in values.double().tolist()]
