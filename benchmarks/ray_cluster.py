"""A sweep on a Ray cluster of two local nodes, of which one vanishes, beside the same sweep in one process.

    python -m benchmarks.ray_cluster

Both nodes are on this machine (`ray.cluster_utils`) and share a store. When the first cell is done, the second node is
removed without warning. The tables must be the same bytes, and no cell may fail.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from antivenom.storage.yaml12 import dump_yaml
from benchmarks.machine import machine

SPEC: dict[str, Any] = {
    "name": "cluster",
    "train_rows": 600,
    "attack": {"name": "badnets", "target": 7},
    "training": {"name": "end_to_end", "epochs": 40},
    "model": {"name": "mlp", "hidden": [32]},
    "grid": {"attack.rate": [0.05, 0.1, 0.2], "seed": [0, 1]},
}
WAIT = 600.0
"""Seconds after which a sweep hangs."""


def sweep(folder: Path, name: str, *options: str) -> "subprocess.Popen[bytes]":
    """Start the sweep as a command, with an output folder and a store of its own."""
    command = [sys.executable, "-m", "antivenom", "sweep", str(folder / "cluster.yaml"), "--out", str(folder / name)]
    environment = {**os.environ, "ANTIVENOM_STORE": str(folder / f"{name}-store")}
    return subprocess.Popen([*command, "--quiet", *options], env=environment, cwd=folder)


def main() -> int:
    """Run both sweeps and print the result."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - the extra `ray`

    print(machine())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "cluster.yaml").write_text(dump_yaml(SPEC), encoding="utf-8")
        assert sweep(folder, "serial", "--executor", "serial").wait(WAIT) == 0
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        second = cluster.add_node(num_cpus=1)
        began = time.perf_counter()
        process = sweep(folder, "ray", "--executor", "ray", "--address", cluster.address)
        while not list((folder / "ray").glob("cells/*/manifest.json")) and process.poll() is None:
            time.sleep(0.1)
        removed = process.poll() is None
        cluster.remove_node(second, allow_graceful=False)
        code = process.wait(WAIT)
        seconds = time.perf_counter() - began
        cluster.shutdown()  # type: ignore[no-untyped-call]
        tables = [(folder / name / "table.csv").read_bytes() for name in ("serial", "ray")]
    same = tables[0] == tables[1]
    cells = tables[0].count(b"\n") - 1
    print(
        f"{cells} rows; node removed during the sweep: {removed}; exit code {code}; same table: {same}; {seconds:.0f} s"
    )
    return int(not (same and removed and code == 0))


if __name__ == "__main__":
    raise SystemExit(main())
