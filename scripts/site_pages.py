"""The pages of the documentation that are made from the code: components, API, glossary, changes, gallery.

MkDocs runs this file (`make docs`). Nothing here is kept by hand: a new component, module or term has its page.
"""

import ast
import dataclasses
import inspect
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mkdocs_gen_files

from antivenom.glossary import terms
from antivenom.registry import KINDS, Entry, entries
from antivenom.settings import documentation, settings_of
from antivenom.testing import checks_for, try_out
from antivenom.trial import trial_of

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "antivenom"
REPORTS = ROOT / "build" / "gallery"
ROOMS = ("__init__", "data", "models", "attacks", "goals", "triggers", "surrogates", "arrivals", "training", "defences",
         "repairs", "analysis", "charts", "metrics", "report", "runner", "storage", "testing", "interop",
         "trackers")  # fmt: skip
"""The packages with a page in the API reference, in the order of the reader's interest."""


def write(path: str, text: str) -> None:
    """Write a page of the site."""
    with mkdocs_gen_files.open(path, "w") as page:
        page.write(text)


# ---------------------------------------------------------------------------------------------------- components


def component_pages() -> Iterator[str]:
    """A page for each kind with a table, and one for each component; gives the lines of the navigation."""
    yield "- [Components](components/index.md)"
    overview = [
        "# Components",
        "",
        "What a spec can name. `antivenom list` and `antivenom show NAME` say the same.",
        "",
    ]
    for plural, kind in KINDS.items():
        own = {name: entry for name, entry in entries(plural).items() if entry.module.startswith("antivenom.")}
        overview += [f"## {plural.capitalize()}", "", "| name | what it is |", "|---|---|"]
        overview += [f"| [`{name}`]({plural}/{name}.md) | {cell(entry.summary)} |" for name, entry in own.items()]
        overview.append("")
        yield f"    - {plural.capitalize()}"
        for name, entry in own.items():
            write(f"components/{plural}/{name}.md", component_page(plural, kind.singular, entry))
            yield f"        - [{name}](components/{plural}/{name}.md)"
    write("components/index.md", "\n".join(overview))


def component_page(plural: str, singular: str, entry: Entry) -> str:
    """One component: what it does, its settings, an example, the checks that it passes."""
    cls = entry.load()
    text, arguments, examples = split_docstring(documentation(cls))
    origin = f"*{singular}* · `from {KINDS[plural].package} import {entry.class_name}`"
    lines = [f"# {entry.name}", "", origin, "", text, ""]
    lines += ["## Settings", "", *settings_table(cls, arguments), ""]
    if examples:
        lines += ["## Example", "", "```python", examples, "```", ""]
    lines += ["## In a spec", "", "```yaml", spec_lines(plural, entry, cls), "```", ""]
    lines += ["## Checks that it passes", "", *checks_of(entry), ""]
    lines += [f"[Reference of the module](../../api/{module_page(entry.module)})"]
    return "\n".join(lines)


def split_docstring(text: str) -> tuple[str, dict[str, str], str]:
    """The description, the description of each setting, and the examples."""
    head, _, rest = text.partition("\nArgs:\n")
    body = rest.split("\n\n", 1)
    arguments, after = (body[0], body[1] if len(body) > 1 else "") if rest else ("", "")
    found: dict[str, str] = {}
    for line in arguments.splitlines():
        match = re.match(r"^ {4}(\w+): (.*)", line)
        if match:
            found[match[1]] = match[2]
        elif found:
            found[next(reversed(found))] += " " + line.strip()
    example = re.search(r"^>>> .*", f"{head}\n\n{after}", re.MULTILINE | re.DOTALL)
    plain = head.partition("\n>>> ")[0]
    notes = after.partition(">>> ")[0].strip()
    notes = re.sub(r"^Raises:\n((?:    .*\n?)+)", lambda m: "**Refuses**: " + " ".join(m[1].split()), notes)
    return f"{plain.strip()}\n\n{notes}".strip(), found, example[0].strip() if example else ""


def settings_table(cls: type[Any], arguments: dict[str, str]) -> list[str]:
    """A row for each setting."""
    rows = [
        f"| `{name}` | {default_of(default)} | {cell(phrase)} | {cell(arguments.get(name, ''))} |"
        for name, phrase, default in settings_of(cls)
    ]
    return ["| key | default | must be | what it is |", "|---|---|---|---|", *rows] if rows else ["It has no settings."]


def default_of(value: Any) -> str:
    """A default as a spec would write it."""
    if value is dataclasses.MISSING:
        return "required"
    if dataclasses.is_dataclass(value):
        return f"`{type(value).__name__}`"
    words = {"None": "null", "True": "true", "False": "false", "()": "[]"}
    return f"`{cell(words.get(str(value), str(value)))}`"


def spec_lines(plural: str, entry: Entry, cls: type[Any]) -> str:
    """How a spec names it."""
    required = [f"{name}: …" for name, _, default in settings_of(cls) if default is dataclasses.MISSING]
    item = "{" + ", ".join([f"name: {entry.name}", *required]) + "}"
    lists = {"defences": "defences", "repairs": "repairs", "analyses": "analysis"}
    return f"{lists[plural]}:\n  - {item}" if plural in lists else f"{KINDS[plural].singular}: {item}"


def checks_of(entry: Entry) -> list[str]:
    """The conformance checks that run on it, and those that do not apply, with the reason."""
    trial = trial_of(entry.load())
    lines = []
    for check in checks_for(try_out(entry.kind, entry.name)):
        first = inspect.cleandoc(check.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
        waived = trial.waive.get(check.__name__)
        lines.append(f"- `{check.__name__}`: {first}" + (f" **Does not apply**: {waived}." if waived else ""))
    return lines or ["There is no check for this kind yet."]


def cell(text: str) -> str:
    """Text inside a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


# ----------------------------------------------------------------------------------------------------------- API


def api_pages() -> Iterator[str]:
    """A page for each public module; gives the lines of the navigation."""
    yield "- [API](api/index.md)"
    overview = ["# API", "", "Every public module. Names that begin with `_` are private.", ""]
    for room in ROOMS:
        modules = [*modules_of(room)]
        title = "antivenom" if room == "__init__" else f"antivenom.{room}"
        overview += [f"- **{title}**: {summary_of(modules[0])}"]
        yield f"    - {title}"
        for module in modules:
            write(f"api/{module_page(module)}", f"# {module}\n\n::: {module}\n")
            yield f"        - [{module}](api/{module_page(module)})"
    write("api/index.md", "\n".join(overview))


def modules_of(room: str) -> Iterator[str]:
    """The public modules of a room."""
    if room == "__init__":
        yield "antivenom"
        return
    folder = SOURCE / room
    if not folder.is_dir():
        yield f"antivenom.{room}"
        return
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(SOURCE).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts):
            yield ".".join(("antivenom", *parts))


def module_page(module: str) -> str:
    """The page of a module, below `api/`."""
    return f"{module}.md"


def summary_of(module: str) -> str:
    """The first line of a module's docstring."""
    path = SOURCE.joinpath(*module.split(".")[1:])
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]


# ------------------------------------------------------------------------------------------------ words and pages


def glossary_page() -> str:
    """All terms, each with an anchor."""
    lines = ["# Glossary", "", "The words of the field, one meaning each. `antivenom glossary TERM` says the same.", ""]
    for term in terms():
        also = f" *Also: {', '.join(term.also)}.*" if term.also else ""
        see = f" See {', '.join(f'[{name}](#{anchor(name)})' for name in term.see)}." if term.see else ""
        lines += [f"## {term.name} {{#{anchor(term.name)}}}", "", f"{term.meaning}{also}{see}", ""]
    return "\n".join(lines)


def anchor(name: str) -> str:
    """The anchor of a term."""
    return name.lower().replace(" ", "-")


def root_page(file: str) -> str:
    """A page that stands beside the README, with its links as seen from the site."""
    text = (ROOT / file).read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    return re.sub(r"\]\((\w+)\.md\)", lambda match: f"]({match[1].lower()}.md)", text)


def gallery_pages() -> Iterator[str]:
    """The reports that `scripts/gallery` made; gives the lines of the navigation."""
    lines = ["# Gallery of reports", "", "Each is one file that a run wrote: no script, no network.", ""]
    made = runpy.run_path(str(ROOT / "scripts" / "gallery.py"))["EXAMPLES"] if REPORTS.is_dir() else {}
    for name, what in made.items():
        report = REPORTS / name / "report.html"
        if report.is_file():
            with mkdocs_gen_files.open(f"gallery/{name}.html", "wb") as page:
                page.write(report.read_bytes())
            lines += [f"## [{name}]({name}.html)", "", f"{what} `antivenom run {name}`", ""]
    write("gallery/index.md", "\n".join(lines))
    yield "- [Gallery of reports](gallery/index.md)"


def navigation(generated: list[str]) -> str:
    """The navigation: the part that people write, and the part that is made."""
    return (
        (ROOT / "scripts" / "site_navigation.md")
        .read_text(encoding="utf-8")
        .replace("{generated}", "\n".join(f"    {line}" for line in generated))
    )


def decisions() -> list[str]:
    """The decisions, by number."""
    files = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    titles = {file.name: file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for file in files}
    lines = ["# Decisions", "", "Why the house is as it is.", "", *(f"- [{titles[name]}]({name})" for name in titles)]
    write("decisions/index.md", "\n".join(lines))
    return ["- [Decisions](decisions/index.md)", *(f"    - [{titles[name]}](decisions/{name})" for name in titles)]


def main() -> None:
    """Write all pages."""
    generated = [*gallery_pages(), *component_pages(), *api_pages(), "- [Glossary](glossary.md)", *decisions()]
    write("glossary.md", glossary_page())
    for file in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
        write(file.lower(), root_page(file))
        generated.append(f"- [{file.removesuffix('.md').capitalize()}]({file.lower()})")
    write("SUMMARY.md", navigation(generated))


main()
