"""The referee: it alone holds both the truth and the defender's view, and scores one against the other."""

from bezoar.experiment.experiment import Experiment
from bezoar.experiment.result import Repeat, Result
from bezoar.experiment.spec import dump_spec, load_spec
from bezoar.experiment.store import Store
from bezoar.experiment.sweep import Sweep, SweepResult

__all__ = ["Experiment", "Repeat", "Result", "Store", "Sweep", "SweepResult", "dump_spec", "load_spec"]
