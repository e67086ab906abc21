"""The end of a command: signals, closed output, unexpected errors, and unusual terminals and folders."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.helpers.command import environment_at, same_process
from tests.helpers.forked import forked

pytestmark = pytest.mark.slow  # a process for every test, and torch in most of them

TINY = "attack: label_flip\nmodel: mlp\ndataset: digits\ntraining: {name: end_to_end, epochs: 1}\n"
RUN = ["run", "s.yaml", "--out", "run"]

TERMINAL = """
import os, sys, threading
mine, its = os.openpty()
os.dup2(its, 1); os.dup2(its, 2)
sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))
def copy():
    with open("tty", "wb", 0) as file:
        while True:
            file.write(os.read(mine, 65536))
threading.Thread(target=copy, daemon=True).start()
"""
AT_FIT = """
import os, signal, sys
from antivenom.runner import progress
shown = progress.{display}.on_event
def on_event(self, event):
    shown(self, event)
    if getattr(event, "stage", "") == "fit victim":
        {action}
progress.{display}.on_event = on_event
"""
MAIN = """
import sys, time
from antivenom.__main__ import main
sys.argv[:] = ["antivenom", *{words!r}]
try:
    main()
finally:
    sys.stdout.flush(); sys.stderr.flush(); time.sleep({wait})
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(TINY)
    return tmp_path


def command(*words: str, at: Path, before: str = "", wait: float = 0, **more: str) -> subprocess.CompletedProcess[str]:
    code = before + MAIN.format(words=list(words), wait=wait)
    return forked(code, at=at, environment=environment_at(at, **more))


def leftovers(place: Path) -> list[str]:
    return [file.name for file in place.rglob("*") if file.name == ".lock" or file.name.endswith(".part")]


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_stops_a_run_cleanly(name: str, status: int, place: Path) -> None:
    kill = AT_FIT.format(display="Bar", action=f"os.kill(os.getpid(), signal.{name})")
    done = command(*RUN, at=place, before=TERMINAL + kill, wait=0.3, TERM="xterm")
    said = (place / "tty").read_bytes()
    assert done.returncode == status, said
    assert said.count(b"\x1b[?25l") == said.count(b"\x1b[?25h") > 0
    assert b"To continue, run the same command with --out run." in said
    assert b"Traceback" not in said
    assert not leftovers(place)


def test_a_signal_that_the_process_ignores_does_not_stop_it(place: Path) -> None:
    before = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    hangup = AT_FIT.format(display="Lines", action="os.kill(os.getpid(), signal.SIGHUP)")
    done = command(*RUN, at=place, before=before + hangup)
    assert done.returncode == 0, done.stderr


def test_a_signal_ends_the_workers_of_a_grid(place: Path) -> None:
    (place / "s.yaml").write_text(TINY.replace("epochs: 1", "epochs: 100000") + "grid: {attack.rate: [0.1, 0.2]}\n")
    after = AT_FIT.format(display="Lines", action="os.kill(os.getpid(), signal.SIGTERM)")
    done = command(*RUN, "--workers", "1", at=place, before=after)
    assert done.returncode == 143, done.stderr
    assert "Traceback" not in done.stderr
    assert not leftovers(place)


def test_a_terminal_that_is_gone_is_no_traceback(place: Path) -> None:
    gone = AT_FIT.format(display="Bar", action="os.close(mine); os.kill(os.getpid(), signal.SIGHUP)")
    terminal = (
        "import os, sys\nmine, its = os.openpty()\nos.dup2(its, 2); os.close(its)\n"
        "sys.stderr = open(2, 'w', buffering=1, closefd=False)\n"
    )
    done = command(*RUN, at=place, before=terminal + gone, TERM="xterm")
    assert done.returncode == 129
    assert not leftovers(place)


@pytest.mark.parametrize("words", [("list",), ("run", "s.yaml", "--json")])
def test_a_closed_pipe_is_a_quiet_end(words: tuple[str, ...], place: Path) -> None:
    closed = "import os\nread, write = os.pipe()\nos.dup2(write, 1); os.close(write); os.close(read)\n"
    done = command(*words, at=place, before=closed)
    assert done.returncode == 141
    assert not re.search("Traceback|Error|Exception", done.stderr)


def test_full_and_closed_output(place: Path) -> None:
    full = "import os\nos.dup2(os.open('/dev/full', os.O_WRONLY), 1)\n"
    for words in (["list"], ["--help"], ["data", "list", "--json"]):
        done = command(*words, at=place, before=full)
        assert (done.returncode, done.stderr) == (
            2,
            "✗ The output cannot be written: No space left on device.\n",
        ), words
    none = "import sys\nsys.stdout = None\n"
    for words in (["list"], ["data", "list", "--json"]):
        code = none + MAIN.format(words=words, wait=0).replace("sys.stdout.flush(); ", "")
        done = forked(code + "", at=place, environment=environment_at(place))
        assert "antivenom" not in done.stderr, done.stderr


def test_a_run_on_an_ascii_terminal_of_20_columns(place: Path) -> None:
    before = "import sys\nsys.stdout.reconfigure(encoding='ascii', errors='strict')\n"
    done = command(*RUN, at=place, before=before, COLUMNS="20", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert "run/report.html" in done.stdout
    assert done.stdout.isascii()
    assert "..." not in done.stdout


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1", "TERM": "xterm"}])
def test_a_run_in_a_simple_terminal(environment: dict[str, str], place: Path) -> None:
    done = command(*RUN, at=place, before=TERMINAL, wait=0.3, **environment)
    said = (place / "tty").read_text()
    assert done.returncode == 0, said
    assert "2 trainings" in said
    assert not re.search(r"\x1b\[3\dm", said)


@pytest.mark.parametrize(
    "words",
    [["run", "s.yaml", "--n\x1b[31mo"], ["runn\x07"], ["run"], ["list", "[/red]"], ["playground", "--port", "x\x9b"]],
)
def test_usage_errors_control_no_terminal(words: list[str], place: Path) -> None:
    before = "import sys\nsys.stderr.reconfigure(encoding='ascii', errors='strict')\n"
    done = command(*words, at=place, before=before)
    assert done.returncode == 2
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]|Traceback", done.stderr)
    assert "x " in done.stderr


def test_the_path_of_a_run_is_printed_as_it_is_and_files_respect_the_umask(place: Path) -> None:
    out = "a [/red] [b]é\udcff"
    done = command("run", "s.yaml", "--quiet", "--out", out, at=place, before="import os\nos.umask(0o077)\n")
    assert done.returncode == 0, done.stderr
    assert f"Report: {out}/report.html".replace("\udcff", r"\xff") in done.stdout
    assert {file.stat().st_mode & 0o077 for file in (place / out).rglob("*")} == {0}


@pytest.mark.parametrize("out", ["/proc/run", "s.yaml/run"])
def test_a_folder_that_cannot_be_written_is_one_message(out: str, place: Path) -> None:
    done = command("run", "s.yaml", "--out", out, at=place)
    assert done.returncode == 2
    assert done.stderr.count("✗") == 1
    assert "Traceback" not in done.stderr


BROKEN = """
import antivenom.runner
def load_spec(*_, **__):
    {action}
antivenom.runner.load_spec = load_spec
"""


@pytest.mark.parametrize("home", ["home", "s.yaml", "/proc/none"])
def test_an_unexpected_error_has_a_log(home: str, place: Path) -> None:
    before = BROKEN.format(action="raise KeyError('a\\x1b[31mb')")
    folder = str(place / home) if home != "/proc/none" else home
    cache = {"HOME": folder, "XDG_CACHE_HOME": f"{folder}/.cache", "TMPDIR": str(place)}
    done = command(*RUN, at=place, before="import tempfile\ntempfile.tempdir = None\n" + before, **cache)
    assert done.returncode == 70
    assert "Traceback" not in done.stderr
    assert r"✗ Unexpected error: KeyError: 'a\x1b[31mb'" in done.stderr
    log = Path(re.search("The traceback is in (.*)", done.stderr)[1])  # type: ignore[index]
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    assert (log.parent == place) == (home != "home")


def test_debugging_shows_the_traceback_of_an_unexpected_error(place: Path) -> None:
    before = BROKEN.format(action="raise ZeroDivisionError")
    cache = {"XDG_CACHE_HOME": str(place / "cache")}
    done = command(*RUN, at=place, before=before, ANTIVENOM_DEBUG="1", **cache)
    assert done.returncode == 70
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    "action",
    [
        "raise MemoryError",
        "raise RuntimeError('[enforce fail] DefaultCPUAllocator: not enough memory')",
        "import torch; raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate')",
    ],
)
def test_missing_memory_has_advice(action: str, place: Path) -> None:
    done = command(*RUN, at=place, before=BROKEN.format(action=action))
    assert done.returncode == 2
    assert done.stderr.startswith("✗ The memory is not sufficient.")


def test_an_interrupt_while_the_command_loads(place: Path) -> None:
    before = (
        "import builtins, os, signal\nreal = builtins.__import__\n"
        "def loading(name, *rest):\n"
        "    if name == 'antivenom.cli': os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(name, *rest)\nbuiltins.__import__ = loading\n"
    )
    done = command("list", at=place, before=before)
    assert (done.returncode, done.stderr.strip()) == (130, "Stopped.")


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "demo"),
        ("demo",),
        ("poison", "demo"),
        ("craft", "demo"),
        ("boundary",),
        ("measure", "a.npz", "--truth", "b"),
        ("dose", "demo", "--level", "0.5"),
    ],
)
@pytest.mark.parametrize("url", ["s3://bucket/run", "memory://run", "https:/host/run"])
def test_an_option_that_is_a_url_is_refused_in_our_words(arguments: tuple[str, ...], url: str, tmp_path: Path) -> None:
    done = same_process(*arguments, "--out", url, at=tmp_path)
    assert done.returncode == 2
    shown = url.replace(":/h", "://h")
    assert f"Invalid value for '--out': The folder must be on this machine; got {shown}." in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_url_is_not_read_as_a_file(tmp_path: Path) -> None:
    spec = {"dataset": {"name": "csv", "path": "https://x.y/z.csv"}, "attack": {"name": "label_flip"}}
    (tmp_path / "a.yaml").write_text(json.dumps(spec))
    for arguments in (("run", "a.yaml"), ("boundary", "--data", "https://x.y/z.csv")):
        done = same_process(*arguments, at=tmp_path)
        assert done.returncode != 0
        assert "https://x.y/z.csv is a URL, and only files on this machine are read here." in done.stderr, arguments
    assert [each.name for each in tmp_path.iterdir()] == ["a.yaml"]


def test_small_messages_say_what_was_seen_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "mymod.py").write_text("def make(classes):\n    raise KeyError('my own bug')\n")
    (tmp_path / "my_filter.py").write_text("")
    model = {"name": "module", "factory": "mymod:make"}
    partitioned = {"name": "deep_partition", "partitions": 5000}
    specs: dict[str, tuple[object, str]] = {
        "empty": (None, "must contain settings, `key: value`; it is empty"),
        "factory": ({"model": model}, "mymod:make raised KeyError: 'my own bug' (mymod.py, line 2)"),
        "filter": ({"defences": ["my_filter"]}, "For a class in my_filter.py, write 'my_filter:CLASS'"),
        "partitions": ({"model": "mlp", "training": partitioned}, "partitions must be at most 1,347, the number of"),
    }
    for name, (spec, words) in specs.items():
        text = json.dumps({"attack": "label_flip", **spec}) if isinstance(spec, dict) else ""
        (tmp_path / f"{name}.yaml").write_text(text)
        done = same_process("run", f"{name}.yaml", "--allow-code", at=tmp_path)
        assert done.returncode == 2, name
        assert words in " ".join(done.stderr.split()), name
    done = same_process("sweep", "report", "nodir", at=tmp_path)
    assert "nodir is not a sweep" in done.stderr
