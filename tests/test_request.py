"""What options and arguments change in a config."""

import pytest

from rnnbench.config.load import load
from rnnbench.request import changes


def test_a_long_setting_is_not_repeated_whole_by_the_messages_about_it():
    (change,) = changes(["training.seeds=[" + "0," * 1_000 + "]"])

    assert len(change.value) > 2_000
    assert change.flag == f"--set training.seeds=[{'0,' * 20}0..."


@pytest.mark.parametrize(
    ("written", "seeds", "said"),
    [
        ("50", range(50), []),
        (
            "51",
            range(51),
            ["--seeds 51: means 51 seeds, 0 to 50 (for seed 51 alone: --seeds 51,)"],
        ),
        ("51,", [51], []),
        ("[51]", [51], []),
    ],
)
def test_many_seeds_are_not_mistaken_for_one(caplog, written, seeds, said):
    benchmark = load("smoke", changes(seeds=written))

    assert benchmark.training.seeds == tuple(seeds)
    assert caplog.messages == said


def test_a_number_of_seeds_too_long_for_python_is_left_to_the_config():
    assert [change.value for change in changes(seeds="9" * 5000)] == ["9" * 5000]


def test_options_beat_the_file_only_when_given(tmp_path):
    config = tmp_path / "mine.yaml"
    config.write_text("extends: smoke\ntraining: {epochs: 7, batch_size: 5}\n")
    path = "a 😀\u2028\x7f"

    given = changes(
        ["training.batch_size=8"], seeds="3,8", data="sgml", path=path, track=["a,b"]
    )

    assert [(change.flag, change.key, change.value) for change in given] == [
        ("--seeds", "training.seeds", "[3,8]"),
        ("--data", "data.source", '"sgml"'),
        ("--path", "data.path", r'"a 😀\U00002028\U0000007f"'),
        ("--track", "tracking", '["a", "b"]'),
        ("--set training.batch_size=8", "training.batch_size", "8"),
    ]
    benchmark = load(config, [change for change in given if change.key != "tracking"])
    training = benchmark.training
    assert (training.epochs, training.batch_size, training.seeds) == (7, 8, (3, 8))
    assert str(benchmark.data.path) == path
