from factories import LABELS, result

from rnnbench.analysis.misclassified import Answer, hardest_documents

RIGHT = LABELS.tolist()


def test_the_documents_with_most_wrong_answers_come_first_and_models_count_alike():
    trials = {
        "a": [result(answers=[1, 0, 1, 0]), result(answers=[0, 0, 1, 0])],
        "b": [result(answers=[0, 0, 1, 0])],
    }

    found = hardest_documents(trials, n=10)

    assert [(each.position, each.topic, each.mistaken) for each in found] == [
        (3, 2, 1.0),
        (0, 0, 0.25),
    ]


def test_the_answer_of_a_model_is_its_most_frequent_one():
    trials = {"a": [result(answers=[answer, 0, 1, 2]) for answer in (1, 2, 2)]}

    assert hardest_documents(trials, n=1)[0].answers == {"a": Answer(topic=2, trials=2, of=3)}


def test_no_topic_takes_more_than_its_places():
    trials = {"a": [result(answers=[1, 1, 0, 0])]}

    assert [each.position for each in hardest_documents(trials, n=4, per_topic=1)] == [0, 2, 3]


def test_if_all_answers_are_right_there_are_none():
    assert hardest_documents({"a": [result(answers=RIGHT)]}, n=5) == []
