"""No network at run time: an experiment, a scan and a report work where sockets cannot be opened."""

from pathlib import Path

from tests.helpers.forked import forked

CODE = """
import socket

def refuse(*arguments, **options):
    raise AssertionError(f"a socket was opened: {arguments}")

for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname", "create_server"):
    setattr(socket, name, refuse)

import torch
from torch import nn

from antivenom.data.sources import load
from antivenom.defences import NeuralCleanse
from antivenom.models import as_classifier
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import load_spec

result = load_spec({
    "attack": {"name": "badnets", "target": 7}, "model": "mlp", "training": {"name": "end_to_end", "epochs": 1},
    "defences": ["trim", {"name": "neural_cleanse", "steps": 3}], "repairs": ["fine_tuning"],
}).run(out="run", progress=False)
write_report("run")
classifier = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), input_shape=(1, 8, 8))
print(NeuralCleanse(steps=3).scan(classifier, load("digits").test, rng=Rng(0)))
print("finished")
"""


def test_a_run_a_scan_and_a_report_open_no_socket(tmp_path: Path) -> None:
    done = forked(CODE, at=tmp_path, environment={"ANTIVENOM_STORE": str(tmp_path / "store"), "PATH": ""})
    assert done.stdout.splitlines()[-1:] == ["finished"], done.stderr
    assert (tmp_path / "run" / "report.html").is_file()
    page = (tmp_path / "run" / "report.html").read_text()
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org/", "")
