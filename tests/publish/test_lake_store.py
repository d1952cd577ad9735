"""Where the registry of a lake lies, and what the config says of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shark_core.config_sections import Registry
from shark_core.errors import ConfigError
from shark_core.publish.lake_store import store_for
from shark_core.publish.object_store_local import LocalStore
from shark_core.publish.s3.store import S3Store
from tests.example_lake import tiny_config
from tests.lake_places import Bucket

pytest_plugins = ["tests.lake_fixtures"]


def test_a_folder_keeps_its_registry_in_a_folder_of_it(tmp_path: Path) -> None:
    store = store_for(tiny_config(tmp_path / "lake"))
    assert store == LocalStore(tmp_path / "lake" / "registry")
    store.put_if_absent("ctr/snapshots/a.json", b"{}")
    assert (tmp_path / "lake/registry/ctr/snapshots/a.json").read_bytes() == b"{}"


def test_a_folder_is_found_from_where_the_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = store_for(tiny_config(Path("lake")))
    monkeypatch.chdir("/")
    assert store == LocalStore(tmp_path / "lake" / "registry")


@pytest.mark.parametrize(
    ("lake", "prefix"),
    [
        ("s3://models", "registry"),
        ("s3://models/", "registry"),
        ("s3://models/ctr/daily", "ctr/daily/registry"),
        ("s3a://models/ctr/daily/", "ctr/daily/registry"),
    ],
)
def test_a_bucket_keeps_its_registry_below_the_prefix_of_the_lake(
    tmp_path: Path, lake: str, prefix: str
) -> None:
    assert store_for(tiny_config(tmp_path, lake=lake)) == S3Store("models", prefix, Registry())


def test_what_the_config_says_of_the_registry_goes_to_the_bucket(tmp_path: Path) -> None:
    options = {"encryption": "aws:kms", "kms_key": "alias/models", "connections": 8}
    store = store_for(tiny_config(tmp_path, lake="s3://models", registry=options))
    assert isinstance(store, S3Store)
    assert store.options.model_dump(exclude_none=True) == options


def test_objects_of_a_lake_on_s3_lie_below_its_registry(tmp_path: Path, bucket: Bucket) -> None:
    store = store_for(tiny_config(tmp_path, lake=bucket.lake.root))
    store.put_if_absent("ctr/snapshots/a.json", b"{}")
    assert bucket.files() == ["registry/ctr/snapshots/a.json"]


@pytest.mark.parametrize("encryption", [{}, {"encryption": "AES256"}])
def test_a_key_of_kms_without_its_encryption_is_refused(
    tmp_path: Path, encryption: dict[str, str]
) -> None:
    with pytest.raises(ConfigError, match="kms_key needs encryption: aws:kms"):
        tiny_config(tmp_path, registry={"kms_key": "alias/models", **encryption})


@pytest.mark.parametrize("acl", ["public-read", "public-read-write"])
def test_published_models_cannot_be_made_public(tmp_path: Path, acl: str) -> None:
    with pytest.raises(ConfigError, match="acl"):
        tiny_config(tmp_path, registry={"acl": acl})
