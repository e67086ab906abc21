"""The table of rows: the scores of every detector for each row of the victim's training data."""

from collections.abc import Iterator, Mapping
from typing import Any

from antivenom.data import CLEAN, COVER, POISON, Poisoned
from antivenom.runner.scoring.detectors import RowScores

ROLES = {CLEAN: "clean", POISON: "poison", COVER: "cover"}


def row_table(
    poisoned: Poisoned, scores: Mapping[str, RowScores], names: Mapping[int, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a line for each training row: its id, its file if known, its label, its role, and every score.

    Args:
        poisoned: the training data, and the truth about it.
        scores: the scores by detector.
        names: the file of each row of the clean training data, by the row's id.
    """
    data = poisoned.data
    columns = {name: each.scores.tolist() for name, each in scores.items()}
    ids, labels, roles = data.ids.tolist(), data.y.tolist(), poisoned.roles.tolist()
    for place, (row, label, role) in enumerate(zip(ids, labels, roles, strict=True)):
        line: dict[str, Any] = {"id": row}
        if names is not None:
            line["file"] = names.get(row, "")
        line |= {"label": data.classes[label], "role": ROLES[role]}
        for name, each in scores.items():
            line |= {
                f"{name}.score": columns[name][place],
                f"{name}.flagged": int(columns[name][place] > each.threshold),
            }
        yield line
