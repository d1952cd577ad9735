"""Where a lake keeps its registry of published snapshots."""

from __future__ import annotations

from pathlib import Path

from shark_core.config import PipelineConfig
from shark_core.lake_root import base_path, is_on_s3
from shark_core.publish.object_store import ObjectStore
from shark_core.publish.object_store_local import LocalStore

REGISTRY = "registry"


def store_for(config: PipelineConfig) -> ObjectStore:
    """The store of `<lake>/registry`: a folder, or a prefix of the lake's bucket."""
    if not is_on_s3(config.lake):
        return LocalStore(Path(config.lake).absolute() / REGISTRY)
    from shark_core.publish.s3.store import S3Store  # boto3 takes half a second to load

    bucket, _, prefix = base_path(config.lake).partition("/")
    return S3Store(bucket, f"{prefix}/{REGISTRY}" if prefix else REGISTRY, config.registry)
