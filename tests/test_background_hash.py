"""A checksum computed in a thread is that of the bytes in their order."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from shark_core.background_hash import WORTH_A_THREAD, BackgroundHash

SIZES = st.sampled_from([0, 1, 1000, WORTH_A_THREAD - 1, WORTH_A_THREAD, 3 * WORTH_A_THREAD])


@given(sizes=st.lists(SIZES, max_size=6))
def test_pieces_of_any_size_give_the_checksum_of_the_whole(sizes: list[int]) -> None:
    pieces = [bytes([number]) * size for number, size in enumerate(sizes)]
    digest = BackgroundHash()
    for piece in pieces:
        digest.update(piece)
    assert digest.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()
