"""Where a lake keeps its registry of published snapshots."""

from __future__ import annotations

from pathlib import Path

from shark_core.errors import ConfigError
from shark_core.lake import Lake
from shark_core.publish.object_store import ObjectStore
from shark_core.publish.object_store_local import LocalStore

REGISTRY = "registry"


def store_for(lake: Lake) -> ObjectStore:
    """The store of `<lake>/registry`. Raises `ConfigError` for a lake that is not a folder."""
    if "://" in lake.root:
        raise ConfigError(
            "the registry cannot be kept there",
            expected="a folder as the lake",
            found=lake.root,
            where="lake",
            remedy="set the key 'lake' of the pipeline config to a folder",
        )
    return LocalStore(Path(lake.root).absolute() / REGISTRY)
