"""Notes as text for a terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from rnnbench.analysis.notes import Note


def notes_text(notes: Sequence[Note]) -> RenderableType:
    """Return each note: its title, its evidence and its advice."""
    if not notes:
        return Text("Nothing to note.")
    return Group(
        *(
            Group(
                Text(note.title, style="bold"),
                Padding(Text(f"{note.evidence} {note.advice}"), (0, 0, 0, 2)),
            )
            for note in notes
        )
    )
