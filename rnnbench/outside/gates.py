"""Gates on the answers to tasks: the first model is A, and each other one is B.

``judge_tasks(verdicts, [parse_gate("drops significantly")])``.
"""

from collections.abc import Collection, Sequence

from rnnbench.analysis.compare import Change, ComparedRuns, ModelChange
from rnnbench.analysis.gates import Gate, GateVerdict, LeakGate, judge
from rnnbench.errors import UserError
from rnnbench.outside.judge import Verdict
from rnnbench.results.schema import Results
from rnnbench.stats.not_worse import lower_bound

NO_TRAINING = "answers have no training documents (give a run to `rnnbench compare`)"


def judge_tasks(tasks: Collection[Verdict], gates: Sequence[Gate]) -> list[GateVerdict]:
    """Return the outcome of each gate on each task."""
    verdicts = []
    for gate in gates:
        match gate:
            case LeakGate():
                raise UserError(f"{gate.where}: {NO_TRAINING}")
        for judged in tasks:
            comparison = _compared_with_first(judged.results)
            models = judged.judgement.compared.models
            first = models[comparison.a]
            bounds = {}
            for change in comparison.models:
                bounds[change.name] = lower_bound(models[change.name], first)
            verdicts.append(judge(gate, comparison, bounds))
    return verdicts


def _compared_with_first(results: Results) -> ComparedRuns:
    """Return how the other models differ from the first, as gates need it."""
    first, *others = results.models
    if not others:
        raise UserError(
            f"--fail-if: only {first.name} answered (should be two or more models)"
        )
    pairs = results.comparisons_of(first.name)
    changes = []
    for model in others:
        if model.name not in pairs:
            raise UserError(
                f"--fail-if: too many models to compare {model.name} with {first.name}"
            )
        pair = pairs[model.name].seen_from(model.name)
        difference = pair.model_dump(include=set(Change.model_fields))
        models = {"name": model.name, "a": first, "b": model, "speed_ratio": None}
        changes.append(ModelChange.model_validate(difference | models))
    return ComparedRuns(
        a=first.name,
        b="",
        dataset=results.dataset,
        models=changes,
        only_in_a=[],
        only_in_b=[],
        differences=[],
    )
