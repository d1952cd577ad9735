"""What is in a bucket, and what a writer needs for it, while partitions are written and fail."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from shark_core import lake_filesystem
from shark_core.errors import ConfigError, RetryableError
from shark_core.lake import MARKER_NAME, Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import EXAMPLES
from tests.lake_places import Bucket
from tests.moto_s3 import moto_server, new_bucket

pytest_plugins = ["tests.lake_fixtures"]

TARGET = partition(EXAMPLES, date(2026, 1, 2))
RUN = RunStamp("confighash", "0.0.0+test")
SCHEMA = pa.schema([("noise", pa.float64())])
ROWS = 1 << 20
WRITE_MUCH = """
import resource, sys
from datetime import date
import numpy, pyarrow
from shark_core.lake import Lake, partition
from shark_core.partition_writer import PartitionWriter, RunStamp
from shark_core.schemas import EXAMPLES

batch = pyarrow.record_batch({"noise": numpy.random.default_rng(0).random(1 << 20)})
target = partition(EXAMPLES, date(2026, 1, 2))
with PartitionWriter(Lake(sys.argv[1]), target, RunStamp("config", "code")) as writer:
    for count in (2, 16):
        writer.write_batches(f"{count}.parquet", batch.schema, [batch] * count)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
"""


def attempt(lake: Lake) -> PartitionWriter:
    return PartitionWriter(lake, TARGET, RUN)


def write(lake: Lake, value: int) -> None:
    with attempt(lake) as writer:
        writer.write_table("part-00000.parquet", pa.table({"a": [value]}))
        writer.commit(inputs={})


def noise(batches: int) -> Iterator[pa.RecordBatch]:
    """8 MiB each, which nothing compresses."""
    random = np.random.default_rng(0)
    for _ in range(batches):
        yield pa.record_batch([pa.array(random.random(ROWS))], schema=SCHEMA)


def test_a_file_of_many_parts_is_whole(bucket: Bucket) -> None:
    with attempt(bucket.lake) as writer:
        writer.write_batches("part-00000.parquet", SCHEMA, noise(4))
        writer.commit(inputs={})
    expected = pa.Table.from_batches(noise(4))
    assert bucket.lake.read_table(TARGET).equals(expected)


def test_a_writer_that_fails_after_many_parts_leaves_no_file_and_no_upload(bucket: Bucket) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from noise(4)
        assert bucket.client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), attempt(bucket.lake) as writer:
        writer.write_batches("part-00000.parquet", SCHEMA, batches())
    assert bucket.files() == []
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.name)


def test_memory_does_not_grow_with_the_file(bucket: Bucket) -> None:
    command = [sys.executable, "-c", WRITE_MUCH, bucket.lake.root]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    small, large = map(int, done.stdout.split())
    assert large - small < 40, "MiB more for a file of 128 MiB than for one of 16"


def test_a_first_write_makes_no_object_for_a_folder(bucket: Bucket) -> None:
    write(bucket.lake, 1)
    assert bucket.keys() == bucket.files()
    assert len(bucket.keys()) == 2


def test_objects_for_folders_change_nothing_for_readers_and_writers(bucket: Bucket) -> None:
    write(bucket.lake, 1)
    for folder in ("", "examples/", f"{TARGET.path}/", f"{TARGET.path}/sub/"):
        bucket.write(folder, b"")
    write(bucket.lake, 2)
    assert bucket.lake.read_table(TARGET).to_pydict() == {"a": [2]}
    assert list(bucket.lake.days(EXAMPLES)) == [date(2026, 1, 2)]
    assert len(bucket.files()) == 2


def test_a_removal_leaves_at_most_the_empty_object_of_its_own_folder(bucket: Bucket) -> None:
    write(bucket.lake, 1)
    write(bucket.lake, 2)
    assert set(bucket.keys()) - set(bucket.files()) <= {f"{TARGET.path}/"}
    assert bucket.lake.read_table(TARGET).to_pydict() == {"a": [2]}


def test_a_small_file_is_one_request(bucket: Bucket) -> None:
    """One PUT: it is there whole, or not at all, though it is never renamed."""
    with attempt(bucket.lake) as writer:
        written = writer.files.write_bytes("plan.json", b"{}")
        writer.add([written])
        head = bucket.client.head_object(Bucket=bucket.name, Key=f"{bucket.prefix}/{written.path}")
        writer.commit(inputs={})
    assert "-" not in head["ETag"]  # S3's sign of an upload in parts
    assert bucket.files()[0].endswith(MARKER_NAME)


def test_no_bucket_is_made(s3_variables: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="bucket does not exist"):
        write(Lake("s3://no-such-bucket-was-made"), 1)


def test_a_bucket_that_goes_away_while_writing_is_a_config_error(bucket: Bucket) -> None:
    assert list(bucket.lake.days(EXAMPLES)) == []
    bucket.client.delete_bucket(Bucket=bucket.name)
    with pytest.raises(ConfigError, match=r"(?s)bucket does not exist.*plan-[\w-]+.json"):
        attempt(bucket.lake).write_bytes("plan.json", b"{}")


def test_a_storage_that_goes_away_while_writing_is_worth_another_try(
    s3_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from noise(2)
        server.close()
        yield from noise(2)

    monkeypatch.setattr(lake_filesystem, "ATTEMPTS", 1)
    with ExitStack() as server:
        endpoint = server.enter_context(moto_server())
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        lake = Bucket(endpoint, new_bucket(endpoint)).lake
        with pytest.raises(RetryableError) as caught, attempt(lake) as writer:
            writer.write_batches("part-00000.parquet", SCHEMA, batches())
    assert "does not answer" in str(caught.value)
    assert f"{TARGET.path}/part-00000-" in str(caught.value)
    assert any("left, unread, to the next" in note for note in caught.value.__notes__)
