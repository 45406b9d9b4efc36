"""Messages from a cluster to a run, without a cluster."""

import asyncio
from types import SimpleNamespace

import pytest

from rnnbench.runner.executors.dask.messages import (
    Answered,
    Background,
    Ended,
    Seen,
    Told,
    Unreachable,
    send,
)
from rnnbench.runner.executors.dask.placement import Place


def test_what_trials_have_told_comes_before_what_may_cost_them():
    background = Background(None)
    seen, lost = Seen("scheduler", {}), Ended("a", lost="KilledWorker")
    told, ended, unreachable = Told("b", (1, 0.5, 0.5)), Ended("b", "done"), Unreachable("gone")
    for each in (lost, seen, unreachable, told, ended):
        background.tell(each)

    taken = [background.next_message() for _ in range(5)]

    assert taken == [told, ended, lost, seen, unreachable]


@pytest.mark.parametrize(
    ("answer", "told"),
    [("", ""), (ValueError("how odd"), "ValueError: how odd"), (OSError("cut"), None)],
)
def test_a_worker_that_cannot_take_files_is_asked_again_only_if_it_was_not_reached(answer, told):
    async def run(*_, **__):
        return {"tcp://a:1": answer}

    messages = []
    background = SimpleNamespace(client=SimpleNamespace(run=run), tell=messages.append)

    asyncio.run(send(background, "run", {}, {"tcp://a:1": Place("host", 1, "folder")}))

    assert messages == [Answered("tcp://a:1", "folder", told)]
