"""Every registered component does its work on a device beside the CPU; found by discovery, no list."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from antivenom.testing import (
    ANALYSIS_CHECKS,
    ATTACK_CHECKS,
    DETECTOR_CHECKS,
    REPAIR_CHECKS,
    SCAN_CHECKS,
    STREAM_DEFENCE_CHECKS,
    TRAINING_CHECKS,
    on_device,
)
from tests.test_conformance import cases, made, poison_file

__all__ = ["poison_file"]


@pytest.fixture(autouse=True)
def _checks_there(device: torch.device) -> Any:
    with on_device(device):
        yield


@pytest.mark.usefixtures("poison_file")
@pytest.mark.parametrize(("name", "check"), cases("attacks", ATTACK_CHECKS))
def test_attacks(name: str, check: Callable[[Any], None]) -> None:
    check(made("attacks", name))


@pytest.mark.parametrize(("name", "check"), cases("trainings", TRAINING_CHECKS))
def test_trainings(name: str, check: Callable[[Any], None]) -> None:
    check(made("trainings", name))


@pytest.mark.parametrize(("name", "check"), cases("defences", DETECTOR_CHECKS, "score"))
def test_detectors(name: str, check: Callable[[Any], None]) -> None:
    check(made("defences", name))


@pytest.mark.parametrize(("name", "check"), cases("defences", SCAN_CHECKS, "scan"))
def test_scans(name: str, check: Callable[[Any], None]) -> None:
    check(made("defences", name))


@pytest.mark.parametrize(("name", "check"), cases("defences", STREAM_DEFENCE_CHECKS, "blame"))
def test_stream_defences(name: str, check: Callable[[Any], None]) -> None:
    check(made("defences", name))


@pytest.mark.parametrize(("name", "check"), cases("repairs", REPAIR_CHECKS))
def test_repairs(name: str, check: Callable[[Any], None]) -> None:
    check(made("repairs", name))


@pytest.mark.parametrize(("name", "check"), cases("analyses", ANALYSIS_CHECKS))
def test_analyses(name: str, check: Callable[[Any], None]) -> None:
    check(made("analyses", name))
