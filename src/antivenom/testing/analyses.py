"""What every analysis promises."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from antivenom.analysis import Analysis, Scene, analyse
from antivenom.attacks.badnets import BadNets
from antivenom.attacks.label_flip import LabelFlip
from antivenom.models import Checkpoint
from antivenom.rng import Rng
from antivenom.testing._device import cache_here
from antivenom.testing._toys import (
    bytes_of,
    check_all,
    global_state_untouched,
    settings_round_trip,
    toy_images,
    toy_model,
)
from antivenom.training.end_to_end import EndToEnd


@cache_here
def _toy_scenes() -> tuple[Scene, ...]:
    """A backdoored victim and its control, and the same of wrong labels, which have no trigger."""
    data, test, scenes = toy_images(), toy_images(seed=1), []
    for attack in (BadNets(rate=0.2), LabelFlip(rate=0.2)):
        poisoned = attack.poison(data, rng=Rng(0))
        training = EndToEnd(epochs=4, batch_size=32, learning_rate=5e-3)
        both = [training.fit(toy_model(data), rows, rng=Rng(0)) for rows in (poisoned.data, data)]
        paths = [tuple(Checkpoint(240 * place, one) for place in (1, 2)) for one in both]
        scenes.append(Scene(both[0], both[1], poisoned, test, (paths[0], paths[1])))
    return tuple(scenes)


def analysis_leaves_its_inputs_alone(analysis: Analysis) -> None:
    """Neither network, rows nor any global random stream is touched."""
    for scene in _toy_scenes():
        before = bytes_of(scene.victim), bytes_of(scene.control), dataclasses.replace(scene.test).fingerprint
        with global_state_untouched():
            analyse({"it": analysis}, scene, Rng(0))
        after = bytes_of(scene.victim), bytes_of(scene.control), dataclasses.replace(scene.test).fingerprint
        assert before == after, "the analysis changed what it was given"


def analysis_is_reproducible(analysis: Analysis) -> None:
    """Same seed, same figures and arrays; figures are finite numbers, or None where they do not apply."""
    for scene in _toy_scenes():
        first, again = (analyse({"it": analysis}, scene, Rng(0)) for _ in range(2))
        assert dict(first.values) == dict(again.values), "the same seed gave other figures"
        assert all(value is None or np.isfinite(value) for value in first.values.values()), "a figure is no number"
        for name, array in first.arrays.items():
            assert np.array_equal(array, again.arrays[name], equal_nan=array.dtype.kind == "f"), f"{name} differs"


def analysis_settings_round_trip(analysis: Analysis) -> None:
    """Settings survive JSON and pickle."""
    settings_round_trip("analyses", analysis)


ANALYSIS_CHECKS: tuple[Callable[[Analysis], None], ...] = (
    analysis_leaves_its_inputs_alone,
    analysis_is_reproducible,
    analysis_settings_round_trip,
)


def check_analysis(analysis: Analysis, waive: Mapping[str, str] | None = None) -> None:
    """Hold an analysis to every promise; as `check_attack`."""
    check_all(ANALYSIS_CHECKS, (analysis,), waive)
