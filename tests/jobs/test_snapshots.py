"""`python -m jobs snapshots …`, as a person types it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobs.assign_tiers import assign_tiers
from jobs.cli import app
from jobs.context import DayContext
from jobs.finetune import finetune
from shark_core.errors import DataError
from tests.jobs.compressed_day import catalog_of, head, run_command, run_to_publish

OTHER_TIERS = {"int8_below": 1, "fp16_below": 9}
DAYS_AGO = 24 * 3600


@dataclass(frozen=True)
class TwoSnapshots:
    """`production` points to the first, `candidate` to the second, of other tiers."""

    context: DayContext
    first: str
    second: str

    @property
    def registry(self) -> Path:
        return Path(self.context.config.lake) / "registry"

    def run(self, *arguments: str) -> dict[str, Any]:
        return run_command(self.context, "snapshots", *arguments)

    def printed(self, *arguments: str) -> str:
        """What a person sees on a terminal of 100 columns."""
        config = Path(self.context.config.lake) / "config.yaml"
        command = ["snapshots", *arguments, "--config", str(config)]
        done = CliRunner(env={"COLUMNS": "100"}).invoke(app, command, catch_exceptions=False)
        assert max(len(line) for line in done.stdout.splitlines()) <= 100
        return done.stdout

    def files(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.registry.rglob("*") if path.is_file()}

    def grow_old(self, days: int) -> None:
        for path in self.registry.rglob("*"):
            at = path.stat().st_mtime - days * DAYS_AGO
            os.utime(path, (at, at))

    def data_file(self, snapshot_id: str, pattern: str) -> Path:
        return next((self.registry / "tiny/data" / snapshot_id).rglob(pattern))


@pytest.fixture
def two(make_context: Callable[..., DayContext]) -> TwoSnapshots:
    context = make_context()
    run_to_publish(context)
    first = str(head(context, "candidate"))
    catalog_of(context).promote("production", first, "p0", expect=None)
    again = make_context(tiers=OTHER_TIERS)
    for job in (assign_tiers, finetune):
        job(again)
    run_to_publish(again)
    found = TwoSnapshots(again, first, str(head(again, "candidate")))
    assert found.second != found.first
    found.run("list")  # writes the config
    return found


def test_the_list_has_bytes_ratio_gates_and_refs(two: TwoSnapshots) -> None:
    lines = {line["snapshot"]: line for line in two.run("list")["snapshots"]}
    assert {each: line["refs"] for each, line in lines.items()} == {
        two.first: ["production"],
        two.second: ["candidate"],
    }
    line = lines[two.second]
    manifest = catalog_of(two.context).snapshot(two.second)
    assert line["day"] == "2026-01-02"
    assert line["bytes"] == sum(file.bytes for file in manifest.files)
    assert line["ratio"] == manifest.metrics["compression_ratio"]
    assert line["failed_gates"] == []
    text = two.printed("list")
    for word in (two.first, two.second, "production", "passed", "2026-01-02"):
        assert word in text


def test_a_damaged_manifest_does_not_hide_the_others(two: TwoSnapshots) -> None:
    (two.registry / f"tiny/snapshots/{two.first}.json").write_text("{}")
    lines = {line["snapshot"]: line for line in two.run("list")["snapshots"]}
    assert "damaged" in lines[two.first]["problem"]
    assert lines[two.second]["day"] == "2026-01-02"
    assert "damaged" in two.printed("list")


@pytest.mark.parametrize("by", ["ref", "id", "beginning"])
def test_a_snapshot_is_shown_by_ref_id_or_beginning(two: TwoSnapshots, by: str) -> None:
    name = {"ref": "production", "id": two.first, "beginning": two.first[:8]}[by]
    shown = two.run("show", name)
    assert (shown["snapshot"], shown["refs"]) == (two.first, ["production"])
    assert set(shown["tables"]) == {"user", "item", "tags"} - set(shown["pruned"])
    for found in shown["tables"].values():
        assert found["row_bytes"] > 0
        assert found["disk_bytes"] > 0
    text = two.printed("show", name)
    assert all(field in text for field in shown["tables"])


def test_a_diff_tells_rows_by_tier_bytes_and_metrics(two: TwoSnapshots) -> None:
    diff = two.run("diff", "production", "candidate")
    assert (diff["before"], diff["after"]) == (two.first, two.second)
    assert diff["added"] == diff["removed"] == diff["pruned"] == []
    rows = [tiers for table in diff["tables"].values() for tiers in table["rows"].values()]
    assert any(found["before"] != found["after"] for found in rows)
    metric = diff["metrics"]["payload_bytes"]
    assert metric["change"] == metric["after"] - metric["before"] != 0
    text = two.printed("diff", "production", "candidate")
    assert "→" in text
    assert "payload_bytes" in text


def test_a_sound_snapshot_is_verified_with_all_its_files(two: TwoSnapshots) -> None:
    found = two.run("verify", "candidate")
    manifest = catalog_of(two.context).snapshot(two.second)
    assert found["problems"] == 0
    assert len(found["files"]) >= len(manifest.files)
    assert {each["field"] for each in found["tables"]} == {t.field for t in manifest.tables}
    assert "intact" in two.printed("verify", "candidate")


def test_a_damaged_file_is_told_and_ends_with_65(two: TwoSnapshots) -> None:
    path = two.data_file(two.first, "*.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(DataError, match="2 problem") as damaged:
        two.printed("verify", "production")
    assert damaged.value.exit_code == 65
    with pytest.raises(DataError, match="damaged"):
        two.run("verify", "production")


def test_expire_says_what_may_go_and_deletes_nothing_unasked(two: TwoSnapshots) -> None:
    two.grow_old(90)
    catalog_of(two.context).promote("production", two.second, "p1", expect=two.first)
    before = two.files()
    arguments = ("expire", "--keep-entries", "1", "--keep-days", "0")
    dry = two.run(*arguments)
    assert "a dry run" in two.printed(*arguments)
    assert two.files() == before
    assert dry["applied"] is False
    assert [(each["name"], each["reason"]) for each in dry["snapshots"]] == [
        (two.first, "all refs moved on")
    ]
    assert dry["kept"] == [two.second]


def test_expire_applied_removes_what_it_said_and_no_more(two: TwoSnapshots) -> None:
    two.grow_old(90)
    catalog_of(two.context).promote("production", two.second, "p1", expect=two.first)
    before = two.files()
    done = two.run("expire", "--keep-entries", "1", "--keep-days", "0", "--apply")
    gone = before.keys() - two.files().keys()
    assert done["bytes"] == sum(len(before[path]) for path in gone) > 0
    assert {path.relative_to(two.registry).parts[2] for path in gone} == {
        two.first,
        f"{two.first}.json",
    }
    assert two.run("verify", "production")["problems"] == 0
    assert two.run("fsck")["findings"] == []


def test_refs_can_be_looked_at_after_what_they_pointed_to_has_expired(two: TwoSnapshots) -> None:
    two.grow_old(90)
    catalog_of(two.context).promote("production", two.second, "p1", expect=two.first)
    two.run("expire", "--keep-entries", "1", "--keep-days", "0", "--apply")
    history = run_command(two.context, "release", "history", "--ref", "production")
    assert history["0"]["failed_gates"] == "unknown: it has expired"
    assert history["1"]["snapshot"] == two.second
    with pytest.raises(DataError, match="what the ref pointed to before has expired"):
        run_command(two.context, "release", "rollback", "--ref", "production")
    assert head(two.context, "production") == two.second


def test_by_default_what_refs_pointed_to_lately_stays(two: TwoSnapshots) -> None:
    two.grow_old(90)
    catalog_of(two.context).promote("production", two.second, "p1", expect=two.first)
    assert two.run("expire", "--apply")["snapshots"] == []


def test_fsck_reports_orphans_and_ends_well(two: TwoSnapshots) -> None:
    orphan = two.registry / "tiny/data/0123456789abcdef/killed/dense.safetensors"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"1234")
    (finding,) = two.run("fsck")["findings"]
    assert (finding["key"], finding["bytes"], finding["broken"]) == (
        "tiny/data/0123456789abcdef/killed",
        4,
        False,
    )
    assert "1 finding(s), 0 of them broken" in two.printed("fsck")


def test_fsck_ends_with_65_where_something_is_broken(two: TwoSnapshots) -> None:
    two.data_file(two.first, "*.parquet").unlink()
    with pytest.raises(DataError, match="1 problem") as broken:
        two.printed("fsck")
    assert broken.value.exit_code == 65
