"""Versions, hardware and seed of a run: results may depend on them."""

import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from antivenom.runner.results.revision import revision, source_checksum
from antivenom.waiting import waiting

VERSIONS = ("antivenom", "torch", "numpy", "scikit-learn", "scipy", "safetensors")


def about_machine(device: torch.device, seed: int) -> dict[str, Any]:
    """Return versions, hardware and seed, for a run's manifest."""
    return {
        "versions": dict(_versions()),
        "hardware": {
            "machine": platform.machine(),
            "processor": _processor(),
            "system": platform.system(),
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "threads": torch.get_num_threads(),
            "waiting": waiting(),
        },
        "git": revision(),
        "source": source_checksum(),
        "seed": seed,
    }


@cache
def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONS}}


@cache
def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
