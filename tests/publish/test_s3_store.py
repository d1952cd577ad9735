"""`S3Store` keeps its promises behind a network that loses, delays and damages what it carries."""

from __future__ import annotations

import time

import pytest

from shark_core.errors import RetryableError
from shark_core.lake_filesystem import ATTEMPTS
from shark_core.publish.s3.store import CONFLICTS, S3Store
from tests.publish.faulty_s3 import (
    ALWAYS,
    Delay,
    Fault,
    FaultyS3,
    LoseReply,
    Refuse,
)
from tests.publish.s3_calls import CALLS, KEY, SENT, read
from tests.publish.stores import keys

pytest_plugins = ["tests.lake_fixtures", "tests.publish.faulty_s3_fixtures"]

AGAIN = r"(?s)does not answer as it should.*run the command again"


# Writes: at most once, and never half


@pytest.mark.parametrize(
    "fault",
    [LoseReply(), Refuse("InternalError", 500, late=True), Refuse("SlowDown", 503, late=True)],
    ids=["no reply", "500 though stored", "503 though stored"],
)
def test_a_put_that_landed_without_our_knowing_is_no_error_and_there_once(
    s3_store: S3Store, network: FaultyS3, fault: Fault
) -> None:
    network.on("PUT", KEY, fault)
    assert s3_store.put_if_absent(KEY, b"ours") in {True, False}
    assert (read(s3_store), keys(s3_store, "ctr")) == (b"ours", [KEY])
    assert network.count("PUT", KEY) == 2


def test_a_put_whose_replies_are_all_lost_is_worth_another_try_which_finds_it(
    s3_store: S3Store, network: FaultyS3
) -> None:
    network.on("PUT", KEY, LoseReply(), times=ATTEMPTS)
    with pytest.raises(RetryableError, match=AGAIN):
        s3_store.put_if_absent(KEY, b"ours")
    assert s3_store.put_if_absent(KEY, b"ours") is False
    assert read(s3_store) == b"ours"


def test_a_lost_reply_does_not_let_a_later_content_win(
    s3_store: S3Store, network: FaultyS3
) -> None:
    network.on("PUT", KEY, LoseReply(), times=ALWAYS)
    with pytest.raises(RetryableError):
        s3_store.put_if_absent(KEY, b"first")
    network.reset()
    assert s3_store.put_if_absent(KEY, b"second") is False
    assert read(s3_store) == b"first"


def test_a_put_that_lands_after_we_gave_up_waiting_changes_nothing(
    s3_store: S3Store, network: FaultyS3, impatient: float
) -> None:
    network.on("PUT", KEY, Delay(impatient * 2))
    assert s3_store.put_if_absent(KEY, b"ours") is True
    time.sleep(impatient * 2)
    assert s3_store.put_if_absent(KEY, b"theirs") is False
    assert read(s3_store) == b"ours"


def test_a_taken_key_gives_false(s3_store: S3Store, network: FaultyS3) -> None:
    network.on("PUT", KEY, Refuse("PreconditionFailed", 412))
    assert s3_store.put_if_absent(KEY, b"ours") is False
    assert network.count("PUT", KEY) == 1


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_two_who_store_a_key_at_once_are_asked_to_try_again_and_do(
    s3_store: S3Store, network: FaultyS3, code: str
) -> None:
    network.on("PUT", KEY, Refuse(code, 409), times=CONFLICTS - 1)
    assert s3_store.put_if_absent(KEY, b"ours") is True
    assert read(s3_store) == b"ours"


def test_a_conflict_that_does_not_end_is_given_up_for_now(
    s3_store: S3Store, network: FaultyS3
) -> None:
    network.on("PUT", KEY, Refuse("ConditionalRequestConflict", 409), times=ALWAYS)
    with pytest.raises(RetryableError, match=AGAIN):
        s3_store.put_if_absent(KEY, b"ours")
    assert network.count("PUT", KEY) == CONFLICTS


# A storage that is busy or silent


@pytest.mark.parametrize(
    ("code", "status"), [("SlowDown", 503), ("InternalError", 500), ("RequestTimeout", 400)]
)
def test_a_busy_storage_is_asked_again(
    s3_store: S3Store, network: FaultyS3, code: str, status: int
) -> None:
    network.on("PUT", KEY, Refuse(code, status))
    network.on("GET", KEY, Refuse(code, status))
    assert s3_store.put_if_absent(KEY, b"ours") is True
    assert read(s3_store) == b"ours"


@pytest.mark.parametrize("name", CALLS)
def test_a_storage_that_stays_busy_is_worth_another_try_later(
    s3_store: S3Store, network: FaultyS3, name: str
) -> None:
    network.on(*SENT[name], Refuse("SlowDown", 503), times=ALWAYS)
    with pytest.raises(RetryableError, match=AGAIN):
        CALLS[name](s3_store)
    assert network.count(*SENT[name]) == ATTEMPTS


def test_a_silent_storage_is_given_up_in_bounded_time(
    s3_store: S3Store, network: FaultyS3, impatient: float
) -> None:
    network.on("PUT", KEY, Delay(impatient * 4), times=ALWAYS)
    started = time.monotonic()
    with pytest.raises(RetryableError, match=r"(?s)Read timeout.*run the command again"):
        s3_store.put_if_absent(KEY, b"ours")
    assert time.monotonic() - started < 2 * impatient + 3  # and room for a busy machine


def test_a_storage_that_cannot_be_reached_is_worth_another_try(
    s3_store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(RetryableError, match=r"(?s)Could not connect.*check the storage and its"):
        s3_store.exists(KEY)
