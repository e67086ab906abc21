"""The referee: it alone holds both the truth and the defender's view, and scores one against the other."""

from antivenom.runner.results.result import Repeat, Result
from antivenom.runner.spec.loading import dump_spec, load_spec
from antivenom.runner.spec.settings import Experiment
from antivenom.runner.sweep import Sweep, SweepResult
from antivenom.storage.store import Store

__all__ = ["Experiment", "Repeat", "Result", "Store", "Sweep", "SweepResult", "dump_spec", "load_spec"]
