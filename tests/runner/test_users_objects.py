"""Objects of a user that are not components: the message says how to convert them."""

import subprocess
import sys

import pytest
import yaml
from torch import nn

from antivenom.attacks import LabelFlip
from antivenom.errors import SettingsError
from antivenom.models import as_classifier
from antivenom.runner import Experiment, dump_spec, load_spec
from antivenom.training import EndToEnd

ATTACK, TRAINING = LabelFlip(rate=0.1), EndToEnd(epochs=1)

OBJECTS = """
import numpy as np
from sklearn.naive_bayes import GaussianNB
from torch import nn
from antivenom import Experiment
from antivenom.attacks import LabelFlip
from antivenom.errors import SettingsError
models = (nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), GaussianNB(), nn.Linear)
sets = ((np.zeros((4, 2)), np.zeros(4)), np.zeros((4, 2)), [1, 2])
for settings in ({"model": each} for each in models), ({"dataset": each} for each in sets):
    for each in settings:
        try:
            Experiment(attack=LabelFlip(rate=0.1), **each)
        except SettingsError as error:
            print(error)
"""


def test_networks_and_arrays_are_refused_with_how_to_convert_them() -> None:
    done = subprocess.run(  # without the type checks of the tests
        [sys.executable, "-c", OBJECTS], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 6, lines
    assert all("Convert your own network, Keras model or estimator: as_classifier(model" in each for each in lines[:3])
    assert all("Splits(train=Dataset.from_arrays(x, y)" in each for each in lines[3:])


def test_a_spec_with_an_object_made_in_python_says_what_it_cannot_do() -> None:
    model = as_classifier(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), input_shape=(1, 8, 8))
    text = dump_spec(Experiment(model=model, attack=ATTACK, training=TRAINING))
    with pytest.raises(SettingsError, match="it cannot run it again, or read its classifiers"):
        load_spec(yaml.safe_load(text))
