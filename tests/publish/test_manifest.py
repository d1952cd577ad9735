from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from shark_core.errors import DataError
from shark_core.interval import Interval
from shark_core.publish.manifest import Manifest, parse_manifest, snapshot_id
from shark_core.publish.sealed_document import seal, unseal
from tests.publish.expiring_registry import table_on
from tests.publish.snapshots import draft

DAY = Interval.of_day(date(2022, 4, 25))


def changed(of: Manifest | None = None, **changes: Any) -> bytes:
    """A manifest with other values of some keys, sealed."""
    return seal({**unseal((of or draft("0123")).to_bytes()), **changes}, indent=1)


def as_changes(base: str | None) -> Manifest:
    return draft("0123").model_copy(update={"tables": (table_on(base),)})


def test_a_manifest_survives_its_json() -> None:
    assert parse_manifest(draft("0123").to_bytes(), "here") == draft("0123")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_versions_that_this_release_does_not_know_are_refused(version: object) -> None:
    with pytest.raises(DataError, match="format that this release does not know"):
        parse_manifest(changed(format_version=version), "here")


@pytest.mark.parametrize(("base", "features"), [(None, []), ("4567", ["table_deltas"])])
def test_a_table_stored_as_changes_has_its_feature_flag(
    base: str | None, features: list[str]
) -> None:
    content = as_changes(base).to_bytes()
    assert json.loads(content)["features"] == features
    assert parse_manifest(content, "here") == as_changes(base)


def test_features_that_this_release_does_not_know_are_refused_by_name() -> None:
    """Whatever else such a manifest holds: keys may come with a feature."""
    content = changed(features=["table_deltas", "sparse_rows", "bf16"], rows_of="elsewhere")
    with pytest.raises(DataError, match=r"(?s)\['bf16', 'sparse_rows'\].*do: .*newer") as found:
        parse_manifest(content, "here")
    assert "damaged" not in str(found.value)


@pytest.mark.parametrize("base", [None, "4567"])
def test_features_that_contradict_the_tables_are_refused(base: str | None) -> None:
    content = changed(as_changes(base), features=[] if base else ["table_deltas"])
    with pytest.raises(DataError, match=r"(?s)damaged.*features must be"):
        parse_manifest(content, "here")


def test_a_changed_figure_is_damage() -> None:
    content = draft("0123").to_bytes().replace(b"0.73", b"0.93")
    with pytest.raises(DataError, match=r"(?s)damaged.*checksum"):
        parse_manifest(content, "here")


@pytest.mark.parametrize("features", [None, "table_deltas", [1], {}])
def test_features_that_are_no_list_of_names_are_refused(features: object) -> None:
    with pytest.raises(DataError, match=r"(?s)damaged.*list of names"):
        parse_manifest(changed(features=features), "here")


@pytest.mark.parametrize("content", [changed(extra=1), changed(files=3), b"{}", b"[]", b"\xff"])
def test_a_document_that_is_no_manifest_is_refused_with_its_place(content: bytes) -> None:
    with pytest.raises(DataError, match=r"(?s)damaged.*snapshots/0123\.json"):
        parse_manifest(content, "snapshots/0123.json")


def test_attempts_with_the_same_files_have_the_same_content() -> None:
    first, second = (draft("0123").model_copy(update={"attempt": name}) for name in "ab")
    assert first.same_content(second)
    assert not first.same_content(second.model_copy(update={"parent": "4567"}))


def test_the_snapshot_id_is_fixed_by_all_that_content_depends_on() -> None:
    original = ("ctr", DAY, "config", "code", {"compressed": "f1", "evaluation": "f2"})
    others = [
        ("ctr2", *original[1:]),
        ("ctr", Interval.of_day(date(2022, 4, 26)), *original[2:]),
        ("ctr", DAY, "config2", *original[3:]),
        ("ctr", DAY, "config", "code2", original[4]),
        ("ctr", DAY, "config", "code", {"compressed": "f1", "evaluation": "f3"}),
    ]
    ids = {snapshot_id(*arguments) for arguments in [original, *others]}
    assert len(ids) == 6
    assert {len(found) for found in ids} == {16}


def test_the_snapshot_id_does_not_change_between_releases() -> None:
    found = snapshot_id("ctr", DAY, "config", "code", {"b": "2", "a": "1"})
    assert found == snapshot_id("ctr", DAY, "config", "code", {"a": "1", "b": "2"})
    assert found == "202e5d1220d440de"


def test_unknown_files_and_tables_are_named() -> None:
    with pytest.raises(DataError, match=r"nothing\.bin"):
        draft("0123").file("nothing.bin")
    with pytest.raises(DataError, match="user_id"):
        draft("0123").table("user_id")
