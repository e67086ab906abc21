"""The referee: it alone holds both the truth and the defender's view, and scores one against the other."""

from antivenom.experiment.experiment import Experiment
from antivenom.experiment.result import Repeat, Result
from antivenom.experiment.spec import dump_spec, load_spec
from antivenom.experiment.store import Store
from antivenom.experiment.sweep import Sweep, SweepResult

__all__ = ["Experiment", "Repeat", "Result", "Store", "Sweep", "SweepResult", "dump_spec", "load_spec"]
