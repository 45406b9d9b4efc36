"""The encoding of a text file, by the characters that its bytes would be.

``encoding_of(Path("own.csv"))`` is ``utf-8``, or for example ``cp1250``.
"""

import codecs
from pathlib import Path

from rnnbench.data.sources.tables.packed import open_table_file
from rnnbench.errors import UserError

MARKS_OF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MARKS_OF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
SAMPLE = 2**20
"""Bytes that tell the encoding; those that are all ASCII tell nothing."""
MOST_WRONG = 0.1
"""The largest share of lines not in ASCII that are wrong in a UTF-8 file."""
ENCODINGS = [
    *(f"cp125{number}" for number in range(9)),
    "iso8859_2",
    "cp852",
    "koi8_r",
    "mac_roman",
]
"""The encodings of files that are not UTF-8. Rarer ones would be guessed too often."""
OF_EAST_ASIA = ["gb18030", "big5", "cp932", "euc_jp", "cp949"]
DENSE = 0.3
"""Those of East Asia are among them only if more of the bytes are not ASCII."""
CLOSE = 0.02
"""The difference in charset-normalizer's ``chaos`` of guesses that are as good."""
CENTRAL_EUROPEAN = bytes.fromhex("8a8e9a9e9c9fb3b9be")
"""Letters such as š, ž and ł in cp1250 and iso8859_2, and rare signs in cp1252."""


def encoding_of(path: Path) -> str:
    """Return the Python codec that reads a file best."""
    sample = _sample_of(path)
    if sample.startswith(MARKS_OF_32):
        return "utf_32"
    if sample.startswith(MARKS_OF_16):
        return "utf_16"
    lines = sample.splitlines()
    if len(sample) >= SAMPLE:
        lines.pop()  # which may end within a character
    foreign = [line for line in lines if not line.isascii()]
    wrong = [line for line in foreign if "\ufffd" in line.decode(errors="replace")]
    if len(wrong) <= MOST_WRONG * len(foreign):
        return "utf-8"
    return _guess(b"\n".join(foreign))


def _sample_of(path: Path) -> bytes:
    """Return the first bytes of a file or, if these are all ASCII, later ones."""
    with open_table_file(path) as file:
        sample = file.read(SAMPLE)
        if not sample.startswith(MARKS_OF_16 + MARKS_OF_32) and (
            b"\0\n" in sample or b"\n\0" in sample
        ):
            fault = "looks like UTF-16 without a byte order mark"
            hint = "store it in UTF-8, or set data.encoding: utf-16-le"
            raise UserError(f"{path}: {fault} ({hint})")
        while sample.isascii():
            more = file.read(SAMPLE)
            if not more:
                break
            sample = more
    return sample


def _guess(foreign: bytes) -> str:
    """Return the encoding of lines that are not UTF-8."""
    from charset_normalizer import from_bytes

    n_foreign = sum(byte > 127 for byte in foreign)
    encodings = ENCODINGS
    if n_foreign > DENSE * len(foreign):
        encodings = ENCODINGS + OF_EAST_ASIA
    matches = from_bytes(foreign, cp_isolation=encodings)
    best = matches.best()
    close = set[str]()
    for match in matches:
        if best and match.chaos - best.chaos < CLOSE:
            close.update(match.could_be_from_charset)
    n_central = sum(byte in CENTRAL_EUROPEAN for byte in foreign)
    if best and "cp1252" not in close:
        encoding = best.encoding
    elif n_central > MOST_WRONG * n_foreign:
        encoding = "cp1250"
    else:
        encoding = "cp1252"
    # Texts in cp1250 have letters where iso8859_2 has control characters.
    has_letters = any(0x80 <= byte < 0xA0 for byte in foreign)
    if encoding == "cp1250" and not has_letters:
        return "iso8859_2"
    return encoding
