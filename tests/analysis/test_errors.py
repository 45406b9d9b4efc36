from factories import LABELS, result

from rnnbench.analysis.errors import Answer, hardest_wires

RIGHT = LABELS.tolist()


def test_the_wires_that_most_answers_mistook_come_first():
    trials = {
        "a": [result(answers=[1, 0, 1, 0]), result(answers=[0, 0, 1, 0])],
        "b": [result(answers=[0, 0, 1, 0])],
    }

    found = hardest_wires(trials, n=10)

    assert [(wire.position, wire.topic, wire.mistaken) for wire in found] == [
        (3, 2, 1.0),
        (0, 0, 0.25),
    ]


def test_models_count_alike_however_many_trials_they_have():
    trials = {"a": [result(answers=[1, 0, 1, 2])] * 9, "b": [result(answers=RIGHT)]}

    assert hardest_wires(trials, n=1)[0].mistaken == 0.5


def test_a_model_said_its_most_frequent_answer():
    trials = {"a": [result(answers=[answer, 0, 1, 2]) for answer in (1, 2, 2)]}

    assert hardest_wires(trials, n=1)[0].answers == {"a": Answer(topic=2, trials=2, of=3)}


def test_no_topic_takes_more_than_its_places():
    trials = {"a": [result(answers=[1, 1, 0, 0])]}

    assert [wire.position for wire in hardest_wires(trials, n=4, per_topic=1)] == [0, 2, 3]


def test_where_all_are_right_there_are_none():
    assert hardest_wires({"a": [result(answers=RIGHT)]}, n=5) == []
