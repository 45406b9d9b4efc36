"""Loads randomly changed configs and options: each is valid, or every problem in it is
named.
"""

import datetime
import re
import time
from pathlib import Path

import numpy as np
import yaml

import rnnbench
from campaigns.bench import CONFIG
from campaigns.campaign import Campaign, at_most, replace_value, spell, warnings_heard
from rnnbench.config.load import dump, load, select
from rnnbench.config.nodes import MAX_MESSAGE, MAX_PROBLEMS, ConfigError
from rnnbench.config.shipped import starter
from rnnbench.errors import UserError
from rnnbench.request import changes
from rnnbench.terminal import options

SHIPPED = Path(__file__).parents[2] / "configs"
SLOW, LONGEST = 2, 10
"""Processor seconds after which loading is too slow, and seconds after which it is
stopped."""
LONG_MESSAGE = (MAX_PROBLEMS + 1) * (MAX_MESSAGE + 1)
"""Characters that a message may have: a line for each problem, and one that counts the
rest."""
WEIRD = [
    *(
        "",
        "~",
        "null",
        "true",
        "no",
        ".nan",
        ".inf",
        "-.inf",
        "1e400",
        "-0",
        "0x10",
        "0o17",
    ),
    *(
        "1_000",
        "9" * 400,
        "9" * 5_000,
        "-1",
        "1.5",
        "1e3",
        "'",
        '"',
        "[]",
        "{}",
        "[[]]",
        "[,]",
    ),
    *(
        "{a: {b: c}}",
        "{a: }",
        "*a",
        "&a b",
        "&a [*a]",
        "!!int x",
        "!!binary x",
        "!<x> y",
        "!x",
    ),
    *(
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "!!set {a}",
    ),
    *(
        "? x",
        "- - -",
        "%YAML 9",
        "---",
        "...",
        "<<: *x",
        "|",
        ">-",
        "@",
        "`",
        "%",
        "{[}]",
        "a: b",
    ),
    *(
        "\u2028",
        "\u202e",
        "\ufeff",
        "\x85",
        "\x1b[31m",
        "\x00",
        "\x07",
        "\t",
        "\r",
        "\U0001d4b3",
    ),
    *(
        "<img src=x onerror=alert(1)>",
        "../../etc/passwd",
        "/dev/zero",
        "~root",
        "~nobody-has/x",
    ),
    *(
        "a" * 10_000,
        "a b " * 5_000,
        "2026-01-01",
        "12:30:45",
        "{{x}}",
        "$HOME",
        "topics",
        "Name",
    ),
    *(
        ",".join("m" * 50_000),
        "[0, 0]",
        "[1, 2, 3]",
        "[-1]",
        "[1.0]",
        "['']",
        "4294967296",
    ),
    *("99999999999999999999", "\u0131", "é"),
]
"""Texts that stand where a value, or a line, should be."""
VALUES = [
    *(
        None,
        True,
        0,
        -1,
        1,
        1.5,
        10**400,
        float("nan"),
        float("inf"),
        "",
        "x",
        "a" * 5_000,
        "\0",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        {"": ""},
        {"x": {"y": 1}},
        [{"dense": None}],
        {"layers": []},
    ),
    *(
        "../x",
        "/dev/zero",
        "\x1b[31m",
        "topics",
        [0, 0],
        list(range(20_000)),
        {"a b": 1},
    ),
]
"""Values of other types; all of them can be written as YAML."""
OBJECTS = [
    *(
        b"x",
        object(),
        {1, 2},
        (1, 2),
        datetime.date(2026, 1, 1),
        np.float32(1),
        np.arange(3),
    ),
    *({1: 2}, {None: 1}, {(1, 2): 3}, Path("x"), Ellipsis, len, "\udcff", 1j),
]
"""Values that only a program can give."""

KEYS = ["", "a" * 3_000, "\x1b[31m", "name", "layers", "extends"]
"""Keys that a value may get in place of its own."""


def prepare(_bench, _folder):
    """Return valid configs, by the names that their files should have."""
    texts = {file.name: file.read_text("utf-8") for file in SHIPPED.glob("*.yaml")}
    return texts | {"starter.yaml": starter(), "tiny.yaml": CONFIG}


def attempt(_number, random, texts, folder):
    """Yield what is wrong after a random change to a config or to the options."""
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    file = folder / random.choice(list(texts))
    way = random.choice(
        (_changed_text, _changed_text, _changed_tree, _mapping, _options)
    )
    what, load = way(random, file)
    for problem in _misloaded(load):
        yield f"{file.name}, {what}: {problem}"


def _misloaded(load):
    begun = time.process_time()
    try:
        with at_most(LONGEST), warnings_heard():
            dump(load())
    except UserError as error:
        problems = error.problems if isinstance(error, ConfigError) else [error]
        if len(str(error)) > LONG_MESSAGE:
            yield f"a message of {len(str(error)):,} characters: {str(error)[:100]!r}"
        if not all(map(str, problems)) or not str(error):
            yield "an empty message"
    except Exception as error:
        yield spell(error)
    if (took := time.process_time() - begun) > SLOW:
        yield f"it took {took:.1f} s"


def _changed_text(random, file):
    """Change the content of a file; return how, and a function that loads it, as others
    do.
    """
    content, made = file.read_bytes(), []
    for _ in range(random.choice((1, 1, 2, 3))):
        made.append(random.choice([*TEXT_CHANGES]))
        content = TEXT_CHANGES[made[-1]](random, content)
    file.write_bytes(content)
    return ", ".join(made), lambda: rnnbench.load_config(file)


def _changed_tree(random, file):
    tree = yaml.safe_load(file.read_bytes())
    path, value = replace_value(random, tree, lambda _: random.choice(VALUES), KEYS)
    file.write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False), "utf-8")
    return f"{path} becomes {value!r:.80}", lambda: rnnbench.load_config(file)


def _mapping(random, file):
    tree = yaml.safe_load(file.read_bytes())
    values = [*VALUES, *OBJECTS, tree]
    path, value = replace_value(random, tree, lambda _: random.choice(values), KEYS)
    if path != "extends" and isinstance(tree.get("extends"), str):
        tree["extends"] = str(
            file.parent / tree["extends"]
        )  # else from the working folder
    return f"mapping, {path} becomes {value!r:.80}", lambda: rnnbench.load_config(tree)


def _options(random, file):
    tree = yaml.safe_load(file.read_bytes())
    settings = [
        f"{_key(random, tree)}={_text(random)}" for _ in range(random.randint(0, 2))
    ]
    settings += [_text(random)] if random.random() < 0.1 else []
    models = _text(random) if random.random() < 0.3 else None
    seeds = random.choice([None, "3", "0,1", "0,0", ",", "1,,2", _text(random)])
    epochs = random.choice([None, 1, 0, -1, 10**30])
    data, path = (
        random.choice([None, _text(random)]),
        random.choice([None, _text(random)]),
    )
    given = {
        "models": models,
        "seeds": seeds,
        "epochs": epochs,
        "data": data,
        "path": path,
    }
    words = [
        *(f"{name} {value!r:.80}" for name, value in given.items()),
        f"{settings!r:.200}",
    ]

    def load_some():
        new = changes(settings, epochs=epochs, seeds=seeds, data=data, path=path)
        return select(load(file, new), options.names(models), "--models")

    return f"options {', '.join(words)}", load_some


def _key(random, tree):
    """Return a random path into a tree, which may end nowhere."""
    keys = []
    while isinstance(tree, dict | list) and tree and random.random() < 0.85:
        key = random.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
        keys.append(str(key))
        tree = tree[key]
    if random.random() < 0.3:
        keys.append(
            random.choice(["", "x", "0", "-1", "99", "\udcff", "é", "a" * 3_000])
        )
    return ".".join(keys)


def _text(random):
    """Return a weird text, as a terminal may give it: a byte that is not UTF-8 is a
    surrogate.
    """
    text = random.choice(WEIRD).replace("\0", "")
    return text + random.choice(["", "", "\udcff", ",", " ", "=", text[:20]])


def _on_lines(change):
    """Return a change of the lines of a file, at a random place."""

    def changed(random, content):
        lines = content.splitlines(keepends=True) or [b"\n"]
        change(random, lines, random.randrange(len(lines)))
        return b"".join(lines)

    return changed


def _weird_line(random, lines, place):
    indent = lines[place][: len(lines[place]) - len(lines[place].lstrip(b" -"))]
    lines.insert(place, indent + random.choice(WEIRD).encode() + b"\n")


def _weird_at(pattern):
    """Return a change of what the group in a pattern finds."""

    def changed(random, content):
        new = random.choice(WEIRD).encode()
        places = [found.span(1) for found in re.finditer(pattern, content)]
        start, end = random.choice(places or [(0, len(content))])
        return content[:start] + new + content[end:]

    return changed


def _deep(random, content):
    depth = random.choice((50, 101, 1_000, 20_000))
    opening, closing = random.choice([(b"[", b"]"), (b"{a: ", b"}"), (b"- ", b"")])
    return (
        content
        + b"deep: "
        + b"\n" * (not closing)
        + opening * depth
        + closing * depth
        + b"\n"
    )


def _bomb(random, content):
    """Add aliases of aliases, which stand for very many values."""
    levels, width = random.choice([(3, 5), (9, 9), (30, 2), (5, 50)])
    lines = [b"bomb0: &b0 [x]"]
    for level in range(1, levels):
        aliases = b", ".join([b"*b%d" % (level - 1)] * width)
        lines.append(b"bomb%d: &b%d [%s]" % (level, level, aliases))
    place = random.choice([b"", b"models: *b%d\n" % (levels - 1)])
    return b"\n".join([*lines, b""]) + place + content


def _bad_bytes(random, content):
    place = random.randrange(len(content) + 1)
    bad = random.choice(
        [b"\0", b"\xff", b"\xc3", b"\x1b[2J", b"\xef\xbb\xbf", b"\xff\xfe", b"\r"]
    )
    return content[:place] + bad + content[place:]


def _flip(random, content):
    damaged = bytearray(content or b"x")
    damaged[random.randrange(len(damaged))] ^= 1 << random.randrange(8)
    return bytes(damaged)


STARTS = [b"\xef\xbb\xbf", b"\xff\xfe", b"%YAML 1.1\n---\n", b"---\n", b"- ", b"\t"]
BETWEEN = [b"---\n", b"...\n", b"--- x\n"]
ENCODINGS = ["utf-16", "utf-32", "utf-8-sig"]
TEXT_CHANGES = {
    "a line deleted": _on_lines(lambda _, lines, place: lines.pop(place)),
    "a line moved": _on_lines(
        lambda random, lines, place: lines.insert(
            random.randrange(len(lines)), lines.pop(place)
        )
    ),
    "a line repeated": _on_lines(
        lambda random, lines, place: lines.insert(place, random.choice(lines))
    ),
    "a key repeated": _on_lines(
        lambda _, lines, place: lines.insert(place, lines[place])
    ),
    "a weird line": _on_lines(_weird_line),
    "a weird value": _weird_at(rb"(?:: |- |, |\[)([^\s,\]}][^\n,\]}]*)"),
    "another weird value": _weird_at(rb": ([^\s,\]}][^\n,\]}]*)"),
    "a weird key": _weird_at(rb"([\w-]+):"),
    "deep": _deep,
    "aliases": _bomb,
    "bad bytes": _bad_bytes,
    "a bit flipped": _flip,
    "a bad start": lambda random, content: random.choice(STARTS) + content,
    "another encoding": lambda random, content: content.decode(errors="replace").encode(
        random.choice(ENCODINGS)
    ),
    "cut": lambda random, content: content[: random.randrange(len(content) + 1)],
    "two documents": lambda random, content: content + random.choice(BETWEEN) + content,
    "other line ends": lambda _, content: content.replace(b"\n", b"\r\n"),
}

CAMPAIGN = Campaign(long=10_000, short=15, attempt=attempt, prepare=prepare)
