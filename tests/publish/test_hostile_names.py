"""Names that would lead elsewhere, or break a path: refused before anything is read or written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


def refused(lake: Path, *arguments: str, document: dict[str, Any] | None = None) -> str:
    """The message with which a command ends; what there is before is what there is after."""
    path = lake.parent / "config.yaml"
    path.write_text(safe_dump(document or config_of(lake), allow_unicode=True))
    before = {*lake.parent.rglob("*")}
    with pytest.raises(ConfigError) as caught:
        CliRunner().invoke(app, [*arguments, "--config", str(path)], catch_exceptions=False)
    assert {*lake.parent.rglob("*")} == before
    return str(caught.value)


def config_of(lake: Path) -> dict[str, Any]:
    document: dict[str, Any] = tiny_config(lake).model_dump(mode="json", exclude_none=True)
    return document


@pytest.mark.parametrize("name", HOSTILE)
def test_a_model_of_such_a_name_is_refused(lake: Path, name: str) -> None:
    document = {**config_of(lake), "name": name}
    assert "name: String should match pattern" in refused(
        lake, "snapshots", "list", document=document
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_field_of_such_a_name_is_refused(lake: Path, name: str) -> None:
    document = config_of(lake)
    document["fields"][0]["name"] = name
    assert "fields.0.name: String should match pattern" in refused(
        lake, "publish", "--date", "2026-01-01", document=document
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_ref_of_such_a_name_is_refused(lake: Path, name: str) -> None:
    option = f"--ref={name}"  # a value that begins with - is a value, too
    assert "not a name of a ref" in refused(lake, "release", "rollback", option)
