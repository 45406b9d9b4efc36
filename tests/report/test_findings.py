"""The main results of a run, in words."""

from factories import finished_run, scored_run

from rnnbench.report.findings import best_in_words, findings
from rnnbench.results.schema import MissingTrial

ALWAYS = "always 'earn'"


def run(of=100, **rights):
    """A run on documents of which half are of the most frequent topic."""
    labels = [0] * (of // 2) + [1] * (of // 2)
    answers = {
        model: [labels[:right] + [2] * (of - right) for right in trials]
        for model, trials in rights.items()
    }
    return finished_run(answers, labels=labels).results


def test_a_best_model_that_is_clearly_better_is_named_with_its_accuracy():
    assert best_in_words(run(rnn=[60], gru=[95])) == (
        "The best model is gru, with a test accuracy of 0.9500."
    )


def test_models_that_do_not_clearly_differ_from_it_are_named():
    assert best_in_words(run(rnn=[93], gru=[95], svm=[10])) == (
        "The best model is gru, with a test accuracy of 0.9500; no clear difference from rnn."
    )
    assert best_in_words(run(rnn=[51], gru=[52])).endswith(
        f"; no clear difference from rnn, {ALWAYS}."
    )


def test_only_the_first_of_many_are_named():
    others = {f"rnn{number}": [94] for number in range(9)}

    sentence = best_in_words(run(best=[95], **others))

    assert sentence.endswith("no clear difference from rnn0, rnn1, rnn2, rnn3, rnn4 and 4 more.")


def test_with_two_seeds_there_is_no_verdict():
    sentence = best_in_words(run(rnn=[60, 61], gru=[95, 96]))

    assert sentence.endswith(f"0.9550; too few seeds to tell it from rnn, {ALWAYS}.")


def test_a_single_model_is_the_only_one():
    assert best_in_words(scored_run({"rnn": [18]}).results).startswith(
        "The only model is rnn, with a test accuracy of 0.9000"
    )


def test_findings_name_the_best_and_the_models_no_better_than_the_majority():
    sentences = findings(run(rnn=[50, 51, 52], gru=[95, 94, 93], lstm=[92, 93, 94]))

    assert sentences[0].startswith("gru has the highest test accuracy, 0.940 (95 % interval 0.8")
    assert sentences[1] == "Not clearly worse: lstm."
    assert sentences[2] == f"Not clearly different from {ALWAYS}, which scores 0.500: rnn."
    assert sentences[3] == (
        "Epoch of the networks: the last of 1. rnnbench never chooses an epoch by the test "
        "documents."
    )


def test_findings_name_models_that_are_clearly_worse_than_the_majority():
    sentences = findings(run(rnn=[3, 4, 5], gru=[95, 94, 93]))

    assert f"Clearly worse than {ALWAYS}, which scores 0.500: rnn." in sentences


def test_if_all_models_are_clearly_better_than_the_majority_the_findings_say_so():
    sentences = findings(run(rnn=[90, 91, 92], gru=[95, 94, 93]))

    assert f"Clearly better than {ALWAYS}, which scores 0.500: all models." in sentences


def test_with_two_seeds_the_findings_have_no_verdict():
    sentences = findings(run(rnn=[60, 61], gru=[95, 96]))

    assert sentences[1] == "Too few seeds to tell it from rnn."
    assert sentences[2].startswith(f"Too few seeds for a verdict against {ALWAYS}, which scores")
    assert not any("none" in each or "all models" in each for each in sentences[:-1])


def test_equal_models_are_in_the_order_of_the_run():
    sentences = findings(run(rnn=[91, 91, 100], gru=[91, 100, 91]))

    assert sentences[0].startswith("rnn has the highest")
    assert sentences[1] == "Not clearly worse: gru."


def test_a_single_model_is_not_the_highest_of_any():
    assert findings(run(rnn=[90]))[0].startswith("rnn has a test accuracy of 0.900")


def test_the_first_finding_about_a_partial_run_is_that_it_is_partial():
    missing = [MissingTrial(model="rnn", seed=2, error=None)]
    results = run(rnn=[90, 91], gru=[95, 96]).model_copy(update={"missing": missing})

    first, second, *_ = findings(results)

    assert first == "This run is partial: 1 of 5 trials are missing."
    assert second.startswith("gru has the highest test accuracy, 0.955")
