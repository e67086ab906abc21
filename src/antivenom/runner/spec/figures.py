"""The figures that an experiment has, as far as they are known before it runs."""

import math
from collections.abc import Iterator, Mapping

from antivenom.errors import SettingsError, UnknownFigureError
from antivenom.registry import did_you_mean
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.settings import describe

SHARES = ("model.clean_accuracy", "model.class_accuracy", "attack.success_rate", "attack.trigger_lost",
          "attack.poison_rate", "attack.poison_unchanged", "attack.cover_rate", "model.not_finite",
          "model.accuracy_promised", "model.success_rate_at_most", "model.certified_accuracy")  # fmt: skip
"""The figures of every experiment that are shares."""

OTHERS = ("model.accuracy_drop", "model.clean_accuracy_difference", "attack.success_rate_difference",
          "attack.poison_rows", "attack.cover_rows", "training.loss", "model.median_certified", "model.changed_rows",
          "model.broken_certificates")  # fmt: skip
"""The figures of every experiment that have other units."""


def check_figure(experiment: ExperimentSettings, figure: str, level: float) -> None:
    """Check the key of a figure and a level of it, before any training. The figures of components have any name.

    Raises:
        UnknownFigureError: the experiment cannot have the figure.
        SettingsError: the figure is a share, and the level is not in [0, 1].

    >>> from antivenom import Experiment
    >>> from antivenom.attacks import LabelFlip
    >>> check_figure(Experiment(attack=LabelFlip()), "attack.success_rate", 50)
    Traceback (most recent call last):
    antivenom.errors.SettingsError: level must be in [0, 1], as attack.success_rate is a share; got 50. 50 % is 0.5.
    """
    plain = figure.removesuffix(".control")
    if not any(plain == each or plain.startswith(f"{each}.") for each in (*SHARES, *OTHERS, *_components(experiment))):
        known = [*SHARES[:1], *OTHERS[:1], "attack.success_rate", *_components(experiment)]
        hint = did_you_mean(figure, (*SHARES, *OTHERS, *_components(experiment)))
        raise UnknownFigureError(
            f"The experiment does not have a figure '{figure}'.{hint} Its figures begin with: {', '.join(known)}."
        )
    share = any(plain == each or plain.startswith(f"{each}.") for each in SHARES)
    if share and math.isfinite(level) and not 0 <= level <= 1:
        raise SettingsError([wrong_level(figure, level)])


def wrong_level(figure: str, level: float) -> str:
    """Return the message about a level of a share that is not in [0, 1]."""
    advice = f" {level:g} % is {level / 100:g}." if 1 < level <= 100 else ""
    return f"level must be in [0, 1], as {figure} is a share; got {level:g}.{advice}"


def _components(experiment: ExperimentSettings) -> Iterator[str]:
    """Yield the beginnings of the keys of the figures of components."""
    for kind in ("attack", "training"):
        yield f"{kind}.{describe(f'{kind}s', getattr(experiment, kind))['name']}"
    kinds: dict[str, Mapping[str, object]] = {
        "detector": experiment.detectors,
        "filter": experiment.filters,
        "scan": experiment.scans,
        "stream_defence": experiment.stream_defences,
        "repair": experiment.repairs_by_name,
        "analysis": experiment.analyses,
    }
    yield from (f"{kind}.{name}" for kind, named in kinds.items() for name in named)
