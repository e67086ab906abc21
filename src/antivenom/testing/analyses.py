"""Checks of analyses."""

import dataclasses

import numpy as np

from antivenom.analysis import Analysis, AnalysisContext, analyse
from antivenom.attacks.badnets import BadNets
from antivenom.attacks.label_flip import LabelFlip
from antivenom.models import Checkpoint
from antivenom.rng import Rng
from antivenom.testing._device import cache_here
from antivenom.testing._toys import (
    bytes_of,
    global_state_untouched,
    toy_images,
    toy_model,
)
from antivenom.testing.register import check
from antivenom.training.end_to_end import EndToEnd


@cache_here
def toy_contexts() -> tuple[AnalysisContext, ...]:
    """Return a context with a backdoor, and one with wrong labels, which do not have a trigger."""
    data, test, contexts = toy_images(), toy_images(seed=1), []
    for attack in (BadNets(rate=0.2), LabelFlip(rate=0.2)):
        poisoned = attack.poison(data, rng=Rng(0))
        training = EndToEnd(epochs=4, batch_size=32, learning_rate=5e-3)
        victim, control = (training.fit(toy_model(data), rows, rng=Rng(0)) for rows in (poisoned.data, data))
        paths = [tuple(Checkpoint(240 * place, one) for place in (1, 2)) for one in (victim, control)]
        contexts.append(AnalysisContext(victim, control, poisoned, test, (paths[0], paths[1])))
    return tuple(contexts)


@check(quick=True)
def analysis_does_not_change_its_inputs(analysis: Analysis) -> None:
    """The analysis does not change networks, rows or global random streams."""
    for context in toy_contexts():
        before = [*map(bytes_of, context.networks), dataclasses.replace(context.test).fingerprint]
        with global_state_untouched():
            analyse({"it": analysis}, context, Rng(0))
        after = [*map(bytes_of, context.networks), dataclasses.replace(context.test).fingerprint]
        assert before == after, "the analysis changed its inputs"


@check
def analysis_is_reproducible(analysis: Analysis) -> None:
    """The same seed returns the same figures, charts and data."""
    for context in toy_contexts():
        (first, data), (again, same) = (analyse({"it": analysis}, context, Rng(0)) for _ in range(2))
        assert first.figures == again.figures, "the same seed returned different figures"
        charts = [{name: chart.to_png() for name, chart in each.charts.items()} for each in (first, again)]
        assert charts[0] == charts[1], "the same seed returned different charts"
        for name, array in data.items():
            equal = np.array_equal(array, same[name], equal_nan=array.dtype.kind == "f")
            assert equal, f"the same seed returned different data for '{name}'"


@check
def analysis_describes_itself(analysis: Analysis) -> None:
    """The analysis returns a figure or a chart, and each chart has a description in words."""
    for context in toy_contexts():
        evidence, _ = analyse({"it": analysis}, context, Rng(0))
        assert evidence.figures or evidence.charts, "the analysis returned neither a figure nor a chart"
        for name, chart in evidence.charts.items():
            assert chart.alt, f"the chart {name} has no alt text; set `alt`"
