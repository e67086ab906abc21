"""Names of cells."""

from pathlib import Path
from typing import Any

from antivenom.runner import Sweep, load_spec

SPEC: dict[str, Any] = {"attack": {"name": "badnets", "target": 7}}


def sweep(grid: Any, **more: Any) -> Sweep:
    made = load_spec({**SPEC, **more, "grid": grid})
    assert isinstance(made, Sweep)
    return made


def test_names_of_cells_are_names_of_folders() -> None:
    made = sweep({"name": ["../../x", "/etc", "a" * 300, "..", "é ß", "CON"], "seed": [0, 1]})
    assert len(set(made.cells)) == 12
    for name in made.cells:
        assert Path(name).name == name
        assert len(name) < 100
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
        assert not name.startswith(".")


def test_twelve_cells_sort_by_name_as_they_run() -> None:
    made = sweep({"seed": list(range(12))})
    assert list(made.cells) == sorted(made.cells)
    assert [cell.seed for cell in made.cells.values()] == list(range(12))
