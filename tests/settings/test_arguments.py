"""A wrong argument of a component's method has a clear error, whatever the component.

The calls run in their own process, because the tests check all types themselves.
"""

import subprocess
import sys

SCRIPT = """
import numpy as np
from torch import nn
from antivenom.attacks import BadNets
from antivenom.defences import LossMonitor, NeuralCleanse
from antivenom.repairs import FineTuning
from antivenom.rng import Rng
from antivenom.testing import toy_images
from antivenom.testing._toys import toy_victim

victim, data, module = toy_victim(), toy_images(), nn.Linear(2, 2)
for call in (
    lambda: NeuralCleanse().scan(module, data, rng=Rng(0)),
    lambda: NeuralCleanse().scan(victim, np.zeros(3), rng=Rng(0)),
    lambda: NeuralCleanse().scan(victim, data, rng=0),
    lambda: LossMonitor().score(np.zeros(3), victim, rng=Rng(0)),
    lambda: FineTuning().repair(module, data, rng=Rng(0)),
    lambda: BadNets().poison(data, rng=0),
):
    try:
        call()
    except TypeError as error:
        print(error)
"""

CONVERT = "Convert your model: as_classifier(model, input_shape=(1, 28, 28)), with the shape of one row"
DATASET = "must be a Dataset. Make one: Dataset.from_arrays(x, y); got an object of type numpy.ndarray."
RNG = "`rng` must be an Rng. Pass rng=Rng(0), with `from antivenom import Rng`; got 0."


def test_a_wrong_argument_says_what_is_expected() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"NeuralCleanse.scan: `classifier` must be a classifier. {CONVERT}; got an object of type torch.Linear.",
        f"NeuralCleanse.scan: `clean` {DATASET}",
        f"NeuralCleanse.scan: {RNG}",
        f"LossMonitor.score: `data` {DATASET}",
        f"FineTuning.repair: `classifier` must be a classifier. {CONVERT}; got an object of type torch.Linear.",
        f"BadNets.poison: {RNG}",
    ]
