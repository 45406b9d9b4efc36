"""Gives ``verdict`` tables of answers in clusters that nobody declared, among other
columns.

Where answers in a cluster always agree, the line names the column; nothing else is
named.
"""

import csv
import re

from campaigns.bench import rnnbench
from campaigns.campaign import Campaign, misbehaviour

NAMES = ("passage", "doc.page", "author_id", "Seite", "col 7", "x=y", "page'", "名")
STEMS = ("passage{}", "{}", "doc {}", "a-{}", "名{}")
"""The forms of values of a cluster, and of the first part of ids."""


def attempt(_number, random, _bench, folder):
    sizes = [random.randint(2, 9) for _ in range(random.choice((20, 60, 200)))]
    rate = random.uniform(0.4, 0.9)
    stem = random.choice(STEMS)
    name = random.choice(NAMES)
    are_ids = random.random() < 0.3
    rows = []
    for number, size in enumerate(sizes):
        answer = "yes" if random.random() < rate else "no"
        for place in range(size):
            cluster = stem.format(number)
            row = {"id": f"{cluster}_{place}" if are_ids else f"{len(rows)}"}
            row |= {"label": "yes", "prediction": answer}
            row |= {
                "day": f"2026-01-{1 + number % 28:02}",
                "weight": f"{random.random():.3f}",
            }
            row |= {"language": random.choice(("de", "en"))}
            if not are_ids:
                row[name] = cluster
            rows.append(row)
    if len({row["prediction"] for row in rows}) < 2:
        return
    is_shuffled = random.random() < 0.5 and (are_ids or stem != "{}")
    if is_shuffled:  # numbers alone, in any order, would be no evidence
        random.shuffle(rows)
    with (folder / "mine.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    column = "id" if are_ids else name
    order = "shuffled" if is_shuffled else "in order"
    case = f"'{column}', {stem}, {order}, {len(sizes)} clusters"
    done = rnnbench(("verdict", "mine.csv"), folder)
    yield from (f"{case}: {what}" for what in misbehaviour(done, [0]))
    told = re.findall(
        r"documents (?:with the same|whose) '(.+?)' (?:begins|\()",
        " ".join(done.err.split()),
    )
    if told != [column]:
        yield f"{case}: named {told}"


CAMPAIGN = Campaign(long=200, short=1, attempt=attempt)
