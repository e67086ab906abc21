"""Points that are placed by hand."""

import pytest

from antivenom.attacks import Chaff
from antivenom.data.sources import Plane
from antivenom.errors import SettingsError
from antivenom.rng import Rng


def test_points_that_the_data_cannot_have() -> None:
    train = Plane().load().train
    for attack, problem in (
        (Chaff(points=((1.0,),)), "point 1 of length 1"),
        (Chaff(points=((1.0, 1e39),)), "not between"),
        (Chaff(labels=(2,)), "label 2"),
    ):
        with pytest.raises(SettingsError, match=problem):
            attack.poison(train, rng=Rng(0))
    assert Chaff(points=()).poison(train, rng=Rng(0)).data.fingerprint == train.fingerprint
