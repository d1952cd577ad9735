"""Where `S3Store` puts objects, and what goes with them: encryption, ACL."""

from __future__ import annotations

from io import BytesIO

import pytest

from shark_core.config_sections import Registry
from shark_core.errors import ConfigError
from shark_core.publish.s3.store import S3Store
from tests.lake_places import Bucket
from tests.publish.faulty_s3 import (
    PREFIX,
    FaultyS3,
)
from tests.publish.s3_calls import KEY
from tests.publish.stores import keys

pytest_plugins = ["tests.lake_fixtures", "tests.publish.faulty_s3_fixtures"]


@pytest.mark.parametrize(("prefix", "below"), [(PREFIX, f"{PREFIX}/{KEY}"), ("", KEY)])
def test_keys_lie_below_the_prefix(
    network: FaultyS3, bucket: Bucket, prefix: str, below: str
) -> None:
    store = S3Store(bucket.name, prefix, Registry())
    store.put_if_absent(KEY, b"ours")
    found = bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"]
    assert [entry["Key"] for entry in found] == [below]
    assert keys(store, "ctr/refs") == [KEY]


def test_neighbours_of_the_prefix_are_not_listed(s3_store: S3Store, bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=f"{PREFIX}-old/{KEY}", Body=b"")
    assert keys(s3_store, "ctr") == []


def test_the_endpoint_of_s3_goes_before_the_one_of_all_services(
    s3_store: S3Store, network: FaultyS3, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bucket.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert s3_store.put_if_absent(KEY, b"ours") is True
    assert network.requests == []


@pytest.mark.parametrize("size", [10, 2500], ids=["whole", "in parts"])
@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"encryption": "AES256"}, {"ServerSideEncryption": "AES256"}),
        ({"encryption": "aws:kms"}, {"ServerSideEncryption": "aws:kms"}),
        (
            {"encryption": "aws:kms", "kms_key": "alias/models"},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/models"},
        ),
    ],
    ids=["AES256", "default key of kms", "key of kms"],
)
def test_objects_are_encrypted_as_the_config_says(
    network: FaultyS3,
    bucket: Bucket,
    small_parts: int,
    options: dict[str, str],
    found: dict[str, str],
    size: int,
) -> None:
    store = S3Store(bucket.name, PREFIX, Registry.model_validate(options))
    store.put_file_if_absent(KEY, BytesIO(b"x" * size))
    head = bucket.client.head_object(Bucket=bucket.name, Key=f"{PREFIX}/{KEY}")
    assert {name: head[name] for name in found} == found
    assert network.count("POST", "?uploads") == (size > small_parts)


@pytest.mark.parametrize("size", [10, 2500], ids=["whole", "in parts"])
def test_objects_get_the_acl_that_the_config_says(
    network: FaultyS3, bucket: Bucket, small_parts: int, size: int
) -> None:
    store = S3Store(bucket.name, PREFIX, Registry(acl="authenticated-read"))
    store.put_file_if_absent(KEY, BytesIO(b"x" * size))
    acl = bucket.client.get_object_acl(Bucket=bucket.name, Key=f"{PREFIX}/{KEY}")
    readers = [grant for grant in acl["Grants"] if grant["Permission"] == "READ"]
    assert [grant["Grantee"]["URI"].rpartition("/")[2] for grant in readers] == [
        "AuthenticatedUsers"
    ]


def test_a_key_that_could_leave_the_prefix_asks_nothing_of_the_storage(
    s3_store: S3Store, network: FaultyS3
) -> None:
    with pytest.raises(ConfigError, match="not a key"):
        s3_store.delete("../../other/object")
    assert network.requests == []
