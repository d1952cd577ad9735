"""A config with a lake that nobody has written to yet."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import yaml

from tests.cli.running import CONFIG


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    (tmp_path / "lake").mkdir()
    path.write_text(yaml.safe_dump({**CONFIG, "lake": str(tmp_path / "lake")}))
    return str(path)


@pytest.fixture(autouse=True)
def _logging_as_before() -> object:
    handlers = logging.root.handlers[:]
    level = logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
