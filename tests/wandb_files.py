"""The files that wandb writes when it is offline."""

import struct
from pathlib import Path


def values_of(items):
    """Return the values of a history, a summary or a config as JSON, by key."""
    return {item.key or "/".join(item.nested_key): item.value_json for item in items}


def read_wandb(file: Path):
    """Yield the records of a ``.wandb`` file, which is a log in the format of LevelDB."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, record = file.read_bytes(), 7, b""
    while place + 7 <= len(data):
        left = 2**15 - place % 2**15  # in the block; a header does not cross its end
        if left < 7:
            place += left
            continue
        length, kind = struct.unpack_from("<HB", data, place + 4)
        record += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(record)
            record = b""
