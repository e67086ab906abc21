"""The page in a browser shows what the library says."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

starlette = pytest.importorskip("starlette", reason="the playground's extra is not installed")

from antivenom.playground.answer import answer, picture, refined  # noqa: E402
from antivenom.playground.board import Board, at_call  # noqa: E402
from antivenom.settings import build_as  # noqa: E402
from tests.helpers.playground import FIVE, HANGING, running, wait_until  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@contextmanager
def opened(width: int = 1180, height: int = 900, *, address: str | None = None, quiet: bool = True) -> Iterator[Any]:
    """The page in Chromium, without an error on its console if `quiet`."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with nullcontext(address) if address else running() as place, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page(viewport={"width": width, "height": height}, accept_downloads=True)
        page.set_default_timeout(1000 * HANGING)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(place)
        settled(page)
        yield page
        browser.close()
        assert not (said and quiet), said


def settled(page: Any) -> None:
    """Wait until the page shows the fine numbers of what was asked last."""

    def is_settled() -> bool:
        asked, shown, fine = (page.get_attribute("body", f"data-{name}") for name in ("asked", "shown", "refined"))
        return asked is not None and asked == shown == fine

    wait_until(is_settled, lambda: f"the page did not settle: {page.inner_text('#status')}")


def numbers(page: Any) -> dict[str, str]:
    names = ("accuracy-before", "accuracy-after", "flipped-1", "flipped-0", "wrong", "control", "callsout")
    return {name: page.inner_text(f"#{name}") for name in names}


def click_at(page: Any, x: float, y: float) -> None:
    box = page.locator("#board").bounding_box()
    side = box["width"] - 2  # less the border
    scale = (side + 2 - 2 * 26) / 6
    page.mouse.click(box["x"] + 1 + 26 + (x + 3) * scale, box["y"] + 1 + 26 + (3 - y) * scale)


def board_of(page: Any) -> Board:
    """The board that the page's address keeps."""
    from urllib.parse import unquote

    return build_as(Board, json.loads(unquote(page.url.partition("#")[2])), path="board")


@pytest.mark.slow
@needs_chromium
def test_points_are_placed_and_fifteen_calls_are_what_the_library_says() -> None:
    with opened() as page:
        for x, y, _ in FIVE:
            click_at(page, x, y)
        for _ in range(15):
            page.click("#step")
        settled(page)
        board = board_of(page)
        assert board.calls == 15
        assert np.allclose([point[:2] for point in board.points], [point[:2] for point in FIVE], atol=0.011)
        exact, told = refined(board), answer(board)
        assert numbers(page) == {
            "accuracy-before": "97.0 %",
            "accuracy-after": f"{100 * told['accuracy'][1]:.1f} %",
            "flipped-1": f"{100 * exact['flipped'][0]:.2f} %",
            "flipped-0": f"{100 * exact['flipped'][1]:.2f} %",
            "wrong": str(len(told["wrong"])),
            "control": f"{100 * sum(exact['control']):.2f} %",
            "callsout": "15 calls",
        }
        assert "hardly moves" in page.inner_text("#note")
        page.click("#lesson")
        settled(page)
        assert numbers(page)["flipped-1"] == "6.54 %"
        assert numbers(page)["accuracy-after"] == "96.0 %"


@pytest.mark.slow
@needs_chromium
def test_the_keyboard_is_enough() -> None:
    with opened(390, 800) as page:
        assert page.evaluate("document.documentElement.scrollWidth <= 390"), "a narrow screen scrolls sideways"
        page.focus("#board")
        for key in ["ArrowLeft"] * 2 + ["Shift+ArrowDown"] + ["0", "Enter", "ArrowRight", "1", "Enter"]:
            page.keyboard.press(key)
        page.keyboard.press(".")
        page.keyboard.press(".")
        settled(page)
        assert board_of(page) == Board(points=((-0.2, -0.5, 0), (-0.1, -0.5, 1)), calls=2)
        page.keyboard.press("Delete")
        page.keyboard.press(",")
        settled(page)
        assert board_of(page) == Board(points=((-0.2, -0.5, 0),), calls=1)
        page.keyboard.press("u")
        settled(page)
        assert len(board_of(page).points) == 2
        page.keyboard.press("Home")
        page.keyboard.press("p")
        settled_after_play(page)
        assert board_of(page).calls == 15


def settled_after_play(page: Any) -> None:
    wait_until(lambda: page.inner_text("#callsout") == "15 calls")
    settled(page)


@pytest.mark.slow
@needs_chromium
def test_defence_history_exports_and_reload(tmp_path: Path) -> None:
    with opened() as page:
        page.click("#lesson")
        click_at(page, 0.5, -2.0)
        page.select_option("#model", "logistic_regression")
        page.fill("#calls", "9")
        page.select_option("#defence", "loss_monitor")
        settled(page)
        board = board_of(page)
        told = answer(board)
        gone = told["kept"].count(False)
        assert gone
        assert page.inner_text("#dropped").startswith(f"{gone} of 6")
        assert page.locator("#points .gone").count() == gone
        page.fill("#calls", "3")
        page.fill("#calls", "9")
        settled(page)
        assert numbers(page)["flipped-1"] == f"{100 * refined(board)['flipped'][0]:.2f} %", "back is not as it was"
        for button, name in (("#spec", "boundary.yaml"), ("#picture", "boundary.png")):
            with page.expect_download() as download:
                page.click(button)
            assert download.value.suggested_filename == name
            download.value.save_as(tmp_path / name)
        assert (tmp_path / "boundary.yaml").read_text() == board.spec()
        assert (tmp_path / "boundary.png").read_bytes() == picture(board)
        page.reload()
        settled(page)
        assert board_of(page) == board
        assert page.input_value("#defence") == "loss_monitor"


@pytest.mark.slow
@needs_chromium
def test_aiming_turns_the_point() -> None:
    with opened() as page:
        page.select_option("#model", "logistic_regression")
        settled(page)
        page.click("#aim")
        click_at(page, -2.0, -0.6)
        wait_until(lambda: page.locator("#points li").count() >= 5)
        settled(page)
        board = board_of(page)
        assert len(board.points) == 5
        there = torch.tensor([[-2.0, -0.6]])
        said = [int(at_call(each).scores(there).argmax(1)) for each in (Board(model=board.model), board)]
        assert said == [0, 1]


@pytest.mark.slow
@needs_chromium
def test_an_address_that_holds_no_board_gives_a_new_one() -> None:
    from urllib.parse import quote

    with running() as address:
        for broken in ('{"points": [], "calls": "x"}', "{"):
            with opened(address=f"{address}#{quote(broken)}", quiet=False) as page:
                assert board_of(page) == Board()
                page.click("#lesson")
                settled(page)
                assert board_of(page) == Board(points=FIVE)


@pytest.mark.slow
@needs_chromium
def test_a_search_result_for_another_board_is_not_placed() -> None:
    with opened() as page:
        page.click("#aim")
        click_at(page, -2.0, -0.6)
        page.select_option("#model", "logistic_regression")
        wait_until(lambda: "aim again" in page.inner_text("#status"))
        settled(page)
        assert board_of(page) == Board(model="logistic_regression")
