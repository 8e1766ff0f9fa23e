"""Any bytes in, either rows or a reason out, and no row lost from the count: what tests/fuzz/targets.py asserts.

`FUZZ_EXAMPLES=100000` looks longer; the coverage-guided search over the same assertions is `make fuzz`.
"""

from __future__ import annotations

import gzip
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fuzz.targets import SEEDS, TARGETS, WORDS, feed_file, unpack

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))


def mutations(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """A seed with some of its bytes cut, doubled, or replaced by words that mean something somewhere."""

    def mutate(seed: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for at, cut, put in changes:
            here = 1 + at % len(seed)  # the first byte chooses what is read
            seed = seed[:here] + put + seed[here + cut :]
        return seed

    words = st.sampled_from(WORDS) | st.binary(max_size=5) | st.just(b"")
    changes = st.lists(st.tuples(st.integers(0, 4096), st.integers(0, 3), words), max_size=6)
    return st.builds(mutate, st.sampled_from(seeds), changes)


@pytest.mark.parametrize("target", TARGETS)
@given(data=st.data())
@settings(deadline=None, max_examples=EXAMPLES)
def test_any_bytes_give_rows_or_a_reason(target: str, data: st.DataObject) -> None:
    TARGETS[target](data.draw(st.binary(max_size=200) | mutations(SEEDS[target])))


@pytest.mark.parametrize("target", TARGETS)
def test_each_seed_is_good(target: str) -> None:
    assert SEEDS[target]
    for seed in SEEDS[target]:
        TARGETS[target](seed)


@given(st.lists(st.binary(max_size=60), max_size=4), st.binary(max_size=8), st.integers(0, 40))
@settings(deadline=None, max_examples=EXAMPLES)
def test_gzip_of_any_shape_loses_no_row(members: list[bytes], tail: bytes, cut: int) -> None:
    """Several members, padding, garbage after them, cut anywhere."""
    packed = b"".join(gzip.compress(member, mtime=0) for member in members) + tail
    feed_file(bytes([32 + 1]) + packed[: len(packed) - cut])


def test_the_plain_reading_unpacks_what_gzip_packed() -> None:
    """The oracle itself is right where it can be known."""
    draw = random.Random(1)  # noqa: S311 (no secret)
    data = draw.randbytes(1000)
    packed = gzip.compress(data)
    assert unpack(packed) == (data, True)
    assert unpack(packed + b"\0\0" + packed) == (data * 2, True)
    assert unpack(packed + b"x") == (data, False)
    assert unpack(packed[:-1])[1] is False
    assert unpack(b"") == (b"", True)
