from factories import benchmark, corpus

from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import CachedCorpus
from rnnbench.runner.plan import plan_trials


def test_every_model_is_planned_with_every_seed(tmp_path):
    model = benchmark().models["rnn"]
    plan = benchmark(models={"a": model, "b": model}, training={"seeds": [0, 7]})
    dataset = make_dataset(corpus(), plan.data)
    cached = CachedCorpus(corpus(), "f" * 64, tmp_path / "corpus.npz")

    trials = list(plan_trials(plan, cached, dataset))

    assert [(trial.name, trial.seed) for trial in trials] == [
        ("a", 0),
        ("b", 0),
        ("a", 7),
        ("b", 7),
    ]
    assert {trial.dataset_fingerprint for trial in trials} == {dataset.fingerprint}
