"""R52 and R8, from the SGML files of Reuters-21578.

They are the documents of the ModApte split with one topic, as A. Cardoso-Cachopo cut them
("Improving Methods for Single-label Text Categorization", 2007). The rules that are not in her
description were worked out from her files, which they give word for word.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

TRAIN, TEST = "TRAIN", "TEST"
_DOCUMENT = re.compile(r"<REUTERS (.*?)>(.*?)</REUTERS>", re.DOTALL)
_ATTRIBUTE = re.compile(r'(\w+)="(.*?)"')
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
"""The entities that are replaced; others, such as ``&#3;``, are left as they are."""
N_MOST_FREQUENT = 10
"""R8 has those of the ten most frequent topics that some documents have alone."""


@dataclass(frozen=True)
class Newswire:
    """A document of the ModApte split: ``TRAIN`` or ``TEST``, all of its topics, and its text."""

    part: str
    topics: tuple[str, ...]
    text: str


Labelled = list[tuple[str, str]]
"""Topics and texts."""


def read_parts(name: str, files: Iterable[bytes]) -> tuple[Labelled, Labelled]:
    """Return the training and the test documents of ``r52`` or ``r8`` in SGML files."""
    newswires = [each for content in files for each in parse_newswires(content.decode("latin-1"))]
    counts = {part: _count_topics(newswires, part) for part in (TRAIN, TEST)}
    topics = {
        topic for topic, _ in counts[TRAIN].most_common(N_MOST_FREQUENT if name == "r8" else None)
    }
    alone = [each for each in newswires if len(each.topics) == 1]
    kept = topics.intersection(*(_count_topics(alone, part) for part in (TRAIN, TEST)))

    def part_of(part: str) -> Labelled:
        return [
            (each.topics[0], each.text)
            for each in alone
            if each.part == part and each.topics[0] in kept
        ]

    return part_of(TRAIN), part_of(TEST)


def parse_newswires(content: str) -> Iterator[Newswire]:
    """Yield the documents of the ModApte split in an SGML file that have a topic."""
    for head, body in _DOCUMENT.findall(content):
        attributes = dict(_ATTRIBUTE.findall(head))
        topics = re.findall("<D>(.*?)</D>", _element("TOPICS", body) or "")
        part = attributes.get("LEWISSPLIT", "")
        if topics and attributes.get("TOPICS") == "YES" and part in (TRAIN, TEST):
            yield Newswire(part, tuple(topics), text_of(body))


def text_of(document: str) -> str:
    """Return the title and the body of a document or, if it has neither, all of its text."""
    parts = [_element(name, document) for name in ("TITLE", "BODY")]
    text = " ".join(filter(None, parts)) or _element("TEXT", document) or ""
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return text


def _element(name: str, document: str) -> str | None:
    found = re.search(rf"<{name}\b[^>]*>(.*?)</{name}>", document, re.DOTALL)
    return found[1] if found else None


def _count_topics(newswires: Iterable[Newswire], part: str) -> Counter[str]:
    return Counter(topic for each in newswires if each.part == part for topic in each.topics)
