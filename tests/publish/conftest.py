from __future__ import annotations

from pathlib import Path

import pytest

from shark_core.publish.catalog import Catalog
from shark_core.publish.object_store_local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "registry")


@pytest.fixture
def catalog(store: LocalStore) -> Catalog:
    return Catalog(store, "ctr")
