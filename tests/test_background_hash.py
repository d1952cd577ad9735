"""A checksum computed in a thread is that of the bytes in their order."""

from __future__ import annotations

import hashlib
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core import background_hash
from shark_core.background_hash import WORTH_A_THREAD, BackgroundHash

SIZES = st.sampled_from([0, 1, 1000, WORTH_A_THREAD - 1, WORTH_A_THREAD, 3 * WORTH_A_THREAD])


@given(
    sizes=st.lists(SIZES, max_size=8),
    ahead=st.sampled_from([0, WORTH_A_THREAD, background_hash.AHEAD]),
)
def test_pieces_of_any_size_give_the_checksum_of_the_whole(sizes: list[int], ahead: int) -> None:
    pieces = [bytes([number]) * size for number, size in enumerate(sizes)]
    digest = BackgroundHash()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(background_hash, "AHEAD", ahead)
        for piece in pieces:
            digest.update(piece)
    assert digest.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()


class Held:
    """A hash that takes nothing before it is let go; it says how often it was given something."""

    def __init__(self) -> None:
        self.let_go = Event()
        self.asked: list[int] = []

    def update(self, data: bytes) -> None:
        assert self.let_go.wait(timeout=60)
        self.asked.append(len(data))


def test_no_more_waits_than_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_hash, "AHEAD", 3 * WORTH_A_THREAD)
    held, digest, piece = Held(), BackgroundHash(), bytes(WORTH_A_THREAD)
    monkeypatch.setattr(digest, "_hash", held)
    for _ in range(3):
        digest.update(piece)  # and does not wait
    assert held.asked == []
    held.let_go.set()
    for _ in range(10):
        digest.update(piece)
        assert digest._bytes_waiting <= 3 * WORTH_A_THREAD


class Failing:
    def update(self, data: bytes) -> None:
        raise MemoryError(len(data))


def test_what_the_hash_raises_is_raised_to_who_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digest = BackgroundHash()
    monkeypatch.setattr(digest, "_hash", Failing())
    digest.update(bytes(WORTH_A_THREAD))
    with pytest.raises(MemoryError):
        digest.hexdigest()
