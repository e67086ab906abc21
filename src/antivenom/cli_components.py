"""The commands `antivenom list` and `antivenom show`: the components and examples that exist."""

from dataclasses import MISSING
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from antivenom.charts import capitalised, title_of
from antivenom.cli_listing import Row, print_listing
from antivenom.errors import AntivenomError, CodeNotAllowedError, UnknownComponentError
from antivenom.files.opening import is_file, is_folder
from antivenom.glossary import find_term, terms
from antivenom.importing import import_named
from antivenom.own_code import allow_folder
from antivenom.registry import KINDS, Entry, did_you_mean, entries, name_of
from antivenom.terminal import out_console, styled

EXAMPLES = "examples"


def list_components(
    kind: Annotated[
        str | None, typer.Argument(metavar="[KIND]", help=f"One of {', '.join(KINDS)}, or {EXAMPLES}.")
    ] = None,
) -> None:
    """List all components (attacks, models, data sets and so on), or the example specs."""
    if kind in (EXAMPLES, "example"):
        _list_examples()
        return
    chosen, only = (None, None) if kind is None else _kind(kind)
    for plural in KINDS if chosen is None else (chosen,):
        contracts = bool(KINDS[plural].contracts)
        columns = ("name", *(["kind"] if contracts else []), "description")
        rows: list[Row] = [
            (entry.name, *([entry.contract] if contracts else []), _described(entry))
            for entry in entries(plural).values()
            if only is None or entry.contract == only or entry.broken
        ]
        if rows:
            print_listing(out_console, columns, rows, title=capitalised(title_of(plural)))
        else:
            out_console.print(f"There is no built-in {only or KINDS[plural].singular}.")
        out_console.print()
    out_console.print("`antivenom show NAME` shows the settings and documentation of a component.", style="dim")


def _described(entry: Entry) -> Text:
    """Return the description of a component, and what it requires."""
    missing = f" requires {' and '.join(entry.missing)} (not installed)" if entry.missing else ""
    broken = f" {entry.broken}" if entry.broken else ""
    package = f" (package {_package(entry)})" if entry.package else ""
    return styled(entry.summary, (missing, "red"), (broken, "red"), (package, "dim"))


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A component's name, such as badnets, or module:Class for your own.")
    ],
    allow_code: Annotated[
        bool, typer.Option("--allow-code", help="Allow the import of module:Class. Read that code first.")
    ] = False,
) -> None:
    """Show the documentation of a component, its settings and their defaults."""
    for entry in [_own_entry(name, allow_code)] if ":" in name else _registered(name):
        _show(name, entry)


def _registered(name: str) -> list[Entry]:
    matches = [entries(kind)[name] for kind in KINDS if name in entries(kind)]
    if matches:
        return matches
    words = {*KINDS, *(word for kind in KINDS.values() for word in (kind.singular, *kind.contracts))}
    if name in words:
        raise UnknownComponentError(
            f"'{name}' is a kind of component, not a component. `antivenom list '{name}'` shows its components."
        )
    all_names = [entry for kind in KINDS for entry in entries(kind)]
    raise UnknownComponentError(
        f"Unknown component '{name}'.{did_you_mean(name, all_names)} `antivenom list` shows all components."
    )


def _own_entry(path: str, allow_code: bool) -> Entry:
    """Return the description of a class `module:Class` in a file of the user."""
    from antivenom.settings import is_component  # noqa: PLC0415 - takes longer than all of `list`

    if not allow_code:
        raise CodeNotAllowedError(f"'{path}' names code, which is not allowed to run. Read it, then add --allow-code.")
    allow_folder(Path.cwd())
    cls = import_named(path)
    kind = next((each for each, of in KINDS.items() if any(hasattr(cls, method) for method in of.methods)), None)
    if not is_component(cls) or kind is None:
        raise UnknownComponentError(
            f"'{path}' is not a component. It must be a class with the decorator antivenom.settings.component, and "
            "with the method of its kind."
        )
    module, _, class_name = path.partition(":")
    return Entry(kind, path, module, class_name, "")


def _show(name: str, entry: Entry) -> None:
    from antivenom.settings import documentation, is_component, settings_of  # noqa: PLC0415 - longer than all of `list`

    cls = entry.load()
    if not is_component(cls):
        raise UnknownComponentError(
            f"'{name}' is not a component: {entry.module}:{entry.class_name} must be a class with the decorator "
            "antivenom.settings.component."
        )
    contract = KINDS[entry.kind].contract_of(dir(cls))
    out_console.print(styled((name, "bold"), f", {contract}: {entry.module}.{entry.class_name}\n"))
    out_console.print(documentation(cls))
    rows = [
        (key, "(required)" if default is MISSING else _yaml(default), phrase)
        for key, phrase, default in settings_of(cls)
    ]
    out_console.print()
    if rows:
        print_listing(out_console, ("key", "default", "must be"), rows, title="Settings")
    else:
        out_console.print("This component has no settings.")
    if entry.package:
        out_console.print(
            f"\nThe package {_package(entry)} adds this component. `pip uninstall {entry.package}` removes it.",
        )


def glossary(
    term: Annotated[
        str | None,
        typer.Argument(metavar="[TERM]", help="A word, such as 'cover rows' or ASR. Default: list all words."),
    ] = None,
) -> None:
    """Explain a word of the glossary, or list all its words."""
    if term is None:
        out_console.print("\n".join(each.name for each in terms()))
        return
    match = find_term(term)
    also = f" Also called: {', '.join(match.also)}." if match.also else ""
    see = f" See also: {', '.join(match.see)}." if match.see else ""
    out_console.print(styled((match.name, "bold"), f": {match.meaning}{also}{see}"))


def find_spec(spec: str) -> Path:
    """Return the path of a spec, given a path or the name of an example.

    Raises:
        AntivenomError: no file and no example has that name.
    """
    path, shipped = Path(spec), shipped_examples()
    if not is_file(path) and spec in shipped:
        return shipped[spec]
    if not spec or is_folder(path):
        raise AntivenomError(f"'{spec}' is not a file. Give the path of a spec, or the name of an example.")
    if not is_file(path):
        names = list(shipped)
        raise AntivenomError(
            f"No spec file and no example is called '{spec}'.{did_you_mean(spec, names)} Examples: {', '.join(names)}."
        )
    return path


def shipped_examples() -> dict[str, Path]:
    """Return the example specs that are part of the package, by name."""
    paths = {Path(str(file)).stem: Path(str(file)) for file in files("antivenom.examples").iterdir()}
    return {name: path for name, path in sorted(paths.items()) if path.suffix == ".yaml"}


def _package(entry: Entry) -> str:
    return f"{entry.package} {entry.version}"


def _list_examples() -> None:
    rows = [
        (name, file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("#").strip())
        for name, file in shipped_examples().items()
    ]
    print_listing(out_console, ("name", "description"), rows, title="Examples")
    out_console.print("\n`antivenom run NAME` runs an example.", style="dim")


def _kind(word: str) -> tuple[str, str | None]:
    """Return a key of `KINDS`, and the contract if the word is a contract, such as `filters`."""
    for plural, kind in KINDS.items():
        if word in (plural, kind.singular):
            return plural, None
        for contract in kind.contracts:
            if word.replace("_", " ").replace("-", " ") in (contract, f"{contract}s"):
                return plural, contract
    hint = did_you_mean(word, KINDS)
    raise UnknownComponentError(f"Unknown kind of component '{word}'.{hint} The kinds are: {', '.join(KINDS)}.")


def _yaml(value: Any) -> str:
    from antivenom.settings import is_component  # noqa: PLC0415 - as above

    if is_component(type(value)):
        names = [name_of(kind, type(value)) for kind in KINDS]
        return next((name for name in names if ":" not in name), type(value).__name__)
    return {"None": "null", "True": "true", "False": "false", "()": "[]"}.get(str(value), str(value))
