"""Run examples that ship with antivenom, for the gallery of reports in the documentation.

python scripts/gallery.py    # into build/gallery; what is there is kept
"""

from pathlib import Path

from antivenom.cli_components import shipped_examples
from antivenom.report import write_report
from antivenom.runner import Store, load_spec

EXAMPLES = {
    "demo": "Four attacks on two networks: what a grid looks like.",
    "digits_badnets": "A backdoor in a network that reads digits.",
    "neural_cleanse_digits": "A scan for the backdoor, and four repairs.",
    "features_digits": "What victim and control have learned, layer by layer.",
    "blame_digits": "A stream: when the model began to change, and which checkpoint was last good.",
    "boundary": "A decision boundary in the plane.",
}
"""Examples that need no data set from elsewhere, and what each shows."""

PLACE = Path(__file__).parents[1] / "build" / "gallery"


def main() -> None:
    """Run what has not run yet."""
    for name in EXAMPLES:
        folder = PLACE / name
        if not (folder / "report.html").is_file():
            load_spec(shipped_examples()[name]).run(out=folder, store=Store(PLACE / "store"))
            write_report(folder)


if __name__ == "__main__":
    main()
