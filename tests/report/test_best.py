"""The best model of a run, in a sentence."""

from factories import finished_run, scored_run

from rnnbench.report.best import best_in_words

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


def test_those_from_which_it_does_not_clearly_differ_are_named():
    assert best_in_words(run(rnn=[93], gru=[95], svm=[10])) == (
        "The best model is gru, with a test accuracy of 0.9500; no clear difference from rnn."
    )
    assert best_in_words(run(rnn=[51], gru=[52])).endswith(
        f"; no clear difference from rnn, {ALWAYS}."
    )


def test_of_many_the_first_ones_are_named():
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
