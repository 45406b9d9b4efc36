"""A kind of task, and the metric that its models are compared by."""

import numpy as np

from rnnbench.plugin import Metric, TaskKind


class Stars(TaskKind):
    """Labels in order: the further off an answer is, the less it counts."""

    name = "stars"
    main = "closeness"
    score_name = "closeness"

    def answers(self, scores, decision=None):
        return scores.argmax(axis=1).astype(np.int32)

    def parts(self, labels, answers):
        return 1 / (1 + np.abs(labels - answers))


STARS = Stars()
CLOSENESS = Metric(
    name="closeness",
    header="closeness",
    tasks=("stars",),
    is_of_answers=True,
    description="mean of one over one plus the distance to the right label",
    function=STARS.score,
)
