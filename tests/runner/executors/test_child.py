"""Processes that are started for a run."""

import os
import signal
import threading

import pytest

from rnnbench.runner.executors.child import start_process


def _answer(connection):
    """Tell whether this process hears Ctrl-C, after one was sent to it."""
    connection.recv()
    is_blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    connection.send(is_blocked)


def _ask(process, connection):
    os.kill(process.pid, signal.SIGINT)
    connection.send(None)
    return connection.recv()


def test_a_process_hears_no_ctrl_c_from_its_first_moment():
    connection, process = start_process(_answer)

    assert _ask(process, connection)
    process.join(10)
    assert process.exitcode == 0


def test_nor_does_one_that_another_thread_starts():
    found = []

    def start():
        connection, process = start_process(_answer)
        found.append(_ask(process, connection))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert found == [True]


def test_a_ctrl_c_while_a_process_starts_is_heard_afterwards(monkeypatch):
    started = []

    def start(process):
        signal.raise_signal(signal.SIGINT)  # to this thread; test_main has one to any thread
        started.append(process)

    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", start)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            start_process(_answer)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert len(started) == 1
