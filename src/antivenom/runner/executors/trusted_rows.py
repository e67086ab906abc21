"""Check that the trusted rows are enough for every defence and repair, before anything is trained."""

from collections.abc import Iterator

from antivenom.calling import sentences_from
from antivenom.data import Dataset
from antivenom.defences import Filter
from antivenom.runner.executors.crafting import starting_data, stream_of
from antivenom.runner.executors.stages import Stages
from antivenom.runner.executors.starting_models import defender_rows
from antivenom.runner.scoring.trusted import halves, trusted_rows
from antivenom.runner.spec.settings import ExperimentSettings
from antivenom.runner.spec.starting_data import StartingData
from antivenom.runner.spec.validation import parts_of
from antivenom.settings import ChecksCleanRows
from antivenom.settings.clean_rows import with_remedy


def trusted_problems(experiment: ExperimentSettings, data: StartingData, stages: Stages) -> list[str]:
    """Return a sentence for each defence or repair whose trusted rows are certainly too few in some repeat.

    Args:
        experiment: the experiment.
        data: the rows of its first repeat.
        stages: read another data set, if the training uses one.
    """
    asking = {path: part for path, part in parts_of(experiment) if isinstance(part, ChecksCleanRows)}
    problems = dict[str, str]()
    for number in range(experiment.most_repeats if asking else 0):
        test = (data if number == 0 else _data_of(experiment, stages, number)).splits.test
        for path, problem in _problems(experiment, test, number, asking):
            problems.setdefault(path, problem)
    return list(problems.values())


def _data_of(experiment: ExperimentSettings, stages: Stages, number: int) -> StartingData:
    return starting_data(experiment, experiment.part(stages.prepare(experiment.dataset)), stages, number)


def _problems(
    experiment: ExperimentSettings, test: Dataset, number: int, asking: dict[str, ChecksCleanRows]
) -> Iterator[tuple[str, str]]:
    """Yield the place of each component in the spec, and the message about the trusted rows of a repeat."""
    stream = stream_of(experiment, number)
    _, clean, _ = defender_rows(experiment, test, stream.child("defender"))
    given = trusted_rows(len(test), experiment.trusted)
    half = f", {len(clean)} of them without the rows for its own model" if len(clean) < given else ""
    way_out = f"Set `trusted` higher: {experiment.trusted:g} gives the defender {given} of {len(test)} test rows{half}."
    for path, part in asking.items():
        rows = halves(clean, stream.child("filter"))[0] if isinstance(part, Filter) else clean
        if problems := list(sentences_from(part, ChecksCleanRows.clean_problems, rows)):
            yield path, with_remedy(path, problems, way_out)
