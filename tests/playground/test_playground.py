"""The playground: the board is the experiment, the server takes no nonsense, the page shows what the library says."""

import json
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from antivenom import load_spec
from antivenom.cli import app
from antivenom.errors import AntivenomError, SettingsError

starlette = pytest.importorskip("starlette", reason="the playground's extra is not installed")

import uvicorn  # noqa: E402
from starlette.testclient import TestClient  # noqa: E402

from antivenom.playground import idle_timeout  # noqa: E402
from antivenom.playground import server as serving_module  # noqa: E402
from antivenom.playground.answer import answer, picture, refined, scene  # noqa: E402
from antivenom.playground.board import MOST_CALLS, MOST_POINTS, Board, at_call, kept_points  # noqa: E402
from antivenom.playground.idle_timeout import IdleTimeout  # noqa: E402
from antivenom.playground.server import MOST_BYTES, make_app  # noqa: E402
from antivenom.playground.serving import serve  # noqa: E402
from antivenom.runner.lesson import lesson_points  # noqa: E402
from antivenom.settings import build_as  # noqa: E402

FIVE = tuple((x, y, 1) for x, y in lesson_points((-3, 3)))
LESSON = Board(points=FIVE, calls=15)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HANGING = 600.0
"""Seconds after which something hangs, however busy the machine is."""
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def client(**settings: Any) -> TestClient:
    return TestClient(make_app(**settings), base_url="http://127.0.0.1:8760")


def plain(board: Board) -> dict[str, Any]:
    return json.loads(json.dumps({name: getattr(board, name) for name in Board.__dataclass_fields__}))


def wait_until(there: Callable[[], bool], otherwise: Callable[[], str] = lambda: "it never came") -> None:
    until = time.monotonic() + HANGING
    while not there():
        assert time.monotonic() < until, otherwise()
        time.sleep(0.05)


# The board ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mlp_classifier", "mlp", "sgd_classifier"])
def test_the_board_is_the_experiment_that_it_exports(model: Any, tmp_path: Path) -> None:
    board = Board(model=model, points=FIVE, calls=7)
    (tmp_path / "board.yaml").write_text(board.spec())
    result = load_spec(tmp_path / "board.yaml").run(device="cpu")
    told, exact = answer(board), refined(board)
    arrays = result.data
    assert exact["flipped"] == tuple(
        result.metrics[f"analysis.boundary.flipped_to.{label}"]["mean"] for label in (1, 0)
    )
    assert exact["control"] == tuple(
        result.metrics[f"analysis.boundary.flipped_to.{label}.control"]["mean"] for label in (1, 0)
    )
    assert told["accuracy"][1] == result.metrics["model.clean_accuracy"]["mean"]
    shift = 0.5 if told["probable"] else 0.0
    assert told["poison"] == [round(float(each) + shift, 4) for each in arrays["analysis.boundary.poison_after"][-1]]


def test_the_lesson_on_the_board() -> None:
    told = answer(LESSON)
    assert told["accuracy"] == [0.97, 0.96]
    assert len(told["wrong"]) == 2
    assert np.allclose(answer(Board(points=FIVE))["poison"], [0.679, 0.636, 0.592, 0.546, 0.500], atol=6e-4)
    assert answer(Board())["flipped"] == (0.0, 0.0)
    assert scene(LESSON)["lesson"] == [list(point) for point in FIVE]
    ends = [line[end] for line in told["lines"]["after"] for end in (0, -1)]
    assert all(max(map(abs, end)) > 2.99 for end in ends), "a boundary ends at the square's edge"


def test_stepping_and_scrubbing_agree() -> None:
    forth = [answer(Board(points=FIVE, calls=calls))["poison"] for calls in (1, 2, 3, 16, 31)]
    back = [answer(Board(points=FIVE, calls=calls))["poison"] for calls in (31, 16, 3, 2, 1)]
    assert forth == back[::-1]
    assert forth == sorted(forth), "each call raises what the model says of the five"


@pytest.mark.parametrize("defence", ["loss_monitor", "nearest_neighbours", "trim"])
def test_a_defence_drops_what_is_out_of_place_and_not_what_is_not(defence: Any) -> None:
    far, plausible = (0.5, -2.0, 1), (0.5, -2.0, 0)
    board = Board(points=(far, far, plausible), calls=5, defence=defence)
    assert kept_points(board) == (False, False, True)
    told = answer(board)
    assert sum(told["flipped"]) < sum(told["undefended"]["flipped"])
    assert told["false_alarms"] < 0.2
    spec = board.spec()
    assert spec.count("# Dropped by") == 2
    assert len(load_spec_text(spec)["attack"]["points"]) == 1


def load_spec_text(text: str) -> dict[str, Any]:
    import yaml

    return yaml.safe_load(text)


def test_all_points_dropped_leaves_the_model_as_it_was() -> None:
    board = Board(points=((0.5, -2.0, 1),), calls=5, defence="loss_monitor")
    assert answer(board)["flipped"] == (0.0, 0.0)
    assert refined(board)["flipped"] == (0.0, 0.0)
    assert picture(board).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "settings",
    [
        {"points": ((0.0, 0.0, 2),)},
        {"points": ((4.0, 0.0, 1),)},
        {"points": ((float("nan"), 0.0, 1),)},
        {"points": ((0.0, 0.0, 1),) * (MOST_POINTS + 1)},
        {"calls": MOST_CALLS + 1},
        {"calls": -1},
        {"seed": 2**32},
        {"data": "spirals"},
        {"model": "cnn"},
        {"defence": "prayer"},
    ],
)
def test_a_board_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="board"):
        build_as(Board, settings, path="board")


# The server ---------------------------------------------------------------------------------------------------------


def test_the_server_says_what_the_library_says() -> None:
    with client() as page:
        told = page.post("/api/board", json={"board": plain(LESSON)}).json()
        assert told == json.loads(json.dumps(answer(LESSON)))
        assert page.post("/api/picture", json={"board": plain(LESSON)}).content == picture(LESSON)
        assert page.post("/api/spec", json={"board": plain(LESSON)}).text == LESSON.spec()
        answered = page.get("/")
        assert "script-src 'self'" in answered.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answered.headers


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("board", b"", 400),
        ("board", b"[1]", 400),
        ("board", b"{" * 9000, 400),
        ("board", b'{"board": []}', 400),
        ("board", b'{"board": {"what": 1}}', 400),
        ("board", b'{"board": {"\\ud800": 1}}', 400),
        ("spec", b'{"board": {}}', 400),
        ("spec", b'{"board": {"calls": 3}}', 400),
        ("aim", b'{"board": {}, "at": [true, 0]}', 400),
        ("board", b'{"board": {"calls": "15"}}', 400),
        ("board", b'{"board": {"calls": 1e99}}', 400),
        ("board", b'{"board": {"points": [[NaN, 0, 1]]}}', 400),
        ("board", b'{"board": {"points": [[0, 0]]}}', 400),
        ("board", b" " * (MOST_BYTES + 1), 400),
        ("aim", b'{"board": {}}', 400),
        ("aim", b'{"board": {}, "at": [9, 9]}', 400),
        ("aim", b'{"board": {}, "at": [true, "x"]}', 400),
        ("aim", b'{"board": {}, "at": [0, 0], "count": 1000}', 400),
        ("absent", b"{}", 404),
    ],
)
def test_nonsense_is_answered_with_what_is_wrong(path: str, body: bytes, status: int) -> None:
    with client() as page:
        answered = page.post(f"/api/{path}", content=body, headers={"content-type": "application/json"})
        assert answered.status_code == status
        if status == 400:
            assert all(isinstance(problem, str) and len(problem) < 400 for problem in answered.json()["problems"])
        assert page.get("/api/board").status_code == 405


def test_other_pages_and_names_are_kept_out() -> None:
    good = {"board": {}}
    with client() as page:
        assert page.post("/api/scene", json=good).status_code == 200
        for kind, status in (("text/plain", 400), ("application/json; charset=utf-8", 200)):
            answered = page.post("/api/scene", content=json.dumps(good), headers={"content-type": kind})
            assert answered.status_code == status
        assert page.post("/api/scene", json=good, headers={"origin": "http://elsewhere.example"}).status_code == 403
        assert page.post("/api/scene", json=good, headers={"origin": "http://127.0.0.1:8760"}).status_code == 200
        assert page.get("/", headers={"host": "elsewhere.example:8760"}).status_code == 400
        for host in ("localhost:8760", "[::1]:8760", "[::1]", "127.0.0.1"):
            assert page.get("/", headers={"host": host}).status_code == 200, host


def test_the_token_is_asked_for_once() -> None:
    with client(token="secret", hosts=()) as page:
        assert page.get("/").status_code == 401
        assert page.get("/page.js").status_code == 401
        assert page.get("/?token=wrong").status_code == 401
        assert page.get("/?token=schlüssel").status_code == 401
        first = page.get("/?token=secret", follow_redirects=False)
        assert (first.status_code, first.headers["location"]) == (303, "/"), "the token leaves the address"
        assert "HttpOnly" in first.headers["set-cookie"]
        assert page.get("/").status_code == 200
        assert page.post("/api/scene", json={"board": {}}).status_code == 200


def test_too_many_at_once_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    going = threading.Event()

    def slowly(board: Board) -> dict[str, Any]:
        going.wait(HANGING)
        return {}

    monkeypatch.setattr(serving_module, "refined", slowly)
    with client() as page:
        found: list[int] = []
        askers = [
            threading.Thread(target=lambda: found.append(page.post("/api/refined", json={"board": {}}).status_code))
            for _ in range(serving_module.WAITING + 4)
        ]
        for asker in askers:
            asker.start()
        try:
            wait_until(lambda: 503 in found)
            assert page.post("/api/scene", json={"board": {}}).status_code == 200, "quick work has a turn of its own"
        finally:
            going.set()
        for asker in askers:
            asker.join(HANGING)
    assert sorted(set(found)) == [200, 503]


def test_silent_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_timeout, "SECONDS", 0.5)
    with running() as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        for said in (b"", b"GET / HT"):
            with socket.create_connection(("127.0.0.1", port), timeout=HANGING) as silent:
                silent.sendall(said)
                assert silent.recv(1) == b"", "a silent connection was kept"


def test_areas_with_and_without_a_defence_are_on_one_grid() -> None:
    board = Board(points=FIVE, calls=2, defence="trim")
    assert kept_points(board) == (True,) * 5
    exact = refined(board)
    assert exact["undefended"] == exact["flipped"]


def test_names_by_which_the_page_is_asked_for() -> None:
    with client(hosts=("MyBox",)) as page:
        assert page.get("/", headers={"host": "mybox:80"}).status_code == 200
        assert page.get("/", headers={"host": "MYBOX"}).status_code == 200
        assert page.get("/").status_code == 400


def test_a_port_that_is_taken_is_one_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AntivenomError, match="Cannot listen"):
            serve("127.0.0.1", taken.getsockname()[1], (), on_listening=print)
    with pytest.raises(AntivenomError, match="Cannot listen"):
        serve("no such place", 0, (), on_listening=print)


def test_without_the_extra_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(AntivenomError, match=r"pip install 'antivenom\[playground\]'"):
        CliRunner().invoke(app, ["playground", "--port", "0"], catch_exceptions=False)


# The page -----------------------------------------------------------------------------------------------------------


@contextmanager
def running() -> Iterator[str]:
    """The server, as it is served."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(make_app(), http=IdleTimeout, log_level="error", lifespan="off"))
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join(HANGING)


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
