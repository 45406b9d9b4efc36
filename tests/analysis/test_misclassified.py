from factories import LABELS, dataset_summary, result

from rnnbench.analysis.misclassified import Answer, count_errors, hardest_documents
from rnnbench.data.audit import Duplicates, TopicCount

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


def topics(*n_train):
    return [TopicCount(topic=f"topic{n}", train=n, test=1) for n in n_train]


def test_errors_are_counted_by_the_training_documents_of_the_topic():
    dataset = dataset_summary(topics=topics(100, 10, 9), majority_topic="topic100")
    trials = {
        "a": [result(answers=[0, 1, 0, 0]), result(answers=[0, 0, 0, 0])],
        "b": [result(answers=[1, 1, 1, 0])],
    }

    assert [
        (each.kind, each.n, each.by_model, each.by_all) for each in count_errors(trials, dataset)
    ] == [
        ("all documents", 4, {"a": 2.5, "b": 3.0}, 1),
        ("topics with fewer than 10 training documents", 1, {"a": 1.0, "b": 1.0}, 1),
        ("topics with 10 to 99", 1, {"a": 1.0, "b": 0.0}, 0),
        ("topics with 100 or more", 2, {"a": 0.5, "b": 2.0}, 0),
    ]


def test_errors_are_counted_on_documents_that_training_contradicts():
    found = Duplicates(same_topic=[0], other_topics=[1, 3], both=[2])
    dataset = dataset_summary(duplicates=found)
    trials = {"a": [result(answers=[1, 1, 1, 0])]}

    contradicted = count_errors(trials, dataset)[-1]

    assert contradicted.kind == "documents in training with other topics only"
    assert (contradicted.n, contradicted.by_model, contradicted.by_all) == (2, {"a": 2.0}, 2)


def test_a_kind_without_documents_is_left_out():
    dataset = dataset_summary(
        topics=topics(200, 101, 100), majority_topic="topic200", duplicates=None
    )

    kinds = [each.kind for each in count_errors({"a": [result()]}, dataset)]

    assert kinds == ["all documents", "topics with 100 or more"]
