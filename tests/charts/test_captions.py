"""Captions and descriptions are sentences, in every chart of every kind of run."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from antivenom.charts import Chart, Panels
from antivenom.runner import Result, load_spec
from antivenom.runner.lesson import lesson_points, lesson_source, lesson_spec

QUICK = {"name": "end_to_end", "epochs": 2}
DIGITS = {"dataset": "digits", "train_rows": 200, "model": {"name": "mlp", "hidden": [8, 8]}, "training": QUICK}
LAYERS = ["drift", "embedding", "filters", "neurons", "probes", "saliency", "similarity"]

RUNS: dict[str, dict[str, Any]] = {
    "a backdoor": {
        **DIGITS,
        "attack": {"name": "badnets", "target": 7},
        "analysis": LAYERS,
        "defences": [{"name": "neural_cleanse", "steps": 5}, "nearest_neighbours"],
        "repairs": ["filtering"],
    },
    "labels": {**DIGITS, "attack": {"name": "label_flip", "rate": 0.3}, "repeats": 2, "analysis": ["saliency"]},
    "a stream": {
        **DIGITS,
        "attack": {"name": "gradient_poison", "rounds": 2, "count": 9},
        "training": {"name": "online", "warm_up": QUICK, "batch_size": 10, "checkpoints": 8},
        "defences": ["blame", "loss_monitor"],
        "repairs": ["fine_tuning"],
    },
    "a boundary": lesson_spec(source=lesson_source(), points=lesson_points(), labels=[1], calls=2, square=(-3.0, 3.0)),
}


def parts(charts: Mapping[str, Chart]) -> Iterator[tuple[str, Chart]]:
    for key, chart in charts.items():
        yield key, chart
        yield from parts({f"{key}[]": each for each in chart.charts} if isinstance(chart, Panels) else {})


@pytest.mark.parametrize("name", RUNS)
def test_captions_and_descriptions_end_with_a_full_stop(name: str) -> None:
    result = load_spec(RUNS[name]).run(progress=False)
    assert isinstance(result, Result)
    charts = {**result.charts, **{f"figure {key}": result.chart(key) for key in result.metrics}}
    for key, chart in parts(charts):
        for words in (chart.caption, chart.alt):
            assert not words or words.endswith("."), (key, words)
            assert ".." not in words, (key, words)
