"""The table of suspects, and what is said of all of them."""

from rnnbench.report.table import Table
from rnnbench.suspects.results import SuspectsResults
from rnnbench.text import counted, listed, sentences

SHOWN = 20
N_LETTERS = 22  # of a text in the table


def suspects_table(results: SuspectsResults, most: int) -> Table:
    """Return the most suspicious documents; the caption says how many there are."""
    rows = []
    for suspect in results.suspects[:most]:
        text = suspect.text
        if len(text) > N_LETTERS:
            text = f"{text[:N_LETTERS]}…"
        labels = [suspect.shown_label, suspect.shown_suggestion]
        rows.append([suspect.place, *labels, text, f"{suspect.score:.3f}"])
    headers = ["document", results.dataset.noun, "suggested", "text", "suspicion"]
    caption = sentences(*findings(results), how(results))
    return Table(headers, rows, caption, text_columns=4)


def findings(results: SuspectsResults) -> list[str]:
    """Return in sentences how many labels look wrong."""
    nouns = f"{results.dataset.noun}s"
    documents = counted(results.n_documents, "document")
    said = [
        f"The models contradict the {nouns} of {results.n_contradicted:,} of "
        f"{documents}; the most suspicious come first. Nothing is changed or left out."
    ]
    if results.n_copies:
        said.append(
            f"{results.n_copies:,} documents have a near-copy with another "
            f"{results.dataset.noun}."
        )
    wrong = results.wrong
    if not results.dataset.kind.has_one_label:
        return said
    if wrong is None:
        said.append(
            f"How many {nouns} are wrong cannot be estimated: the models are too weak "
            f"(they agree with {results.agreement:.0%})."
        )
        return said
    said.append(
        f"About {wrong.share:.1%} of {nouns} look wrong (95 % interval {wrong.low:.1%} "
        f"to {wrong.high:.1%}), so an honest score is at most about "
        f"{1 - wrong.share:.3f}. The estimate is too high if models take hard "
        "documents for wrong ones."
    )
    return said


def how(results: SuspectsResults) -> str:
    """Return how the documents were answered, in words."""
    noun = results.dataset.noun
    return (
        f"Suspicion: p / (p + q), where q is the probability of the {noun} "
        f"and p that of the likeliest other one, by {listed(results.models)}, "
        f"in {results.folds} folds that split no near-copies."
    )
