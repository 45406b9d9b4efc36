from factories import finished_run

from rnnbench.report.errors import errors_table

ANSWERS = {"lstm": [[0, 0, 1, 0], [0, 1, 1, 0]], "rnn": [[1, 1, 1, 1], [1, 1, 1, 0]]}


def test_each_row_counts_the_errors_of_a_model_and_the_last_those_of_all_models():
    table = errors_table(finished_run(ANSWERS))

    assert table.headers == [
        "model",
        "all documents (4)",
        "topics with fewer than 10 training documents (1)",
        "topics with 100 or more (3)",
    ]
    assert table.rows == [
        ["lstm", "1.5", "1.0", "0.5"],
        ["rnn", "3.0", "1.0", "2.0"],
        ["all models", "1", "1", "0"],
    ]
    assert table.is_last_apart
