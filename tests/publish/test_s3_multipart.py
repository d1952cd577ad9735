"""Uploads in parts: whole at the key or not at all, nothing left behind, bounded memory."""

from __future__ import annotations

import math
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.config_sections import Registry
from shark_core.errors import ConfigError, RetryableError
from shark_core.publish.s3.multipart import MOST_PARTS, PART_BYTES, part_bytes
from shark_core.publish.s3.store import CONFLICTS, S3Store
from tests.lake_places import Bucket
from tests.publish.faulty_s3 import ALWAYS, PREFIX, Delay, FaultyS3, LoseReply, Refuse

pytest_plugins = ["tests.lake_fixtures", "tests.publish.faulty_s3_fixtures"]

KEY = "ctr/data/0123456789abcdef/00000000/table=user/tier=int8/part-00000.parquet"
CONTENT = b"".join(bytes([number]) * 1000 for number in range(3)) + b"end"
PARTS = 4
CONFLICT = Refuse("ConditionalRequestConflict", 409)


@pytest.fixture
def s3_store(s3_store: S3Store, small_parts: int) -> S3Store:
    """Sends `CONTENT` in `PARTS`."""
    assert math.ceil(len(CONTENT) / small_parts) == PARTS
    return s3_store


def put(store: S3Store) -> bool:
    return store.put_file_if_absent(KEY, BytesIO(CONTENT))


def read(store: S3Store) -> bytes:
    with store.open(KEY) as file:
        return file.read()


def uploads(bucket: Bucket) -> list[Any]:
    """Those that were neither completed nor aborted."""
    found = bucket.client.list_multipart_uploads(Bucket=bucket.name)
    return list(found.get("Uploads", []))


# Parts


@pytest.mark.parametrize(
    "fault",
    [
        LoseReply(),
        Refuse("SlowDown", 503),
        Refuse("InternalError", 500, late=True),
        Delay(0.6),
    ],
    ids=["no reply", "busy", "500 though stored", "later than we wait"],
)
def test_a_part_that_fails_once_is_sent_again(
    s3_store: S3Store, network: FaultyS3, bucket: Bucket, impatient: float, fault: Any
) -> None:
    network.on("PUT", "partNumber=2", fault)
    assert put(s3_store) is True
    assert (read(s3_store), uploads(bucket)) == (CONTENT, [])
    assert network.count("PUT", "partNumber=2") == 2


@pytest.mark.parametrize(
    ("code", "status"),
    [("InternalError", 500), ("SlowDown", 503), ("BadDigest", 400), ("NoSuchUpload", 404)],
)
def test_a_part_that_fails_for_good_aborts_the_upload(
    s3_store: S3Store, network: FaultyS3, bucket: Bucket, code: str, status: int
) -> None:
    network.on("PUT", "partNumber=2", Refuse(code, status), times=ALWAYS)
    with pytest.raises(RetryableError, match=f"(?s){code}.*run the command again"):
        put(s3_store)
    assert (uploads(bucket), s3_store.exists(KEY)) == ([], False)


def test_a_refused_part_aborts_the_upload_too(
    s3_store: S3Store, network: FaultyS3, bucket: Bucket
) -> None:
    network.on("PUT", "partNumber=4", Refuse("AccessDenied", 403))
    with pytest.raises(ConfigError, match="check the credentials"):
        put(s3_store)
    assert (uploads(bucket), s3_store.exists(KEY)) == ([], False)


def test_an_abort_that_fails_does_not_hide_why_there_was_one(
    s3_store: S3Store, network: FaultyS3
) -> None:
    network.on("PUT", "partNumber=2", Refuse("InternalError", 500), times=ALWAYS)
    network.on("DELETE", "uploadId", Refuse("AccessDenied", 403), times=ALWAYS)
    with pytest.raises(RetryableError, match="UploadPart"):
        put(s3_store)
    assert network.count("DELETE", "uploadId") == 1


class SlowNetwork:
    """A fault that counts the parts that it carried."""

    def __init__(self) -> None:
        self.parts = 0

    def answer(self, *request: Any) -> Any:
        carried = Delay(0.1).answer(*request)
        self.parts += 1
        return carried


class CountingSource(BytesIO):
    """Counts, whenever a part is read, how many are read and not yet carried."""

    def __init__(self, content: bytes, network: SlowNetwork) -> None:
        super().__init__(content)
        self.network = network
        self.parts = self.held = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.parts += bool(content)
        self.held = max(self.held, self.parts - self.network.parts)
        return content


@pytest.mark.parametrize("connections", [1, 3])
def test_as_many_parts_are_in_memory_as_are_sent_at_once(
    network: FaultyS3, bucket: Bucket, small_parts: int, connections: int
) -> None:
    slow = SlowNetwork()
    network.on("PUT", "partNumber", slow, times=ALWAYS)
    source = CountingSource(b"x" * small_parts * 8, slow)
    store = S3Store(bucket.name, PREFIX, Registry(connections=connections))
    assert store.put_file_if_absent(KEY, source) is True
    assert (source.parts, source.held) == (8, connections)


@given(st.integers(0, 1 << 50))
def test_no_file_needs_more_parts_than_there_may_be(size: int) -> None:
    assert math.ceil(size / part_bytes(size)) <= MOST_PARTS
    assert part_bytes(size) >= PART_BYTES >= 5 << 20  # S3 refuses smaller ones


# Completion


def test_a_completion_whose_reply_is_lost_finds_the_object_there(
    s3_store: S3Store, network: FaultyS3, bucket: Bucket
) -> None:
    network.on("POST", "uploadId", LoseReply())
    assert put(s3_store) in {True, False}
    assert (read(s3_store), uploads(bucket)) == (CONTENT, [])


@pytest.mark.parametrize(("code", "status"), [("NoSuchUpload", 404), ("PreconditionFailed", 412)])
def test_a_completion_that_was_done_already_gives_false(
    s3_store: S3Store, network: FaultyS3, bucket: Bucket, code: str, status: int
) -> None:
    network.on("POST", "uploadId", LoseReply())
    network.on("POST", "uploadId", Refuse(code, status), first=2)
    assert put(s3_store) is False
    assert (read(s3_store), uploads(bucket)) == (CONTENT, [])


def test_an_upload_that_somebody_else_ended_is_worth_another_try(
    s3_store: S3Store, network: FaultyS3
) -> None:
    network.on("POST", "uploadId", Refuse("NoSuchUpload", 404))
    with pytest.raises(RetryableError, match=r"(?s)NoSuchUpload.*run the command again"):
        put(s3_store)
    assert put(s3_store) is True


def test_a_key_that_was_taken_meanwhile_gives_false_and_leaves_no_parts(
    s3_store: S3Store, network: FaultyS3, bucket: Bucket
) -> None:
    s3_store.put_if_absent(KEY, b"theirs")
    assert put(s3_store) is False
    assert (read(s3_store), uploads(bucket)) == (b"theirs", [])


def test_a_conflict_at_completion_sends_the_parts_again(
    s3_store: S3Store, network: FaultyS3, bucket: Bucket
) -> None:
    network.on("POST", "uploadId", CONFLICT)
    assert put(s3_store) is True
    assert (read(s3_store), uploads(bucket)) == (CONTENT, [])
    assert network.count("PUT", "partNumber") == 2 * PARTS


def test_a_conflict_at_completion_that_does_not_end_is_given_up_for_now(
    s3_store: S3Store, network: FaultyS3, bucket: Bucket
) -> None:
    network.on("POST", "uploadId", CONFLICT, times=ALWAYS)
    with pytest.raises(RetryableError, match="run the command again"):
        put(s3_store)
    assert (uploads(bucket), s3_store.exists(KEY)) == ([], False)
    assert network.count("POST", "uploadId") == CONFLICTS


def test_a_completion_that_fails_behind_a_status_of_200_is_not_taken_for_done(
    s3_store: S3Store, network: FaultyS3
) -> None:
    """S3 answers long completions before it knows how they end."""
    network.on("POST", "uploadId", Refuse("InternalError", 200))
    assert put(s3_store) is True
    assert read(s3_store) == CONTENT
    assert network.count("POST", "uploadId") == 2
