"""The board is the experiment that it exports."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from antivenom import load_spec
from antivenom.errors import SettingsError

starlette = pytest.importorskip("starlette", reason="the playground's extra is not installed")
from antivenom.playground.answer import answer, picture, refined, scene  # noqa: E402
from antivenom.playground.board import MOST_CALLS, MOST_POINTS, Board, kept_points  # noqa: E402
from antivenom.settings import build_as  # noqa: E402
from tests.helpers.playground import FIVE, LESSON  # noqa: E402


@pytest.mark.slow
@pytest.mark.parametrize("model", ["MLPClassifier", "mlp", "SGDClassifier", "logistic_regression"])
def test_the_board_is_the_experiment_that_it_exports(model: Any, tmp_path: Path) -> None:
    board = Board(model=model, points=FIVE, calls=7)
    (tmp_path / "board.yaml").write_text(board.spec())
    result = load_spec(tmp_path / "board.yaml").run(device="cpu")
    told, exact = answer(board), refined(board)
    arrays = result.data
    assert exact["flipped"] == tuple(
        result.metrics[f"analysis.boundary.flipped_to.{label}"]["mean"] for label in (1, 0)
    )
    assert exact["control"] == tuple(
        result.metrics[f"analysis.boundary.flipped_to.{label}.control"]["mean"] for label in (1, 0)
    )
    assert told["accuracy"][1] == result.metrics["model.clean_accuracy"]["mean"]
    shift = 0.5 if told["probable"] else 0.0
    assert told["poison"] == [round(float(each) + shift, 4) for each in arrays["analysis.boundary.poison_after"][-1]]


def test_the_lesson_on_the_board() -> None:
    told = answer(LESSON)
    assert told["accuracy"] == [0.97, 0.96]
    assert len(told["wrong"]) == 2
    assert np.allclose(answer(Board(points=FIVE))["poison"], [0.679, 0.636, 0.592, 0.546, 0.500], atol=6e-4)
    assert answer(Board())["flipped"] == (0.0, 0.0)
    assert scene(LESSON)["lesson"] == [list(point) for point in FIVE]
    ends = [line[end] for line in told["lines"]["after"] for end in (0, -1)]
    assert all(max(map(abs, end)) > 2.99 for end in ends), "a boundary ends at the square's edge"


def test_stepping_and_scrubbing_agree() -> None:
    forth = [answer(Board(points=FIVE, calls=calls))["poison"] for calls in (1, 2, 3, 16, 31)]
    back = [answer(Board(points=FIVE, calls=calls))["poison"] for calls in (31, 16, 3, 2, 1)]
    assert forth == back[::-1]
    assert forth == sorted(forth), "each call raises what the model says of the five"


@pytest.mark.parametrize("defence", ["loss_monitor", "nearest_neighbours", "trim"])
def test_a_defence_drops_what_is_out_of_place_and_not_what_is_not(defence: Any) -> None:
    far, plausible = (0.5, -2.0, 1), (0.5, -2.0, 0)
    board = Board(points=(far, far, plausible), calls=5, defence=defence)
    assert kept_points(board) == (False, False, True)
    told = answer(board)
    assert sum(told["flipped"]) < sum(told["undefended"]["flipped"])
    assert told["false_alarms"] < 0.2
    spec = board.spec()
    assert spec.count("# Dropped by") == 2
    assert len(load_spec_text(spec)["attack"]["points"]) == 1


def load_spec_text(text: str) -> dict[str, Any]:
    import yaml

    return yaml.safe_load(text)


def test_all_points_dropped_leaves_the_model_as_it_was() -> None:
    board = Board(points=((0.5, -2.0, 1),), calls=5, defence="loss_monitor")
    assert answer(board)["flipped"] == (0.0, 0.0)
    assert refined(board)["flipped"] == (0.0, 0.0)
    assert picture(board).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "settings",
    [
        {"points": ((0.0, 0.0, 2),)},
        {"points": ((4.0, 0.0, 1),)},
        {"points": ((float("nan"), 0.0, 1),)},
        {"points": ((0.0, 0.0, 1),) * (MOST_POINTS + 1)},
        {"calls": MOST_CALLS + 1},
        {"calls": -1},
        {"seed": 2**32},
        {"data": "spirals"},
        {"model": "cnn"},
        {"defence": "prayer"},
    ],
)
def test_a_board_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="board"):
        build_as(Board, settings, path="board")


def test_areas_with_and_without_a_defence_are_on_one_grid() -> None:
    board = Board(points=FIVE, calls=2, defence="trim")
    assert kept_points(board) == (True,) * 5
    exact = refined(board)
    assert exact["undefended"] == exact["flipped"]
