"""The iteration order of a CPython 2.7 ``dict``, on which the Keras Reuters word ids depend."""

from collections.abc import Sequence

MASK_64 = 2**64 - 1

Table = list[tuple[int, bytes] | None]
"""Slots, each empty or with a hash and its key."""


def string_hash(text: bytes) -> int:
    """Return ``hash(text)`` of 64-bit CPython 2.7 without ``-R``, as an unsigned number.

    Source: ``string_hash`` in CPython 2.7's ``Objects/stringobject.c``.
    """
    if not text:
        return 0
    value = text[0] << 7
    for byte in text:
        value = (1000003 * value ^ byte) & MASK_64
    value ^= len(text)
    return MASK_64 - 1 if value == MASK_64 else value


def dict_order(keys: Sequence[bytes]) -> list[bytes]:
    """Return distinct ``keys`` in the order of iteration of a dict that was filled with them.

    Only insertions are modelled: nothing was ever deleted from the dict in question.
    Source: ``insertdict``, ``dictresize`` and ``lookdict_string`` in CPython 2.7's
    ``Objects/dictobject.c``.
    """
    table: Table = [None] * 8
    for used, key in enumerate(keys, start=1):
        _insert(table, (string_hash(key), key))
        if used * 3 >= len(table) * 2:
            table = _resized(table, used * (2 if used > 50_000 else 4))
    return [entry[1] for entry in table if entry is not None]


def _insert(table: Table, entry: tuple[int, bytes]) -> None:
    mask = len(table) - 1
    slot = perturb = entry[0]
    while table[slot & mask] is not None:
        slot = (slot << 2) + slot + perturb + 1
        perturb >>= 5
    table[slot & mask] = entry


def _resized(table: Table, at_least: int) -> Table:
    size = 8
    while size <= at_least:
        size <<= 1
    larger: Table = [None] * size
    for entry in table:
        if entry is not None:
            _insert(larger, entry)
    return larger
