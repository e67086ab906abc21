"""Looking back along a stream: planted departures, digits streams, the referee's figures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from antivenom.defences import StreamVerdict
from antivenom.defences.blame import Blame, departure
from antivenom.errors import DataError, SettingsError
from antivenom.goals import Availability
from antivenom.metrics import accuracy
from antivenom.models import MLP, Checkpoint
from antivenom.report import write_report
from antivenom.rng import Rng
from antivenom.runner import Experiment, Result, load_spec
from antivenom.runner.scoring.streams import score_stream_defences
from antivenom.testing import toy_images

SPEC: dict[str, Any] = {
    "model": {"name": "mlp", "hidden": [32]},
    "attack": {"name": "label_flip", "count": 40},
    "training": {
        "name": "online",
        "warm_up": {"name": "end_to_end", "epochs": 12, "learning_rate": 5e-3, "batch_size": 32},
        "learning_rate": 0.01,
        "arrival": {"name": "at_point", "point": 0.5},
        "checkpoints": 30,
    },
    "defences": ["blame", "loss_monitor"],
    "trusted": 0.5,
}


def noise(count: int, size: float = 0.05, seed: int = 0) -> np.ndarray:
    return np.asarray(Rng(seed).child("noise").numpy().normal(0, size, count))


@pytest.mark.slow
@pytest.mark.parametrize("place", [3, 10, 25, 38])
@pytest.mark.parametrize("shape", ["step", "spike", "decay", "ramp"])
def test_a_rise_is_found_where_it_begins(place: int, shape: str) -> None:
    after = np.arange(40) - place
    rise = {
        "step": np.where(after >= 0, 1.0, 0),
        "spike": np.where(after == 0, 1.0, 0),
        "decay": np.where(after >= 0, 1.0 * 0.6 ** np.maximum(after, 0), 0),
        "ramp": np.clip(0.5 * (after + 1), 0, 1.0),
    }[shape]
    found = [departure(noise(40, seed=seed) + rise, 20, 0.25) for seed in range(10)]
    assert sum(each is not None and abs(each - place) <= 1 for each in found) >= 9


@pytest.mark.parametrize("shape", ["nothing", "fall", "small rise", "drift"])
def test_what_is_no_departure_raises_no_alarm(shape: str) -> None:
    place = np.arange(40)
    level = {
        "nothing": 0 * place,
        "fall": np.where(place >= 20, -1.0, 0),
        "small rise": np.where(place >= 20, 0.15, 0),
        "drift": -0.02 * place,
    }[shape]
    alarms = sum(departure(noise(40, seed=seed) + level, 20, 0.25) is not None for seed in range(30))
    assert alarms <= 1


def test_a_signal_without_noise_has_no_departure() -> None:
    assert departure(np.zeros(12), 20, 0.25) is None
    assert departure(np.r_[np.zeros(6), np.ones(6)], 20, 0.25) == 6


def path(count: int = 12) -> list[Checkpoint]:
    blank = MLP(hidden=(4,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    return [Checkpoint(10 * place, blank) for place in range(count)]


def test_too_little_to_judge_is_refused() -> None:
    with pytest.raises(DataError, match="8 checkpoints"):
        Blame().blame(path(7), toy_images(20), rng=Rng(0))
    with pytest.raises(DataError, match="trusted row"):
        Blame().blame(path(), toy_images(20).subset(torch.arange(0)), rng=Rng(0))
    with pytest.raises(SettingsError, match="penalty"):
        Blame(penalty=0)
    for training, said in (("end_to_end", "requires a stream"), ({"schedule": "mixed"}, "requires a stream")):
        named = training if isinstance(training, str) else {"name": "online", **training}
        with pytest.raises(SettingsError, match=said):
            load_spec({**SPEC, "training": named}).run()
    with pytest.raises(SettingsError, match="requires at least 8 checkpoints; the training keeps 5"):
        load_spec({**SPEC, "training": {"name": "online", "checkpoints": 5}}).run()


class Says:
    """A defence that says what it is told to."""

    min_checkpoints = 1

    def __init__(self, place: int | None) -> None:
        self.place = place

    def blame(self, path: Any, clean: Any, *, rng: Rng) -> StreamVerdict:
        signal = torch.zeros(len(path))
        if self.place is None:
            return StreamVerdict(None, path[-1], signal)
        return StreamVerdict((path[self.place - 1].rows, path[self.place].rows), path[self.place - 1], signal)


def test_the_referee_scores_what_is_said() -> None:
    """Rows 500 to 699 of 1,200 are the attacker's."""
    blank = MLP(hidden=(4,)).build(input_shape=(1, 6, 6), classes=4, bounds=(0.0, 1.0), rng=Rng(0))
    way = tuple(Checkpoint(100 * place, blank.fresh(Rng(place))) for place in range(13))
    roles = torch.zeros(1200, dtype=torch.uint8)
    roles[500:700] = 1
    test = toy_images(60)

    def score(place: int | None) -> dict[str, float | None]:
        asked = ({"it": Says(place)}, (way, way), roles, Availability(), test, test, Rng(0))
        figures = score_stream_defences(*asked).figures
        return {name.removeprefix("stream_defence.it."): figure.value for name, figure in figures.items()}

    right = score(6)  # the window of rows 500 to 599
    assert right["alarm"] == right["alarm.control"] == right["identified"] == 1
    assert right["clean_rows_lost"] == pytest.approx(500 / 1000)
    gained = accuracy(way[5].classifier, test) - accuracy(way[-1].classifier, test)
    assert right["accuracy_gain"] == pytest.approx(gained)
    assert [score(place)["identified"] for place in (4, 5, 7, 8)] == [0, 1, 1, 0]
    silent = score(None)
    assert (silent["alarm"], silent["identified"], silent["accuracy_gain"], silent["clean_rows_lost"]) == (0, 0, 0, 0)


@pytest.mark.slow
def test_an_experiment_on_a_stream_says_when_it_went_wrong(tmp_path: Path) -> None:
    made = load_spec(SPEC)
    assert isinstance(made, Experiment)
    result = made.run(out=tmp_path / "run")
    mean = {name.removeprefix("stream_defence."): entry["mean"] for name, entry in result.metrics.items()}
    assert (mean["blame.alarm"], mean["blame.identified"], mean["blame.alarm.control"]) == (1, 1, 0)
    lost = mean["blame.clean_rows_lost"]
    assert lost is not None
    assert 0.4 < lost < 0.65
    assert mean["detector.loss_monitor.auroc"] is not None
    write_report(tmp_path / "run")
    for name in ("stream_defence.blame.signal", "detector.loss_monitor.scores"):
        assert (tmp_path / "run" / "figures" / f"{name}.png").is_file()
    assert Result.load(tmp_path / "run").metrics == result.metrics


@pytest.mark.slow
def test_digits_streams_with_and_without_a_burst() -> None:
    """The benchmark's first seed: the burst is found, and nothing in the clean stream."""
    from benchmarks.blame import CASES, one

    assert one(CASES["50 flips"], 0)["right_blame"]
    assert not one(CASES["clean"], 0)["alarm"]
