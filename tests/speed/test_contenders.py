import pytest
from factories import SOFTMAX, benchmark, train, trial

from rnnbench.errors import UserError
from rnnbench.speed import contenders
from rnnbench.speed.contenders import choose, measure_engine, networks_alone
from rnnbench.training.engines import ignore


@pytest.fixture(autouse=True)
def _without_torch(monkeypatch):
    monkeypatch.setattr(contenders, "find_spec", lambda _: None)
    monkeypatch.setattr(contenders, "usable_cores", lambda: 4)


def plan(**changes):
    return benchmark(**{"training": {"epochs": 2}} | changes)


def test_the_engines_are_compared_each_in_its_own_way():
    found = {
        each.name: (each.executor.jobs, each.executor.threads) for each in choose(None, plan())
    }

    assert found == {
        "compiled": (4, 1),
        "compiled-1": (1, 1),
        "keras": (1, 4),
    }


def test_pytorch_takes_no_part_where_it_is_not_installed_and_the_user_is_told(caplog):
    choose(None, plan())

    assert "torch does not take part: PyTorch is not installed" in caplog.text


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["kears"], r"--only: unknown contender 'kears' \(allowed: .*did you mean 'keras'"),
        (
            [],
            "--only: names no contender",
        ),
        (["torch"], r"--only torch: PyTorch is not installed \(pip install"),
    ],
)
def test_a_contender_that_cannot_be_had_is_named(names, message):
    with pytest.raises(UserError, match=message):
        choose(names, plan())


def test_a_contender_trains_with_its_engine_and_its_threads(tmp_path):
    (keras,) = choose(["keras"], plan())

    claimed = keras.claim(trial(tmp_path))

    assert (claimed.training.engine, claimed.threads) == ("keras", 4)


def test_an_engines_cost_is_that_of_the_trial_as_run_trains_it(tmp_path):
    planned = trial(tmp_path, training={"epochs": 3, "batch_size": 4})

    cost = measure_engine(planned, tmp_path / "made-up.npz", ignore)

    assert cost.accuracy == train(tmp_path, planned).accuracy
    assert (cost.model, cost.seed, cost.steps) == ("rnn", 0, 9)
    assert cost.ms_per_step * cost.steps / 1000 < cost.seconds
    assert 10 < cost.peak_memory_mb < 100_000


SVM = {"baseline": "tfidf_linear_svm"}
RNN = {"layers": [{"simple_rnn": {"units": 3}}, SOFTMAX]}


def test_networks_alone_are_timed_and_on_all_training_wires():
    training = {"epochs": 3, "batch_size": 4, "validation_split": 0.2, "seeds": [5, 6]}
    whole = plan(models={"svm": SVM, "rnn": RNN, "again": RNN}, training=training)

    timed = networks_alone(whole)

    assert list(timed.models) == ["rnn", "again"]
    assert timed == plan(
        models={"rnn": RNN, "again": RNN}, training=training | {"validation_split": 0}
    )
    assert list(whole.models) == ["svm", "rnn", "again"], "it is left as it was"


def test_where_there_are_networks_alone_nothing_changes():
    assert networks_alone(plan()) == plan()


def test_where_there_is_no_network_there_is_nothing_to_time():
    with pytest.raises(UserError, match=r"^small: no model to time \(should have a model with"):
        networks_alone(plan(models={"svm": SVM}))


class TestTorch:
    """Where PyTorch is installed."""

    @pytest.fixture(autouse=True)
    def _torch(self, monkeypatch):
        pytest.importorskip("torch")
        monkeypatch.setattr(contenders, "find_spec", lambda _: "installed")

    def test_it_takes_part(self):
        assert [each.name for each in choose(None, plan())][-2:] == ["torch", "torch-plain"]

    @pytest.mark.parametrize("is_tuned", [True, False])
    def test_it_trains_models_of_the_same_shapes(self, tmp_path, is_tuned):
        layers = [
            {"lstm": {"units": 3, "return_sequences": True}},
            {"dropout": {"rate": 0.1}},
            {"gru": {"units": 3}},
            {"dense": {"units": 4, "activation": "relu"}},
            SOFTMAX,
        ]
        training = {"epochs": 60, "learning_rate": 0.01}
        planned = trial(tmp_path, models={"rnn": {"layers": layers}}, training=training)
        losses = []

        cost = contenders.measure_torch(
            planned,
            tmp_path / "made-up.npz",
            lambda _, loss, __: losses.append(loss),
            is_tuned=is_tuned,
        )

        assert len(losses) == 60
        assert losses[-1] < losses[0]
        assert (cost.model, cost.steps) == ("rnn", 60)
        assert 0 <= cost.accuracy <= 1

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            (
                {"models": {"rnn": {"layers": [{"gru": {"units": 3, "dropout": 0.5}}, SOFTMAX]}}},
                r"no counterpart for rnn \(gru: dropout\)",
            ),
            (
                {
                    "models": {
                        "rnn": {
                            "layers": [
                                {"gru": {"units": 3}},
                                {"dense": {"units": 4, "activation": "softmax"}},
                                SOFTMAX,
                            ]
                        }
                    }
                },
                r"no counterpart for rnn \(dense: activation\)",
            ),
            ({"training": {"optimizer": "sgd"}}, "it is timed with adam only, not sgd"),
        ],
    )
    def test_what_it_has_no_counterpart_for_keeps_it_out(self, changes, reason):
        names = [each.name for each in choose(None, plan(**changes))]

        assert "torch" not in names
        with pytest.raises(UserError, match=f"--only torch: {reason}"):
            choose(["compiled", "torch"], plan(**changes))
