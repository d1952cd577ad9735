"""`pytest_plugins = ["tests.lake_fixtures", "tests.publish.store_fixtures"]` gives `shelf`."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from shark_core.lake_root import base_path, canonical_root
from tests.publish.stores import BucketShelf, FolderShelf, Shelf

OWN_BUCKET = "SHARK_TEST_S3"  # s3://bucket/prefix, with AWS_ variables for it


@pytest.fixture(params=["folder", "bucket", "own bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "folder":
        yield FolderShelf(tmp_path / "registry")
    elif request.param == "bucket":
        yield BucketShelf(request.getfixturevalue("bucket").name, "models/registry")
    else:
        own = _own_bucket()
        yield own
        own.empty()


def _own_bucket() -> BucketShelf:
    root = os.environ.get(OWN_BUCKET)
    if root is None:
        pytest.skip(f"set {OWN_BUCKET}=s3://bucket/prefix and AWS_ variables to run this on it")
    bucket, _, prefix = base_path(canonical_root(root)).partition("/")
    return BucketShelf(bucket, "/".join(filter(None, [prefix, f"test-{secrets.token_hex(6)}"])))
