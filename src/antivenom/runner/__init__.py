"""Running and scoring experiments. Only the runner knows both the truth and what the defender sees."""

from antivenom.runner.dose import find_dose
from antivenom.runner.executors.executor import Executor
from antivenom.runner.executors.processes import Processes
from antivenom.runner.executors.ray import Ray
from antivenom.runner.executors.serial import Serial
from antivenom.runner.experiment import Experiment, Sweep, dump_spec, load_spec
from antivenom.runner.results.dose_result import DoseResult
from antivenom.runner.results.repeat import Repeat
from antivenom.runner.results.result import Result
from antivenom.runner.results.sweep_result import SweepResult
from antivenom.storage.store import Store

__all__ = [
    "DoseResult",
    "Executor",
    "Experiment",
    "Processes",
    "Ray",
    "Repeat",
    "Result",
    "Serial",
    "Store",
    "Sweep",
    "SweepResult",
    "dump_spec",
    "find_dose",
    "load_spec",
]
