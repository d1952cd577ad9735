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


def with_fast_checksums(manifest: Manifest) -> Manifest:
    files = (file.model_copy(update={"xxh3_128": "0" * 32}) for file in manifest.files)
    return manifest.model_copy(update={"files": tuple(files)})


def test_a_manifest_survives_its_json() -> None:
    assert parse_manifest(draft("0123").to_bytes(), "here") == draft("0123")


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_versions_that_this_release_does_not_know_are_refused(version: object) -> None:
    with pytest.raises(DataError, match="format that this release does not know"):
        parse_manifest(changed(format_version=version), "here")


@pytest.mark.parametrize(("base", "of_base"), [(None, []), ("4567", ["table_deltas"])])
@pytest.mark.parametrize(("fast", "of_fast"), [(False, []), (True, ["fast_checksums"])])
def test_tables_stored_as_changes_and_second_checksums_have_their_feature_flags(
    base: str | None, of_base: list[str], fast: bool, of_fast: list[str]
) -> None:
    manifest = with_fast_checksums(as_changes(base)) if fast else as_changes(base)
    content = manifest.to_bytes()
    assert json.loads(content)["features"] == of_fast + of_base
    assert (b"xxh3_128" in content) == fast
    assert parse_manifest(content, "here") == manifest
    in_other_order = changed(manifest, features=of_base + of_fast)
    assert parse_manifest(in_other_order, "here") == manifest


def test_a_checksum_of_some_files_only_is_refused() -> None:
    documents = unseal(with_fast_checksums(draft("0123")).to_bytes())["files"]
    del documents[0]["xxh3_128"]
    content = changed(features=["fast_checksums"], files=documents)
    with pytest.raises(DataError, match=r"(?s)damaged.*every file must have the checksum xxh3_128"):
        parse_manifest(content, "here")


def test_features_that_this_release_does_not_know_are_refused_by_name() -> None:
    """Whatever else such a manifest holds: keys may come with a feature."""
    content = changed(features=["table_deltas", "sparse_rows", "bf16"], rows_of="elsewhere")
    with pytest.raises(DataError, match=r"(?s)\['bf16', 'sparse_rows'\].*do: .*newer") as found:
        parse_manifest(content, "here")
    assert "damaged" not in str(found.value)


@pytest.mark.parametrize("base", [None, "4567"])
def test_features_that_contradict_the_tables_are_refused(base: str | None) -> None:
    said = refused_for_features(as_changes(base), [] if base else ["table_deltas"])
    assert "features must be" in said


@pytest.mark.parametrize("fast", [False, True])
def test_features_that_contradict_the_checksums_are_refused(fast: bool) -> None:
    manifest = with_fast_checksums(draft("0123")) if fast else draft("0123")
    said = refused_for_features(manifest, [] if fast else ["fast_checksums"])
    assert "features must be" in said


def test_a_feature_that_is_listed_twice_is_refused() -> None:
    said = refused_for_features(as_changes("4567"), ["table_deltas"] * 2)
    assert "features must be" in said


def refused_for_features(manifest: Manifest, features: list[str]) -> str:
    """What is said of the manifest with these features."""
    content = changed(manifest, features=features)
    with pytest.raises(DataError, match="damaged") as refused:
        parse_manifest(content, "here")
    return str(refused.value)


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
    assert first.same_content(with_fast_checksums(second))
    assert with_fast_checksums(first).same_content(second)


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
