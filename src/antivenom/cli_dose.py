"""The command `antivenom dose`: the smallest dose of poison at which a figure reaches a level."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from antivenom.charts import Table as TableOfText
from antivenom.cli_notes import print_doubts
from antivenom.cli_runs import (
    CodeOption,
    DeviceOption,
    OutOption,
    QuietOption,
    SetOption,
    SpecArgument,
    default_store,
    single_experiment,
    slug,
)
from antivenom.stopping import advice_if_stopped
from antivenom.terminal import err_console, out_console


class Scale(StrEnum):
    """The settings of an attack that can be searched."""

    RATE, COUNT = "rate", "count"


def dose(
    spec: SpecArgument,
    figure: Annotated[
        str, typer.Option("--figure", metavar="KEY", help="The key of the figure, such as attack.success_rate.")
    ],
    level: Annotated[float, typer.Option("--level", metavar="X", help="In the unit of the figure: 0.5 is 50 %.")],
    scale: Annotated[
        Scale, typer.Option("--in", help="Search the attack's rate or its count. The result has both.")
    ] = Scale.RATE,
    low: Annotated[
        float | None, typer.Option("--low", metavar="L", help="The first dose. Default: 0.1 % of the rows.")
    ] = None,
    high: Annotated[
        float | None, typer.Option("--high", metavar="H", help="The largest dose. Default: 50 % of the rows.")
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="The repeats of each dose. Default: the spec's, but at least 3."),
    ] = None,
    overrides: SetOption = None,
    out: OutOption = None,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print only the result, as JSON, on stdout.")] = False,
    quiet: QuietOption = False,
    allow_code: CodeOption = False,
) -> None:
    """Find the smallest dose of poison at which a figure reaches a level, with an interval and the curve.

    Finished stages are kept in the store. If a search was stopped, the same command continues it.
    """
    from antivenom.report import write_report  # noqa: PLC0415 - loads matplotlib
    from antivenom.runner.dose import find_dose  # noqa: PLC0415 - loads torch
    from antivenom.runner.progress import display_for  # noqa: PLC0415

    experiment = single_experiment(spec, overrides, allow_code)
    folder = out or Path("runs") / f"dose-{slug(experiment.name)}"
    continuing = "Finished stages are kept. To continue, run the same command."
    with advice_if_stopped(continuing), display_for(not quiet and "auto", err_console) as display:
        result = find_dose(
            experiment,
            figure,
            level,
            scale=scale.value,
            low=low,
            high=high,
            repeats=repeats,
            out=folder,
            store=default_store(),
            device=device,
            progress=False,
            on_event=display.on_event,
        )
        display.note("writing the report")
        report = write_report(folder)
    if as_json:
        out_console.json(result.content(), sort_keys=True)
        return
    out_console.print(_printed(result.table()))
    out_console.print(result.headline)
    print_doubts(out_console, {"": list(result.doubts)})
    out_console.print(f"Report: {report}", soft_wrap=True)


def _printed(content: TableOfText) -> Table:
    made = Table(title=content.caption, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, name in enumerate(content.columns):
        made.add_column(name, justify="right" if number in content.numeric else "left", overflow="fold")
    for row in content.rows:
        made.add_row(*row)
    return made
