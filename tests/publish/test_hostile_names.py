"""Names that would lead elsewhere, or break a path: refused before anything is read or written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner
from yaml import safe_dump

from jobs.cli import app
from shark_core.errors import ConfigError
from tests.example_lake import tiny_config

HOSTILE = [
    *("../elsewhere", "a/../../b", "/etc/passwd", "a/b", ".", "..", ".hidden"),
    *("two words", "quote'", 'quote"', "back\\slash", "ünicode", "名", "a\nb", "a\x00b", "%2e%2e"),
    *("", "A", "$(touch x)", "a;b", "-flag", "a" * 200),
]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    (tmp_path / "lake").mkdir()
    return tmp_path / "lake"


def run(lake: Path, *arguments: str, change: Callable[[dict], None] = lambda _: None) -> None:  # type: ignore[type-arg]
    document = tiny_config(lake).model_dump(mode="json", exclude_none=True)
    change(document)
    path = lake.parent / "config.yaml"
    path.write_text(safe_dump(document, allow_unicode=True))
    before = {*lake.parent.rglob("*")}
    with pytest.raises(ConfigError):
        CliRunner().invoke(app, [*arguments, "--config", str(path)], catch_exceptions=False)
    assert {*lake.parent.rglob("*")} == before


@pytest.mark.parametrize("name", HOSTILE)
def test_a_model_of_such_a_name_is_refused(lake: Path, name: str) -> None:
    def change(document: dict) -> None:  # type: ignore[type-arg]
        document["name"] = name

    run(lake, "snapshots", "list", change=change)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_field_of_such_a_name_is_refused(lake: Path, name: str) -> None:
    def change(document: dict) -> None:  # type: ignore[type-arg]
        document["fields"][0]["name"] = name

    run(lake, "publish", "--date", "2026-01-01", change=change)


@pytest.mark.parametrize("name", [name for name in HOSTILE if not name.startswith("-")])
def test_a_ref_of_such_a_name_is_refused(lake: Path, name: str) -> None:
    run(lake, "release", "rollback", "--ref", name)
