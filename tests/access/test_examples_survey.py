"""What backfill-examples takes for missing on a branch, and what it leaves alone."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from jobs.backfill_examples import backfill_examples
from jobs.backfilling import Backfill
from jobs.ingest import ingest
from shark_core.config import PipelineConfig
from shark_core.errors import ConfigError, DataError
from shark_core.lake import Lake
from shark_core.schemas import EXAMPLES
from tests.access.past_days import BRANCH, DAYS, PastDays, traffic
from tests.traffic.day_lake import LENIENT, context_of, document, fingerprints, write_traffic

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]
pytest_plugins = ["tests.access.past_fixtures"]

FIRST, SECOND, THIRD = map(str, DAYS[:3])


def with_changes(backfill: Backfill, **changes: object) -> Backfill:
    """By a config of now in which top-level keys are others."""
    config = PipelineConfig.model_validate({**document(backfill.config.lake), **LENIENT, **changes})
    fields = tuple(config.field(field.name) for field in backfill.fields)
    return replace(backfill, config=config, fields=fields)


def changed_field(name: str, **changes: object) -> list[dict[str, object]]:
    return [
        {**field, **changes} if field["name"] == name else field for field in document()["fields"]
    ]


def with_a_table_of_55(number: int, past: PastDays) -> None:
    """The day ingested again, with `ad` hashed into another table."""
    fields = changed_field("ad", num_embeddings=55)
    ingest(context_of(past.lake, DAYS[number], fields=[fields[1]], **LENIENT))


def test_a_branch_is_needed(later: PastDays) -> None:
    with pytest.raises(ConfigError, match=r"on a branch of the lake only[\s\S]*--branch"):
        backfill_examples(later.backfill("ad"))


def test_a_dry_run_writes_nothing_and_tells_what_is_missing(later: PastDays) -> None:
    before = fingerprints(later.lake)
    result = backfill_examples(later.completing("ad", "tags", end=5), dry_run=True)
    files = [later.lake / f"traffic/ds={day}/part-0.parquet" for day in DAYS[:3]]
    assert result.headline == f"examples of 3 day(s) would be written on branch {BRANCH}"
    expected = {
        "missing": {f"{FIRST} to {THIRD} (3 days)": "ad, tags"},
        "missing_days": [FIRST, SECOND, THIRD],
        "records": 3 * 240,
        "traffic_bytes": sum(path.stat().st_size for path in files),
        "days_that_have_the_fields": 2,
        "examples": 0,
    }
    assert {name: result.figures[name] for name in expected} == expected
    assert fingerprints(later.lake) == before
    assert not (later.lake / "branches").exists()


def test_what_was_planned_is_what_is_made(later: PastDays) -> None:
    planned = backfill_examples(later.completing("ad"), dry_run=True).figures
    made = backfill_examples(later.completing("ad")).figures
    for name in ("missing", "missing_days", "records", "traffic_bytes"):
        assert made[name] == planned[name]


def test_days_that_are_made_are_left_alone(later: PastDays) -> None:
    backfill_examples(later.completing("ad", end=2))
    before = {path: path.stat().st_mtime_ns for path in (later.lake / "branches").rglob("*.json")}
    result = backfill_examples(later.completing("ad"))
    assert result.figures["missing_days"] == [THIRD]
    assert result.figures["made_before"] == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_same_again_gives_the_same(later: PastDays) -> None:
    backfill_examples(later.completing("ad", "site"))
    before = fingerprints(later.lake)
    shutil.rmtree(later.lake / "branches")
    backfill_examples(later.completing("ad", "site"))
    assert fingerprints(later.lake) == before


def test_days_whose_examples_have_the_fields_stay_the_lakes(later: PastDays) -> None:
    backfill_examples(later.completing("ad", first=2, end=5))
    assert later.completed_marker(2)
    assert later.completed_marker(3) is None


def test_a_day_that_was_ingested_again_is_made_again(later: PastDays) -> None:
    backfill_examples(later.completing("ad"))
    write_traffic(later.lake, traffic(DAYS[1], rows=300), day=DAYS[1])
    ingest(later.context(1))
    assert backfill_examples(later.completing("ad")).figures["missing_days"] == [SECOND]
    assert later.completed(1).num_rows == later.examples(1).num_rows - 3


def test_a_day_that_was_ingested_again_with_the_field_is_read_as_it_is_then(
    later: PastDays,
) -> None:
    """What the branch holds of it would hide what the lake has."""
    backfill_examples(later.completing("ad", end=1))
    ingest(replace(later.on_branch(0), branch="", config=later.with_only(0, "user", "ad").config))
    assert backfill_examples(later.completing("ad", end=1)).figures["missing"] == {
        FIRST: "nothing new"
    }
    columns = ["event_time", "field_user", "field_ad"]
    assert later.completed(0).select(columns).equals(later.examples(0).select(columns))
    assert backfill_examples(later.completing("ad", end=1)).figures["made_before"] == 1


@pytest.mark.parametrize(
    "changes",
    [{"num_embeddings": 55}, {"column": "site"}, {"encoding": "identity"}, {"pooling": "mean"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_field_that_is_read_otherwise_now_is_missing(
    later: PastDays, changes: dict[str, object]
) -> None:
    backfill_examples(later.completing("tags", "ad", end=1))
    options = {"separator": ","} if "pooling" in changes else {}
    again = with_changes(
        later.completing("tags", end=1), fields=changed_field("ad", **changes, **options)
    )
    assert backfill_examples(again, dry_run=True).figures["missing"] == {FIRST: "ad, tags"}


def test_an_identity_table_may_grow(later: PastDays) -> None:
    backfill_examples(later.completing("user", end=1))
    larger = with_changes(
        later.completing("user", end=1), fields=changed_field("user", num_embeddings=1000)
    )
    assert backfill_examples(larger).figures["made_before"] == 1


def test_days_without_examples_are_left_out_and_said(
    later: PastDays, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(later.lake / f"examples/ds={DAYS[1]}")
    result = backfill_examples(later.completing("ad"), dry_run=True)
    assert result.figures["missing_days"] == [FIRST, THIRD]
    assert result.figures["days_without_examples"] == 1
    assert f"left out, no examples: {SECOND}" in caplog.text


def test_only_days_without_examples_are_an_error(later: PastDays) -> None:
    with pytest.raises(DataError, match=r"(?s)none of the days has examples.*--start"):
        backfill_examples(later.completing("ad", first=10, end=12))


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_vocabulary_is_needed_first(later: PastDays, dry_run: bool) -> None:
    shutil.rmtree(later.lake / "vocabulary")
    with pytest.raises(DataError, match=r"(?s)'site' has no vocabulary yet.*first day of"):
        backfill_examples(later.completing("site"), dry_run)


def test_a_vocabulary_may_have_been_made_on_the_branch(later: PastDays) -> None:
    for dataset in ("vocabulary", "pending_values", "examples"):
        for number in (3, 4):
            shutil.rmtree(later.lake / f"{dataset}/ds={DAYS[number]}")
    ingest(later.on_branch(3))
    backfill_examples(later.completing("site", end=1))
    assert {*later.completed(0)["field_site"].to_pylist()} > {0}


def test_fields_that_a_training_will_still_lack_are_said(
    later: PastDays, caplog: pytest.LogCaptureFixture
) -> None:
    result = backfill_examples(later.completing("ad", "user"), dry_run=True)
    days = f"{FIRST} to {THIRD} (3 days)"
    assert result.figures["still_lacking"] == {days: "site, tags"}
    assert f"{days}: the examples lack other fields of the config too, site, tags" in caplog.text
    assert "name them in --fields as well" in caplog.text


def test_all_fields_together_lack_none(later: PastDays, caplog: pytest.LogCaptureFixture) -> None:
    backfill_examples(later.completing("ad", "user", "site", "tags", end=5), dry_run=True)
    assert caplog.text == ""


def test_what_no_backfill_adds_is_said(later: PastDays, caplog: pytest.LogCaptureFixture) -> None:
    dense = [*document()["dense_features"], {"name": "height"}]
    with_a_table_of_55(1, later)
    backfill = with_changes(later.completing("tags", end=2), dense_features=dense)
    backfill_examples(backfill, dry_run=True)
    assert f"{FIRST}: columns are not as the config reads them, dense_height: for" in caplog.text
    assert f"{SECOND}: columns are not as the config reads them, dense_height, field_ad" in (
        caplog.text
    )


def test_examples_that_were_ingested_on_the_branch_are_its_own(later: PastDays) -> None:
    ingest(replace(later.with_only(0, "ad"), branch=BRANCH))
    before = later.completed_marker(0)
    result = backfill_examples(later.completing("ad", end=2))
    assert result.figures["missing_days"] == [SECOND]
    assert later.completed_marker(0) == before
    with pytest.raises(DataError, match=r"(?s)ingested on the branch itself.*have tags.*--branch"):
        backfill_examples(later.completing("ad", "tags", end=2))


def test_another_branch_is_another_matter(later: PastDays) -> None:
    backfill_examples(later.completing("ad", end=1))
    other = replace(later.completing("tags", end=1), branch="other")
    assert backfill_examples(other).figures["missing"] == {FIRST: "tags"}
    examples = Lake(str(later.lake), "other").read_table(later.on_branch(0).partition(EXAMPLES))
    assert "field_ad" not in examples.column_names
