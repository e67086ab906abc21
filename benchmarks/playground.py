"""Measure the time from a click in the playground to the new boundary on the screen, and the frame rate of `play`.

    python -m benchmarks.playground [--quick] [--json FILE]

`antivenom playground` runs in a separate process, and its page in headless Chromium on the same machine. Points are
placed one after the other by clicks, at 15 calls. The page measures the time from the event of the click until the
browser has drawn the response. Then 15 calls are played, and the time between two frames is measured. Last, the time of
`partial_fit` of the example's perceptron on five rows is measured with scikit-learn's own update and with antivenom's,
alternately in one process.
"""

import argparse
import copy
import json
import re
import shutil
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier

from antivenom.private.perceptron import update
from benchmarks.machine import machine

MODELS = ("MLPClassifier", "mlp", "logistic_regression", "SGDClassifier")


def main() -> None:
    """Run the benchmark and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one estimator, 10 clicks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    arguments = parser.parse_args()
    clicks = 10 if arguments.quick else 30
    models = MODELS[:1] if arguments.quick else MODELS
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    server = subprocess.Popen(
        [sys.executable, "-m", "antivenom", "playground", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        address = re.search(r"http://\S+", server.stdout.readline())
        assert address is not None
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1180, "height": 900}, bypass_csp=True)
            page.goto(address.group())
            times_by_model = {model: measured(page, model, clicks) for model in models}
    finally:
        server.terminate()
    about = machine()
    print(about)
    print(f"n = {clicks} clicks at 15 calls, and 15 calls played, for each estimator; milliseconds")
    for model, times in times_by_model.items():
        clicked, frames = sorted(times["clicks"]), times["frames"]
        median, most = statistics.median(clicked), clicked[round(0.95 * len(clicked)) - 1]
        print(f"{model:20} click to drawn: median {median:.0f}, 95 % within {most}, longest {clicked[-1]}", end="; ")
        print(f"played: {1000 / statistics.mean(frames):.1f} frames a second, longest {max(frames):.0f}")
    ratios = sorted(slow / quick for slow, quick in updates(50 if arguments.quick else 200))
    middle = ratios[len(ratios) // 4], statistics.median(ratios), ratios[3 * len(ratios) // 4]
    print("partial_fit of MLPClassifier on five rows, time of scikit-learn over time of antivenom:", end=" ")
    print(f"median {middle[1]:.1f} times, middle half {middle[0]:.1f} to {middle[2]:.1f}, n = {len(ratios)} pairs")
    if arguments.json:
        result = {"machine": about, "milliseconds": times_by_model, "partial_fit_ratios": ratios}
        arguments.json.write_text(json.dumps(result, indent=2))


def measured(page: Page, model: str, clicks: int) -> dict[str, list[Any]]:
    """Return the milliseconds of each click, and between two frames."""
    shown(page, lambda: page.click("#clear") if page.is_enabled("#clear") else page.click("#first"))
    shown(page, lambda: page.select_option("#model", model))
    shown(page, lambda: page.fill("#calls", "15"))
    box = page.locator("#board").bounding_box()
    assert box is not None
    taken = []
    for number in range(clicks):
        across, down = 0.15 + 0.7 * (number * 0.618 % 1), 0.15 + 0.7 * (number * 0.382 % 1)
        taken.append(
            shown(
                page,
                lambda a=across, d=down: page.mouse.click(box["x"] + a * box["width"], box["y"] + d * box["height"]),
            )
        )
    page.click("#first")
    time.sleep(1)
    page.evaluate(
        """() => {
            window.stamps = [];
            window.watcher?.disconnect();
            window.watcher = new MutationObserver(() => window.stamps.push(performance.now()));
            window.watcher.observe(document.body, {attributes: true, attributeFilter: ["data-shown"]});
        }"""
    )
    page.click("#play")
    page.wait_for_function("document.getElementById('callsout').textContent === '15 calls'", timeout=30_000)
    stamps = page.evaluate("window.stamps")
    return {"clicks": taken, "frames": [after - before for before, after in pairwise(stamps)]}


def updates(pairs: int) -> list[tuple[float, float]]:
    """Return the seconds of one `partial_fit`, by scikit-learn and by antivenom, for a number of pairs."""
    x, y = make_classification(100, 2, n_informative=2, n_redundant=0, random_state=17)
    own = MLPClassifier(max_iter=600, random_state=123).fit(x, y)
    ours, classes, rows = copy.deepcopy(own), np.arange(2), slice(0, 5)
    update(ours, x[rows], y[rows], classes)  # the first call compares both updates on copies
    own.partial_fit(x[rows], y[rows], classes=classes)
    taken = []
    for _ in range(pairs):
        began = time.perf_counter()
        own.partial_fit(x[rows], y[rows], classes=classes)
        between = time.perf_counter()
        update(ours, x[rows], y[rows], classes)
        taken.append((between - began, time.perf_counter() - between))
    assert all(map(np.array_equal, own.coefs_, ours.coefs_)), "the two updates differ"
    return taken


def shown(page: Page, act: Any) -> int:
    """Act, wait until the page has drawn the result, and return the milliseconds that the page measured."""
    before = page.get_attribute("body", "data-shown") or "0"
    act()
    page.wait_for_function(f"Number(document.body.dataset.shown) > {before}", timeout=30_000)
    time.sleep(0.1)
    return int(page.get_attribute("body", "data-ms") or 0)


if __name__ == "__main__":
    main()
