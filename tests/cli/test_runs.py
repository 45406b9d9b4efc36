"""The commands that read finished runs: report, leaderboard and compare."""

import json
import shutil
from pathlib import Path

import pytest
from factories import MARGINS, run_folder, runs_on_datasets, scored_run, write_run

from rnnbench.results.store import RESULTS
from rnnbench.storage import write_document

SVM = MARGINS | {"ms_per_step": None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with finished runs; no test changes them."""
    folder = tmp_path_factory.mktemp("runs")
    before = {"rnn": [18], "svm": [9] * 3}
    after = {"rnn": [4], "svm": [9] * 3, "gru": [9]}
    models = {"rnn": [9], "lstm": [15], "svm": [18]}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, rights, speed in (("before", before, 2.5), ("after", after, 2.0)):
            records = {"rnn": {"ms_per_step": speed}, "svm": SVM}
            write_run(scored_run(rights, folder=name, records=records))
        for name, day, right in (("third", 3, 4), ("first", 1, 18), ("second", 2, 3)):
            environment = {"date": f"2026-11-0{day}T10:20:30Z"}
            write_run(
                scored_run({"rnn": [right] * 3}, folder=name, environment=environment)
            )
        for run in runs_on_datasets(
            {"r8": models, "r52": models, "mine": models | {"mlp": [3]}}, folder="sets"
        ):
            write_run(run)
        write_run(
            scored_run({"rnn": [15, 12, 16], "lstm": [13, 14, 12]}, folder="close")
        )
    return folder


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "120")


GATES = ("--fail-if", "accuracy drops 0.5", "--fail-if", "ms_per_step rises 1%")
NO_RUN = "nowhere: no results.json in it (should be a folder"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("compare nowhere before", NO_RUN),
        (
            "compare nowhere nowhere --fail-if accuracy",
            "--fail-if 'accuracy': should be METRIC",
        ),
        (
            "compare before after --format json",
            "'json' is not one of 'table', 'markdown',",
        ),
        ("compare before after --format junit", "--format junit: needs --fail-if"),
        (
            "compare before after --format markdown --json",
            "--json: not with --format markdown",
        ),
        ("compare before --format markdown", "--format: needs RUN_B"),
        ("compare close --models gru", "no model 'gru' (allowed: rnn, lstm)"),
        ("leaderboard", "Missing argument"),
        ("leaderboard before nowhere", NO_RUN),
        (
            "leaderboard nowhere --metric acuracy",
            "--metric: no metric 'acuracy' (allowed: acc",
        ),
        ("leaderboard first --history --plot a.svg", "--history: not with --plot or"),
        (
            "leaderboard before --plot a.jpg",
            "--plot a.jpg: got '.jpg' (allowed: .png, .svg, .pdf",
        ),
        (
            "leaderboard before after --plot a.svg",
            "needs 2 datasets or more, got 1, made-up (bef",
        ),
        (
            "leaderboard before --badge a.svg --model lstm",
            "--model: no model 'lstm' (allowed: rnn",
        ),
        ("leaderboard before after --badge a.svg", "--badge: takes one RUN, got 2"),
        (
            "leaderboard before --badge before",
            "before: cannot be written: Is a directory",
        ),
        ("leaderboard before --model rnn", "--model: needs --badge"),
    ],
)
def test_wrong_input_ends_with_2_without_any_output(cli, command, message):
    result = cli(*command.split())

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert not Path("a.svg").exists()


# report


@pytest.mark.usefixtures("one_plot")
def test_a_file_in_the_place_of_the_folder_of_plots_is_named(cli, tmp_path):
    run = run_folder(tmp_path / "run", {"rnn": [(0, 0, 0, 1)]})
    (run / "plots").touch()

    refused = cli("report", run)

    assert refused.exit_code == 2
    assert f"{run / 'plots'}: cannot be written: " in refused.stderr


# leaderboard


def in_order(printed, *parts):
    """Check that parts of a table stand below each other."""
    text = " ".join(printed.split())
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_models_of_all_runs_are_ranked_in_one_table_for_each_set_of_documents(cli):
    shown = cli("leaderboard", "before", "after", "sets/r52")
    result = cli(
        "leaderboard", "before", "after", "sets/r52", "--json", "--metric", "macro_f1"
    )

    assert (shown.exit_code, shown.stderr) == (0, "")
    in_order(
        shown.stdout,
        *("1 rnn before", "2 gru after", "4 rnn after", "Data: made-up"),
        *("1 svm r52", "Data: r52"),
    )
    document = json.loads(result.stdout)
    assert document["schema_version"] == 6
    first, second = document["leaderboards"]
    assert (first["metric"], first["runs"]) == ("macro_f1", ["before", "after"])
    assert (second["dataset"]["source"], second["entries"][0]["against_best"]) == (
        "r52",
        None,
    )
    assert [entry["rank"] for entry in first["entries"]] == [1, 2, 2, 4]


def test_a_path_without_a_run_is_left_out_with_a_warning(cli, tmp_path):
    (tmp_path / "notes.txt").touch()

    result = cli("leaderboard", tmp_path / "notes.txt", "sets/r52", tmp_path)

    assert result.exit_code == 0
    assert "r52" in result.stdout
    assert result.stderr.splitlines() == [
        f"{path}: no finished run, left out"
        for path in (tmp_path / "notes.txt", tmp_path)
    ]


def test_a_diagram_of_mean_ranks_over_datasets_is_written(cli, tmp_path):
    name = "new/ranks.svg"
    command = (
        "leaderboard",
        "sets/r8",
        "sets/r52",
        "sets/mine",
        "--plot",
        tmp_path / name,
    )

    result = cli(*command)
    again = cli(*command, "--force", "--json")

    assert (result.exit_code, again.exit_code) == (0, 0), result.stderr
    assert (tmp_path / name).stat().st_size > 1000
    assert result.stderr.splitlines() == [
        "mlp: left out, no accuracy on r8 (r8), r52 (r52)",
        f"Written to {tmp_path / name}",
    ]
    text = " ".join(result.stdout.split())
    for words in (
        "svm 1.00 1, 1, 1 lstm 2.00 2, 2, 2 rnn 3.00 3, 3, 3",
        "datasets, the tests have almost no power",
        "Seeds are not datasets",
    ):
        assert words in text


def test_mean_ranks_over_datasets_are_given_as_json(cli, tmp_path):
    runs = ("sets/r8", "sets/r52", "sets/mine")
    as_json = cli("leaderboard", *runs, "--plot", tmp_path / "a.svg", "--json")

    ranks = json.loads(as_json.stdout)["mean_ranks"]
    assert ranks["models"] == {"svm": 1, "lstm": 2, "rnn": 3}
    assert ranks["groups"] == [["svm", "lstm"], ["lstm", "rnn"]]
    assert ranks["test"]["df"] == [2, 4]


def test_a_history_has_the_oldest_run_first(cli):
    result = cli("leaderboard", "third", "first", "second", "--history")

    assert (result.exit_code, result.stderr) == (0, "")
    in_order(
        result.stdout,
        "first 2026-11-01 10:20 000000000000 - 0.9000",
        "second 2026-11-02 10:20 000000000000 rnn down 0.1500",
        "third 2026-11-03 10:20 000000000000 - 0.2000",
    )


def test_a_history_as_json_marks_clear_changes(cli):
    document = json.loads(
        cli("leaderboard", "first", "second", "--history", "--json").stdout
    )
    assert document.keys() == {"schema_version", "histories"}
    (history,) = document["histories"]
    first, second = history["entries"]
    assert (first["date"], first["changes"]) == ("2026-11-01T10:20:30Z", {})
    assert (second["values"]["rnn"]["mean"], second["changes"]["rnn"]["is_clear"]) == (
        0.15,
        True,
    )


def test_a_badge_is_written_beside_the_table(cli, tmp_path):
    file = tmp_path / "public/badge.json"

    result = cli("leaderboard", "before", "--badge", file)
    badge = json.loads(file.read_text())
    cli(
        "leaderboard",
        "before",
        "--metric",
        "macro_f1",
        "--badge",
        file,
        "--model",
        "rnn",
    )
    other = json.loads(file.read_text())

    assert "1 rnn before" in " ".join(result.stdout.split())
    assert result.stderr == f"Written to {file}\n"
    assert list(badge) == ["schemaVersion", "label", "message", "color"]
    assert badge["message"] == "rnn 0.9000"
    assert (other["label"], other["color"]) == ("macro-F1", "blue")


def test_a_forged_interval_is_refused_in_place_of_json(cli, folder, tmp_path):
    run = shutil.copytree(folder / "before", tmp_path / "before")
    record = json.loads((run / RESULTS).read_bytes())
    del record["checksum"]
    record["models"][0]["interval"]["low"] = 0.89
    write_document(run / RESULTS, record)

    result = cli("leaderboard", run, "--json")

    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        "models.rnn.interval.low is 0.89, but the stored trials give 0.69"
        in result.stderr
    )


# compare


def test_a_comparison_as_json_has_the_gates(cli):
    result = cli(
        "compare", "before", "after", "--json", "--fail-if", "ms_per_step rises 1%"
    )

    document = json.loads(result.stdout)
    assert (result.exit_code, document["schema_version"]) == (0, 6)
    assert document["gates"][0]["passed"]
    passed = "passed: ms_per_step rises 1%: 1 model (not measured: svm)\n"
    assert result.stderr == passed


def test_a_comparison_as_json_has_the_models(cli):
    document = json.loads(cli("compare", "before", "after", "--json").stdout)

    assert (document["only_in_a"], document["only_in_b"]) == ([], ["gru"])
    rnn, _ = document["models"]
    assert (rnn["difference"], rnn["is_clear"]) == (pytest.approx(-0.7), True)
    assert (rnn["b"]["metrics"]["accuracy"]["mean"], rnn["speed_ratio"]) == (0.2, 1.25)
    assert document["differences"][0]["key"] == "models.gru"


def test_a_gate_that_fails_ends_with_1_and_names_model_and_numbers(cli):
    gates = ["accuracy drops 0.5", "accuracy drops significantly", "accuracy drops 70%"]
    result = cli(
        "compare",
        "before",
        "after",
        *(x for gate in gates for x in ("--fail-if", gate)),
    )

    assert result.exit_code == 1
    for words in (
        "-0.7000",
        "Clearly worse in B: rnn",
        "Only in B: gru",
        "config: models.gru",
    ):
        assert words in " ".join(result.stdout.split())
    for line in (
        "failed: accuracy drops 0.5: rnn: 0.9 in A, 0.2 in B\n",
        "failed: accuracy drops significantly: rnn: 0.9 in A, 0.2 in B, p 1e-04\n",
        "failed: accuracy drops 70%: rnn",
    ):
        assert line in result.stderr
    assert "svm" not in result.stderr


def test_a_model_that_vanished_fails_unless_models_leaves_it_out(cli):
    gate = ["--fail-if", "accuracy rises 0.9"]

    with_it = cli("compare", "after", "before", *gate)
    without = cli("compare", "after", "before", *gate, "--models", "rnn,svm")

    assert (with_it.exit_code, without.exit_code) == (1, 0)
    assert with_it.stderr == "failed: accuracy rises 0.9: gru: B lacks the model\n"


@pytest.mark.parametrize(
    ("form", "start"), [("markdown", "### after compared"), ("junit", "<?xml version")]
)
def test_other_formats_have_the_gates_too(cli, form, start):
    result = cli("compare", "before", "after", "--format", form, *GATES)

    assert result.exit_code == 1
    assert result.stdout.startswith(start)
    assert "0.9 in A, 0.2 in B" in result.stdout
    assert "failed: accuracy drops 0.5: rnn: 0.9 in A, 0.2 in B\n" in result.stderr


def test_without_duplicates_only_the_other_documents_count(cli, tmp_path):
    dataset = {"duplicates": {"other_topics": list(range(10))}}
    few, more = (
        write_run(
            scored_run({"rnn": [right]}, folder=tmp_path / str(right), dataset=dataset)
        )
        for right in (8, 12)
    )

    complete = json.loads(cli("compare", few, more, "--json").stdout)
    rest = json.loads(
        cli("compare", few, more, "--json", "--without-duplicates").stdout
    )

    assert complete["models"][0]["difference"] == pytest.approx(4 / 20)
    assert rest["models"][0]["difference"] == pytest.approx(2 / 10)


def test_one_run_can_fail_because_of_copies_of_training_documents(cli, tmp_path):
    leaking = scored_run(
        {"rnn": [8]}, folder=tmp_path / "leaking", dataset={"near_copies": [1, 2]}
    )
    folder = write_run(leaking)

    failed = cli("compare", folder, "--fail-if", "leaks > 5%")
    passed = cli("compare", folder, "--fail-if", "leaks > 2")

    assert (failed.exit_code, passed.exit_code) == (1, 0)
    assert "failed: leaks > 5%: test documents: 2 of 20 (10%) are" in failed.stderr
    assert "passed: leaks > 2: 2 of 20 (10%) are copies" in passed.stderr


def test_the_pairs_of_one_run_that_are_not_clear_have_the_seeds_that_they_need(cli):
    result = cli("compare", "close")

    assert result.exit_code == 0, result.stderr
    assert "rnn - lstm" in result.stdout
    (pair,) = json.loads(cli("compare", "close", "--json").stdout)["pairs"]
    assert (pair["comparison"]["a"], pair["comparison"]["b"]) == ("rnn", "lstm")
    assert 0 < pair["detectable"] < pair["detectable_corrected"]
