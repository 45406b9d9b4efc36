"""Commands with broken input or output end with a message and a status, never a
traceback.
"""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rnnbench import __main__ as entry

CONFIG = """\
name: tiny
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {epochs: 100000, batch_size: 4}
models:
  nb: {baseline: multinomial_naive_bayes}
  rnn: {layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]}
"""
RUN = ("run", "tiny.yaml", "--models", "nb", "--jobs", "1")


@pytest.fixture(autouse=True)
def folder(tmp_path, tiny_sgml_folder, monkeypatch):
    """The working folder, with a config, and made-up newswires in ``sgml``."""
    monkeypatch.chdir(tmp_path)
    tiny_sgml_folder.rename("sgml")
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    return tmp_path


def rnnbench(*arguments, stdout=subprocess.PIPE):
    """Run a command; return its status and what it printed."""
    command = [sys.executable, "-m", "rnnbench", *arguments]
    done = subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False
    )
    printed = ((done.stdout or b"") + done.stderr).decode(errors="replace")
    assert "Traceback" not in printed
    assert "Exception ignored" not in printed
    return done.returncode, printed


# Input


@pytest.mark.parametrize("columns", ["0", "00"])
def test_a_width_of_zero_columns_counts_as_unknown(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)

    status, printed = rnnbench("config", "list")

    assert status == 0
    assert "own_texts" in printed


@pytest.mark.parametrize(
    "arguments", [["config", "list"], ["run", "smoke"]], ids=" ".join
)
def test_a_working_folder_that_was_removed_is_reported(
    cli, folder, monkeypatch, arguments
):
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    result = cli(*arguments)

    message = "the working folder was removed; change to another one (cd)\n"
    assert (result.exit_code, result.stderr) == (2, message)


@pytest.mark.parametrize(
    "error", [MemoryError(), ImportError("a.so: failed to map segment")]
)
def test_a_lack_of_memory_is_reported_even_if_no_command_can_be_imported(
    monkeypatch, capsys, error
):
    def fail():
        raise error

    monkeypatch.setattr("rnnbench.cli.app.app", fail)

    assert entry._run() == 1
    message = "out of memory: end other programs, or raise the limit (ulimit -v)\n"
    assert capsys.readouterr().err == message


def test_an_endless_input_is_refused(cli, folder):
    device = folder / "device.tar.gz"
    member = folder / "sgml" / "reut2-000.sgm"
    device.symlink_to("/dev/zero")
    member.unlink()
    os.mkfifo(member)

    for command, file in (
        (["config", "check", device], device.name),
        (["data", "prepare", "--path", device], device.name),
        (["data", "prepare", "--path", "sgml"], "reut2-000.sgm: cannot be read"),
    ):
        result = cli(*command)

        assert result.exit_code == 2
        assert re.search(f"{file}: .*not a regular file", result.stderr)


# Output


@pytest.mark.parametrize(
    "command", [["--version"], ["config", "show", "tiny.yaml"]], ids=" ".join
)
def test_a_full_device_as_standard_output_is_reported(command):
    with Path("/dev/full").open("wb") as full:
        status, printed = rnnbench(*command, stdout=full)

    assert (status, printed.splitlines()[-1]) == (
        1,
        "standard output cannot be written: No space left on device",
    )


def test_the_help_is_printed_in_ascii_too(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    status, printed = rnnbench("--help")

    assert (status, "? rnnbench run configs/all.yaml" in printed) == (0, True)


def test_a_run_works_without_a_standard_stream(folder):
    command = f"{sys.executable} -m rnnbench {' '.join(RUN)} <&- >&- 2>/dev/full"

    done = subprocess.run(command, shell=True, check=False)  # noqa: S602

    assert done.returncode == 0
    assert (folder / "results" / "tiny" / "results.json").is_file()


def test_a_reader_that_has_had_enough_is_no_error():
    command = f"{sys.executable} -m rnnbench config show tiny.yaml | true"

    done = subprocess.run(command, shell=True, capture_output=True, check=False)  # noqa: S602

    assert done.stderr == b""


# Signals


@pytest.mark.parametrize(
    ("moment", "number"),
    [("typer", signal.SIGINT), ("rnnbench.cli.run", signal.SIGTERM)],
)
def test_a_signal_during_the_imports_gives_its_own_exit_status(moment, number):
    killed_at_import = f"""
import os, signal, sys

class Killer:
    def find_spec(self, name, *_):
        if name == {moment!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {number})

signal.signal({number}, signal.SIG_DFL)  # in the background, or under nohup, it is ignored
sys.meta_path.insert(0, Killer())
sys.argv = ["rnnbench", "run", "tiny.yaml"]
from rnnbench.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", killed_at_import], capture_output=True, check=False
    )

    name = "Interrupted." if number == signal.SIGINT else f"Ended by {number.name}."
    assert (done.returncode, done.stderr.decode().strip()) == (128 + number, name)


def command_that_interrupts_itself(setup, act, number=signal.SIGTERM):
    """Run a command that sends itself a signal while it acts; return its status and its
    output.
    """
    script = f"""
import os, signal, threading, time
import rnnbench.__main__ as entry

def interrupt():
    os.kill(os.getpid(), {number})
{setup}

def run():
    try:
        {act}
        time.sleep(10)
    except KeyboardInterrupt as heard:
        return 128 + entry.signal_of(heard)
    return 0

signal.signal({number}, signal.SIG_DFL)  # in the background, or under nohup, it is ignored
entry._run = run
entry.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


ENDED = 128 + signal.SIGTERM


def test_a_signal_that_the_parent_ignores_as_under_nohup_is_ignored():
    nohup = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    act = "os.kill(os.getpid(), signal.SIGHUP); print('on'); interrupt()"
    assert command_that_interrupts_itself(nohup, act) == (ENDED, b"on\n", b"")


def test_a_signal_while_an_object_is_destroyed_ends_a_command():
    dying = """
class Dying:
    def __del__(self):
        interrupt()
"""
    assert command_that_interrupts_itself(dying, "Dying()") == (ENDED, b"", b"")


def test_a_signal_while_a_module_in_c_is_imported_is_heard_after_that():
    extension = """
from importlib.machinery import ExtensionFileLoader

class Extension(ExtensionFileLoader):
    def exec_module(self, module):  # many extensions fail like this
        try:
            interrupt()
            time.sleep(0.1)
        except BaseException as error:
            raise ImportError("initialization failed") from error
"""
    act = 'Extension("c", "c.so").exec_module(None)'
    assert command_that_interrupts_itself(extension, act) == (ENDED, b"", b"")


def test_a_signal_while_a_class_is_made_ends_a_command():
    making = """
import rnnbench.cli.app as application

class Field:
    def __set_name__(self, owner, name):
        interrupt()
        time.sleep(1)

application.app = lambda: type("Made", (), {"field": Field()})
run_command = entry._run
"""
    said = b"Ended by SIGTERM.\n"
    assert command_that_interrupts_itself(making, "return run_command()") == (
        ENDED,
        b"",
        said,
    )


def test_a_signal_while_a_process_is_started_is_heard_when_it_knows_what_to_do():
    starting = """
from multiprocessing.context import SpawnProcess
from rnnbench.runner.workers import start_process

def start(process):
    interrupt()
    time.sleep(0.1)
    print("started")

SpawnProcess.start = start
threading.Thread(target=time.sleep, args=(1,), daemon=True).start()  # it could hear signals, too
"""
    ended = command_that_interrupts_itself(
        starting, "start_process(print)", signal.SIGINT
    )

    assert ended == (128 + signal.SIGINT, b"started\n", b"")


@pytest.mark.parametrize(
    ("together", "ends_with"), [(0, "at once"), (9, "its summary")]
)
def test_a_second_signal_ends_the_summary_unless_it_comes_with_the_first(
    together, ends_with
):
    summarizing = f"""
entry.TOGETHER = {together}

def summarize():
    try:
        interrupt()
    except KeyboardInterrupt:
        try:
            interrupt()
            print("its summary")
        except KeyboardInterrupt:
            print("at once")
        raise
"""
    ended = command_that_interrupts_itself(summarizing, "summarize()")

    assert ended == (ENDED, f"{ends_with}\n".encode(), b"")


def test_a_closed_terminal_that_is_followed_by_other_signals_leaves_a_partial_run(
    folder,
):
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "rnnbench", "run", "tiny.yaml", "--jobs", "2"]
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    for number in (
        signal.SIGINT,
        signal.SIGHUP,
    ):  # else the run inherits it from tests under nohup
        signal.signal(number, signal.SIG_DFL)
    running = subprocess.Popen(command, start_new_session=True, **streams)
    os.close(theirs)
    printed = b""
    while b"rnn " not in printed or not list(
        Path("results").glob("tiny/trials/nb*.json")
    ):
        printed += os.read(terminal, 1000)

    os.close(terminal)  # after which every write fails
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        running.send_signal(number)
        time.sleep(0.01)

    assert running.wait(20) == 128 + signal.SIGHUP
    assert '"nb"' in (folder / "results" / "tiny" / "results.json").read_text()
