"""What `S3Store` reads is whole and undamaged, or an error."""

from __future__ import annotations

import random

import pytest

from shark_core.errors import DataError, RetryableError
from shark_core.publish.s3.checked_body import BUFFER_BYTES
from shark_core.publish.s3.store import S3Store
from tests.publish.faulty_s3 import (
    ALWAYS,
    PREFIX,
    Fault,
    FaultyS3,
    FlipByte,
    Refuse,
    Truncate,
)
from tests.publish.s3_calls import KEY, read
from tests.publish.stores import keys

pytest_plugins = ["tests.lake_fixtures", "tests.publish.faulty_s3_fixtures"]

CONTENT = b"what was stored"
AGAIN = r"(?s)does not answer as it should.*run the command again"


@pytest.mark.parametrize("size", [-1, 4, len(CONTENT)])
@pytest.mark.parametrize("fault", [Truncate(), FlipByte()], ids=["truncated", "a byte flipped"])
def test_what_is_damaged_on_its_way_is_never_taken_for_the_content(
    s3_store: S3Store, network: FaultyS3, fault: Fault, size: int
) -> None:
    s3_store.put_if_absent(KEY, CONTENT)
    network.on("GET", KEY, fault)
    with pytest.raises(RetryableError, match=AGAIN):
        read(s3_store, size)
    assert read(s3_store, size) == CONTENT


def test_who_reads_no_further_than_the_size_is_told_of_damage_too(
    s3_store: S3Store, network: FaultyS3
) -> None:
    s3_store.put_if_absent(KEY, CONTENT)
    network.on("GET", KEY, FlipByte())
    with pytest.raises(RetryableError, match="checksum"), s3_store.open(KEY) as file:
        file.read(len(CONTENT))


def test_an_object_of_more_than_a_buffer_is_read_in_pieces_of_any_size(s3_store: S3Store) -> None:
    content = random.Random(1).randbytes(3 * BUFFER_BYTES + 7)
    s3_store.put_if_absent(KEY, content)
    assert read(s3_store, 700_001) == content
    assert read(s3_store) == content


def test_a_reader_may_stop_before_the_end(s3_store: S3Store) -> None:
    s3_store.put_if_absent(KEY, CONTENT * BUFFER_BYTES)
    with s3_store.open(KEY) as file:
        assert file.read(len(CONTENT)) == CONTENT


def test_a_list_that_is_cut_off_is_an_error_not_a_shorter_list(
    s3_store: S3Store, network: FaultyS3
) -> None:
    s3_store.put_if_absent(KEY, b"")
    network.on("GET", "list-type=2", Truncate(), times=ALWAYS)
    with pytest.raises(RetryableError, match=AGAIN):
        keys(s3_store, "ctr")


def test_an_answer_that_is_not_of_s3_is_worth_another_try(
    s3_store: S3Store, network: FaultyS3
) -> None:
    """As proxies and portals give, with status 200."""
    network.on("GET", "list-type=2", Refuse("<html>", 200), times=ALWAYS)
    with pytest.raises(RetryableError, match=AGAIN):
        keys(s3_store, "ctr")


def test_a_missing_object_is_told_from_a_busy_storage(s3_store: S3Store) -> None:
    assert s3_store.exists(KEY) is False
    with pytest.raises(DataError, match=rf"(?s)missing.*s3://.*/{PREFIX}/{KEY}"):
        s3_store.size(KEY)
