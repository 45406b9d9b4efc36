"""Starts two runs with different configs into one folder: the results are those of one of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import sleep

from campaigns.bench import BASELINES, Bench, Done, finish, rnnbench, start
from campaigns.campaign import Campaign, misbehaviour, spell, warnings_heard

from rnnbench.analysis.summary import load_run
from rnnbench.errors import RnnbenchError
from rnnbench.results.run import StoredRun

ALPHA = "models.bayes.baseline.multinomial_naive_bayes.alpha"
ALPHAS = (1.0, 50.0)
"""The value of ``ALPHA`` in each of the two configs; the trials that depend on it differ, too."""


@dataclass(frozen=True)
class Apart:
    """The scores that each of the two commands gives when it runs alone."""

    bench: Bench
    answers: dict[float, list[bytes]]


def prepare(bench: Bench, folder: Path) -> Apart:
    """Run both commands, each in a folder of its own."""
    answers = {}
    for alpha in ALPHAS:
        place = bench.lay_out(folder / str(alpha))
        done = rnnbench(_command(alpha), place)
        if done.status:
            raise RuntimeError(f"an undisturbed run failed: {done.err}")
        answers[alpha] = _answers(load_run(place / "results" / "tiny"))
    return Apart(bench, answers)


def _command(alpha: float) -> list[str]:
    return [*BASELINES, "--set", f"{ALPHA}={alpha}"]


def _answers(run: StoredRun) -> list[bytes]:
    return [trial.scores.tobytes() for of_model in run.trials.values() for trial in of_model]


def attempt(_number: int, random: Random, apart: Apart, folder: Path) -> Iterator[str]:
    """Yield what is wrong when both commands run in one folder."""
    apart.bench.lay_out(folder)
    delay = random.choice([0, 0, random.uniform(0, 0.3), random.uniform(0, 2)])
    alphas = random.sample(ALPHAS, 2)

    started = []
    for alpha, seconds in zip(alphas, (0, delay), strict=True):
        sleep(seconds)
        started.append(start(_command(alpha), folder))
    ended = dict(zip(alphas, map(finish, started), strict=True))
    for what in (*_misbehaviour(ended), *_mixed(ended, apart, folder)):
        yield f"the second one {delay:.3f} s later: {what}"


def _misbehaviour(ended: dict[float, Done]) -> Iterator[str]:
    for done in ended.values():
        yield from misbehaviour(done, (0, 2))
        if done.status == 2 and "another process is writing there" not in done.err:
            yield f"refused for another reason: {done.err[:200]}"
    if not any(done.status == 0 for done in ended.values()):
        yield "both were refused"


def _mixed(ended: dict[float, Done], apart: Apart, folder: Path) -> Iterator[str]:
    """Yield what is wrong with the results: config, trials and command have to match."""
    folder = folder / "results" / "tiny"
    try:
        with warnings_heard():
            run = load_run(folder)
    except RnnbenchError as error:
        yield f"the run cannot be read: {spell(error)}"
        return
    alpha = run.config["models"]["bayes"]["baseline"]["multinomial_naive_bayes"]["alpha"]
    if ended[alpha].status:
        yield "the results are those of the run that was refused"
    if _answers(run) != apart.answers[alpha]:
        yield "the trials are not those of the config"
    if f"{ALPHA}={alpha}" not in run.results.command:
        yield f"the command is not that of the config: {run.results.command}"


CAMPAIGN = Campaign(long=30, short=1, prepare=prepare, attempt=attempt)
