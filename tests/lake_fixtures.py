"""Fixtures of tests that run on both kinds of lake: `pytest_plugins = ["tests.lake_fixtures"]`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shark_core.lake import Lake
from tests.lake_places import Bucket, Folder, Place
from tests.moto_s3 import moto_server, new_bucket, s3_environment


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3_variables(
    moto_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Sets in this process what it needs to find the server, and nothing else of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    variables = s3_environment(moto_endpoint, tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def bucket(moto_endpoint: str, s3_variables: dict[str, str]) -> Bucket:
    return Bucket(moto_endpoint, new_bucket(moto_endpoint))


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Folder(tmp_path / "lake")
    found: Bucket = request.getfixturevalue("bucket")
    return found


@pytest.fixture
def lake(place: Place) -> Lake:
    return place.lake
