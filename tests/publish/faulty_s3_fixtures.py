"""Fixtures of tests of `S3Store` behind a network that fails on purpose.

`pytest_plugins = ["tests.lake_fixtures", "tests.publish.faulty_s3_fixtures"]`
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pytest
from botocore.loaders import JSONFileLoader
from botocore.retries.standard import ExponentialBackoff
from moto.s3 import models as moto_s3_models

from shark_core.config_sections import Registry
from shark_core.publish.s3 import client, multipart
from shark_core.publish.s3 import store as store_module
from shark_core.publish.s3.store import S3Store
from tests.lake_places import Bucket
from tests.publish.faulty_s3 import PREFIX, FaultyS3, faulty_s3
from tests.publish.s3_calls import CALLS, Call

PART = 1000


@pytest.fixture(scope="session")
def faulty_server() -> Iterator[tuple[str, FaultyS3]]:
    with faulty_s3() as started:
        yield started


@pytest.fixture(scope="session")
def descriptions_read_once() -> Iterator[None]:
    """boto3's files of what services are like: most of the time that it takes to make a client."""
    with pytest.MonkeyPatch.context() as patch:
        load = lru_cache(JSONFileLoader().load_file)
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: load(path))
        yield


@pytest.fixture
def network(
    descriptions_read_once: None,
    faulty_server: tuple[str, FaultyS3],
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> FaultyS3:
    """Between this process and `bucket`; nobody waits before another attempt.

    Each test has variables of its own, such as AWS_CONFIG_FILE, and with them a client of its own.
    """
    endpoint, network = faulty_server
    network.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
    monkeypatch.setattr(store_module, "CONFLICT_SECONDS", 0.0)
    return network


@pytest.fixture
def s3_store(network: FaultyS3, bucket: Bucket) -> S3Store:
    return S3Store(bucket.name, PREFIX, Registry())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds that a client made from here on waits for an answer, twice."""
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(client, "ATTEMPTS", 2)
    return 0.3


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes of a part, and of the largest file that is sent whole."""
    monkeypatch.setattr(multipart, "PART_BYTES", PART)
    monkeypatch.setattr(store_module, "PART_BYTES", PART)
    monkeypatch.setattr(moto_s3_models, "S3_UPLOAD_PART_MIN_SIZE", 1)
    return PART


@pytest.fixture(params=["put", "open", "exists", "list"])
def call(request: pytest.FixtureRequest) -> Call:
    return CALLS[request.param]
