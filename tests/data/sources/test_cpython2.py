"""The order of a CPython 2.7 dict; the golden values were printed by CPython 2.7.18 itself."""

import hashlib

import pytest

from rnnbench.data.sources.cpython2 import dict_order, string_hash


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"", 0),
        (b"a", 12416037344),
        (b"the", 16951513139072902650),
        (b"said", 16606368166064669859),
        (b"paradyne's", 7753395952657369152),
        (b"northerly", 6790599123261587444),
        (b"\xe9t\xe9", 14329970690367393031),
        (b"\xff\x00\xfe", 8003493489078072330),
        (b"mdbl 10996", 11437947026324920262),
        (b"x" * 100, 12824308884547946692),
    ],
)
def test_string_hash_is_that_of_python_2(text, value):
    assert string_hash(text) == value


@pytest.mark.parametrize(
    ("n_keys", "sha256"),
    [
        (5, "cc30c6a36f6adca4c465bcd1987500abf59aa3b0cad7ac44c3c05d79f3fb424e"),
        (6, "151e031a636f28210569239632a38cb9263f5a433c302acc905e3ddc5bce7fbc"),
        (21, "8a571253d0c5a9945e2b0c064c525c8096d1fa5fb58b005c3d1853bd64878682"),
        (22, "c06180d7e1811ab8e7cd3fbbc4fc004d791bec6b267860bcb9d8759e9695fcb6"),
        (6_000, "7dd88a8333ede63a7a277e5375e7b52194239e5dc62ab1d40ee0ef7e08648a24"),
        (100_000, "dd99b0e09a6bec364b1849f2742b892b01c9e03b67c8da1a2fb85c0e34e53296"),
    ],
)
def test_the_table_grows_where_that_of_python_2_does(n_keys, sha256):
    order = b"\n".join(dict_order([b"w%d" % number for number in range(n_keys)]))

    assert hashlib.sha256(order).hexdigest() == sha256
