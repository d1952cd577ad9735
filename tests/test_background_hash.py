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
CALLS = st.lists(st.lists(SIZES, max_size=3), max_size=6)


@given(calls=CALLS, ahead=st.sampled_from([0, WORTH_A_THREAD, background_hash.AHEAD]))
def test_pieces_of_any_size_give_the_checksum_of_the_whole(
    calls: list[list[int]], ahead: int
) -> None:
    content, digest = b"", BackgroundHash()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(background_hash, "AHEAD", ahead)
        for number, sizes in enumerate(calls):
            pieces = [bytes([number, place]) * size for place, size in enumerate(sizes)]
            digest.update(*pieces)
            content += b"".join(pieces)
    assert digest.hexdigest() == hashlib.sha256(content).hexdigest()


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


def test_what_the_hash_raises_is_raised_to_who_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digest = BackgroundHash()
    monkeypatch.setattr(digest, "_hash", None)
    digest.update(bytes(WORTH_A_THREAD))
    with pytest.raises(AttributeError):
        digest.hexdigest()
