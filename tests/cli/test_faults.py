"""Commands with broken input or output end with a message and a status, never a traceback."""

import os
import pty
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
models:
  nb: {baseline: multinomial_naive_bayes}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, tiny_sgml_folder, monkeypatch):
    """The working folder, with a config, and made-up newswires in ``sgml``."""
    monkeypatch.chdir(tmp_path)
    tiny_sgml_folder.rename("sgml")
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    return tmp_path


def rnnbench(*arguments, stdout=subprocess.PIPE):
    """Run a command; return its status and what it said."""
    command = [sys.executable, "-m", "rnnbench", *arguments]
    done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False)
    said = ((done.stdout or b"") + done.stderr).decode(errors="replace")
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    return done.returncode, said


@pytest.mark.parametrize(
    "command",
    [
        ["--version"],
        ["--help"],
        ["config", "show", "tiny.yaml"],
        ["models", "list", "tiny.yaml"],
        ["data", "sources"],
        ["run", "tiny.yaml", "--quiet", "--jobs", "1"],
    ],
    ids=" ".join,
)
def test_a_full_device_as_standard_output_is_reported(command):
    with Path("/dev/full").open("wb") as full:
        status, said = rnnbench(*command, stdout=full)

    assert (status, said.splitlines()[-1]) == (
        1,
        "standard output cannot be written: No space left on device",
    )


def test_a_folder_that_is_not_utf_8_is_refused_before_anything_is_trained(folder):
    status, said = rnnbench("run", "tiny.yaml", "--out", b"q/\xff")

    assert status == 2
    assert r"q/\udcff: the name of the folder is not in UTF-8" in said
    assert not (folder / "q").exists()


def test_a_name_that_is_too_long_is_refused():
    for arguments in (["--out", "x" * 300], ["--path", "x" * 300]):
        status, said = rnnbench("run", "tiny.yaml", *arguments)

        assert status == 2
        assert "File name too long" in said


@pytest.mark.parametrize("arguments", [["config", "list"], ["run", "smoke"]], ids=" ".join)
def test_a_working_folder_that_was_removed_is_reported(cli, folder, monkeypatch, arguments):
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    result = cli(*arguments)

    said = "the working folder was removed; change to another one (cd)\n"
    assert (result.exit_code, result.stderr) == (2, said)


def test_the_help_is_printed_in_ascii_too(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    status, said = rnnbench("--help")

    assert (status, "? rnnbench run configs/all.yaml" in said) == (0, True)


@pytest.mark.parametrize("error", [MemoryError(), ImportError("a.so: failed to map segment")])
def test_a_lack_of_memory_is_reported_even_if_no_command_can_be_imported(
    monkeypatch, capsys, error
):
    def fail():
        raise error

    monkeypatch.setattr("rnnbench.cli.app.app", fail)

    assert entry._run() == 1
    said = "out of memory: end other programs, or raise the limit (ulimit -v)\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("kind", ["pipe", "device", "sparse"])
def test_an_endless_input_is_refused(folder, kind):
    file = folder / f"{kind}.tar.gz"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    else:
        with file.open("wb") as sparse:
            sparse.truncate(20 * 2**30)

    for command in (["config", "check", file], ["data", "prepare", "--path", file]):
        status, said = rnnbench(*command)

        assert status == 2
        assert "not a regular file" in said or "longer than" in said


def test_a_pipe_among_the_files_of_a_folder_is_refused(folder):
    file = folder / "sgml" / "reut2-000.sgm"
    file.unlink()
    os.mkfifo(file)

    status, said = rnnbench("data", "prepare", "--path", "sgml")

    assert status == 2
    assert "reut2-000.sgm: cannot be read: not a regular file" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "moment", ["typer", "rnnbench.cli.app", "rnnbench.terminal.console", "rnnbench.cli.run"]
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

    said = done.stderr.decode().strip()
    name = "Interrupted." if number == signal.SIGINT else f"Ended by {number.name}."
    assert (done.returncode, said) == (128 + number, name)


def command_struck_by(number, setup, act):
    """Return a command that sends itself a signal while it acts: its status, and its output."""
    script = f"""
import os, signal, threading, time
import rnnbench.__main__ as entry
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
        [sys.executable, "-c", script], capture_output=True, check=False, timeout=9
    )
    return done.returncode, done.stdout, done.stderr


anywhere = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])


@anywhere
def test_a_signal_that_comes_while_an_object_is_destroyed_ends_a_command_all_the_same(number):
    dying = f"""
class Dying:
    def __del__(self):
        os.kill(os.getpid(), {number})
"""
    assert command_struck_by(number, dying, "Dying()") == (128 + number, b"", b"")


@anywhere
def test_a_signal_while_a_module_in_c_is_imported_is_heard_after_that(number):
    extension = f"""
from importlib.machinery import ExtensionFileLoader

class Extension(ExtensionFileLoader):
    def exec_module(self, module):  # many extensions fail like this
        try:
            os.kill(os.getpid(), {number})
            time.sleep(0.1)
        except BaseException as error:
            raise ImportError("initialization failed") from error
"""
    act = 'Extension("c", "c.so").exec_module(None)'
    assert command_struck_by(number, extension, act) == (128 + number, b"", b"")


@anywhere
def test_a_signal_while_a_process_is_started_is_heard_when_it_has_been_told_what_to_do(number):
    starting = f"""
from multiprocessing.context import SpawnProcess
from rnnbench.runner.processes import start_process

def start(process):
    os.kill(os.getpid(), {number})
    time.sleep(0.1)
    print("told")

SpawnProcess.start = start
threading.Thread(target=time.sleep, args=(1,), daemon=True).start()  # it could hear signals, too
"""
    act = "start_process(print)"
    assert command_struck_by(number, starting, act) == (128 + number, b"told\n", b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_commands_work_without_a_standard_stream(folder, closed):
    command = f"{sys.executable} -m rnnbench run tiny.yaml --jobs 1 {closed}"

    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, check=False)  # noqa: S602

    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert (folder / "results" / "tiny" / "results.json").is_file()


def test_a_full_disk_behind_standard_error_does_not_end_a_run():
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "rnnbench", "run", "tiny.yaml", "--jobs", "1"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, check=False)

    assert (done.returncode, b"nb" in done.stdout) == (0, True)


def test_a_reader_that_has_had_enough_is_no_error():
    command = f"{sys.executable} -m rnnbench config show tiny.yaml | true"

    done = subprocess.run(command, shell=True, capture_output=True, check=False)  # noqa: S602

    assert done.stderr == b""


LONG = """name: tiny
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {epochs: 100000, batch_size: 4}
models:
  nb: {baseline: multinomial_naive_bayes}
  rnn: {layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]}
"""


def _start_on_a_terminal():
    """Start a run on a terminal of its own; return it and the terminal, when a trial is stored."""
    Path("tiny.yaml").write_text(LONG)
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "rnnbench", "run", "tiny.yaml", "--jobs", "2"]
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    for number in (signal.SIGINT, signal.SIGHUP):  # else the run inherits it from tests under nohup
        signal.signal(number, signal.SIG_DFL)
    running = subprocess.Popen(command, start_new_session=True, **streams)
    os.close(theirs)
    said = b""
    while b"rnn seed 0" not in said or not list(Path("results").glob("tiny/trials/nb*.json")):
        said += os.read(terminal, 1000)
    return running, terminal


def test_a_closed_terminal_leaves_a_partial_run(folder):
    running, terminal = _start_on_a_terminal()

    os.close(terminal)  # after which every write fails
    running.send_signal(signal.SIGHUP)

    assert running.wait(20) == 128 + signal.SIGHUP
    assert '"nb"' in (folder / "results" / "tiny" / "results.json").read_text()


@pytest.mark.parametrize("more", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_requests_to_end_that_come_together_are_one(folder, more):
    running, terminal = _start_on_a_terminal()

    running.send_signal(signal.SIGHUP)
    for _ in range(1 if more == signal.SIGINT else 20):
        time.sleep(0.01)
        running.send_signal(more)

    assert running.wait(20) == 128 + signal.SIGHUP
    os.close(terminal)
    assert '"nb"' in (folder / "results" / "tiny" / "results.json").read_text()
