"""The record of ``rnnbench data suspects``, as ``suspects.json`` has it."""

from typing import Literal

from rnnbench.data.summary import DatasetSummary
from rnnbench.results.schema import MissingTrial
from rnnbench.section import Share, StoredRecord

NONE = "none"  # stands for no label


class Suspect(StoredRecord):
    """A document whose label looks wrong, or that has a near-copy with another one."""

    document: int
    """Its position in the corpus, from 0."""
    place: str
    """Where it was found: its file and row, or its number in a collection."""
    text: str
    """Its beginning."""
    label: str
    suggested: str
    """The label that the models suggest together."""
    score: Share
    """How suspicious the label is; see ``rnnbench.stats.suspicion``."""
    answers: dict[str, str]
    """That of each model, whose training had neither it nor its near-copies."""
    words: dict[str, float] = {}
    """Those that speak most for the suggested label, with their log-odds."""
    near_copy: str = ""
    """A near-copy with another label, and that label."""

    @property
    def shown_label(self) -> str:
        """Its label, or that it has none."""
        return self.label or NONE

    @property
    def shown_suggestion(self) -> str:
        """The suggested label, or that there is none."""
        return self.suggested or NONE


class WrongShare(StoredRecord):
    """The estimated share of wrong labels, and its 95 % interval."""

    share: float
    low: float
    high: float


class SuspectsResults(StoredRecord):
    """The content of ``suspects.json``."""

    schema_version: Literal[1] = 1
    name: str
    command: str
    dataset: DatasetSummary
    folds: int
    models: list[str]
    """Those whose trials all have a result."""
    n_documents: int
    agreement: Share
    """How many labels the models agree with, all together."""
    wrong: WrongShare | None
    """``None`` if the models are too weak to tell, or with any number of topics."""
    n_contradicted: int
    """The documents with another suggested label."""
    n_copies: int
    """The documents with a near-copy that has another label."""
    suspects: list[Suspect]
    """The most suspicious first."""
    missing: list[MissingTrial]
