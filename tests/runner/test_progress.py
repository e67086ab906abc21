"""The plan of a run: as many trainings are announced as end, computed or found in the store."""

from pathlib import Path
from typing import Any

import pytest

from antivenom.runner import Store, load_spec
from antivenom.runner.events import Finished, Planned
from antivenom.runner.progress import Clock, format_plan

QUICK = {"name": "end_to_end", "epochs": 1}
BASE = {"dataset": {"name": "digits"}, "model": {"name": "mlp", "hidden": [4]}, "training": QUICK, "train_rows": 100}
SURROGATE = {"name": "gradient_poison", "rounds": 1, "count": 4}
WARM = {"name": "online", "warm_up": QUICK, "batch_size": 50}
MOVED = {"name": "transfer", "pretraining": QUICK, "epochs": 1}

RUNS: dict[str, tuple[dict[str, Any], int]] = {
    "one": ({"attack": "label_flip"}, 2),
    "a surrogate and repeats": ({"attack": SURROGATE, "repeats": 2}, 6),
    "a grid": ({"repeats": 2, "attack": "label_flip", "grid": {"attack": ["label_flip", SURROGATE]}}, 10),
    "a warm-up": ({"attack": SURROGATE, "training": WARM}, 4),
    "a transfer": ({"attack": SURROGATE, "training": MOVED, "defences": ["loss_monitor"]}, 6),
}


def heard(changes: dict[str, Any], store: Store | None) -> tuple[Planned, Clock]:
    """The plan, and a clock that has seen the whole run."""
    clock, plans = Clock(), list[Planned]()

    def on_event(event: Any) -> None:
        if isinstance(event, Planned):
            plans.append(event)
            clock.plan(event)
        elif isinstance(event, Finished) and event.stage.startswith("fit"):
            clock.finish(event)

    load_spec({**BASE, **changes}).run(store=store, on_event=on_event, progress=False)
    (plan,) = plans
    return plan, clock


@pytest.mark.parametrize("name", RUNS)
def test_what_is_announced_is_what_ends(name: str, tmp_path: Path) -> None:
    changes, count = RUNS[name]
    for _ in range(2):  # the second run finds all stages in the store
        plan, clock = heard(changes, Store(tmp_path / "store"))
        assert plan.trainings == clock.total == clock.done == count


def test_the_plan_in_words_has_the_clocks_count() -> None:
    plan = Planned(("a", "b"), victims=2, controls=2, surrogates=1)
    clock = Clock()
    clock.plan(plan)
    assert format_plan(plan) == [f"2 cells, {clock.total} trainings: 2 victims, 2 controls and 1 surrogate."]
