"""The commands of `antivenom data`: list, download and check the named data sets."""

import sys
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from antivenom.cli_listing import print_listing
from antivenom.stopping import advice_if_stopped
from antivenom.terminal import err_console, out_console

app = typer.Typer(no_args_is_help=True, help="List, download and check the named data sets.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print only JSON on stdout.")]


@app.command(name="list")
def list_data(as_json: JsonOption = False) -> None:
    """List the named data sets: state on this machine, download size and folder."""
    from antivenom.data.download import present  # noqa: PLC0415 - loads modules that other commands do not need
    from antivenom.data.home import data_home  # noqa: PLC0415
    from antivenom.data.remotes import REMOTES  # noqa: PLC0415

    rows: list[dict[str, str | int]] = []
    sizes: list[int] = []
    for name, remotes in REMOTES.items():
        is_present = [file.state == "there" for file in present(name)]
        state = "here" if all(is_present) else "in part" if any(is_present) else "missing"
        sizes.append(sum(remote.size for remote in remotes))
        rows.append({"name": name, "state": state, "folder": str(data_home() / name), "bytes_to_get": sizes[-1]})
    if as_json:
        out_console.json(rows)
        return
    lines = [
        (str(row["name"]), str(row["state"]), f"{size / 2**20:.0f} MiB", str(row["folder"]))
        for row, size in zip(rows, sizes, strict=True)
    ]
    print_listing(out_console, ("name", "state", "size", "where"), lines)
    out_console.print("`antivenom data get NAME` downloads one. `digits` is built in.", style="dim")


@app.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="mnist, fashion_mnist, cifar10 or cifar100.")],
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Do not use the network; name the missing files. Or set ANTIVENOM_OFFLINE=1."),
    ] = False,
) -> None:
    """Download a named data set from its authors' site. A stopped download continues."""
    from antivenom.data import download  # noqa: PLC0415

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err_console, transient=True) as progress:
        tasks = {}

        def on_progress(file: str, done: int, of: int) -> None:
            if file not in tasks:
                tasks[file] = progress.add_task(file, total=of)
            progress.update(tasks[file], completed=done, total=of)

        with advice_if_stopped(f"To continue, run `antivenom data get {name}`."):
            written = download.get(name, on_progress=on_progress, network=not offline)
    for file in written:
        out_console.print(f"{file}", soft_wrap=True)
    if not written:
        out_console.print(f"{name} is already complete.")


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One data set. Default: all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check files against their SHA-256 checksums. Exit with status 2 if one is wrong."""
    from antivenom.data import download  # noqa: PLC0415
    from antivenom.data.remotes import REMOTES  # noqa: PLC0415

    names = REMOTES if name is None else [name]
    rows = [{"name": each, "file": str(s.file), "state": s.state} for each in names for s in download.check(each)]
    if as_json:
        out_console.json(rows)
    else:
        marks = {"right": "✓", "wrong": "✗", "missing": "–", "unknown": "?"}
        notes = {"unknown": " (no checksum, because `antivenom data get` did not download this file)"}
        for row in rows:
            line = f"{marks[row['state']]} {row['file']}: {row['state']}{notes.get(row['state'], '')}"
            out_console.print(line, soft_wrap=True)
    if any(row["state"] == "wrong" for row in rows):
        sys.exit(2)
