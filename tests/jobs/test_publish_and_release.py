from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs.assign_tiers import assign_tiers
from jobs.evaluate import evaluate
from jobs.finetune import finetune
from jobs.publish import publish
from jobs.quantize import quantize
from jobs.release_candidate import release_candidate
from jobs.report import report
from shark_core.errors import DataError, GateFailed
from shark_core.publish.compressed_model import rebuild_model
from shark_core.publish.snapshot_tables import SnapshotTables
from shark_core.report.stored import read_report, stored_text
from tests.example_lake import DAY
from tests.jobs.compressed_day import (
    FAILING_GATES,
    catalog_of,
    head,
    next_day,
    run_to_publish,
)


def test_a_snapshot_holds_the_tables_that_were_quantized(make_context: Any) -> None:
    context = make_context()
    run_to_publish(context)
    catalog = catalog_of(context)
    manifest = catalog.snapshot(str(head(context, "candidate")))
    rebuilt = rebuild_model(context.config, context.lake, DAY)
    for name in rebuilt.kept:
        table = SnapshotTables(catalog).read(manifest, name)
        assert torch.equal(table.dequantize(), rebuilt.embeddings.weight(name))
    assert list(manifest.pruned) == rebuilt.pruned


def test_publishing_again_changes_nothing(make_context: Any) -> None:
    context = make_context()
    run_to_publish(context)
    registry = Path(context.config.lake) / "registry"
    before = {path: path.read_bytes() for path in registry.rglob("*") if path.is_file()}
    publish(context)
    assert {path: path.read_bytes() for path in registry.rglob("*") if path.is_file()} == before


def test_a_day_that_changed_little_is_published_as_changes_and_its_report_says_so(
    make_context: Any,
) -> None:
    first = make_context()
    run_to_publish(first)
    second = next_day(first)
    run_to_publish(second)
    report(second)
    catalog = catalog_of(second)
    manifest = catalog.snapshot(str(head(second, "candidate")))
    rebuilt = rebuild_model(second.config, second.lake, second.day)
    for name in rebuilt.kept:
        table = SnapshotTables(catalog).read(manifest, name)
        assert torch.equal(table.dequantize(), rebuilt.embeddings.weight(name))
    written = read_report(second.lake, second.day).written
    assert written.bytes < written.bytes_whole
    assert written.tables_as_changes == written.tables == len(rebuilt.kept)
    assert f"{written.tables} tables as changes" in stored_text(second.lake, second.day)


def test_an_evaluation_of_other_tables_is_not_published(make_context: Any) -> None:
    context = make_context()
    quantize(context)
    evaluate(context)
    stale = make_context(tiers={"int8_below": 1e9, "fp16_below": 1e9})
    for job in (assign_tiers, finetune, quantize):
        job(stale)
    with pytest.raises(DataError, match="evaluation is older"):
        publish(stale)


def test_automatic_promotion_releases_once(make_context: Any) -> None:
    context = make_context(release={"promotion": "automatic"})
    run_to_publish(context)
    assert release_candidate(context).headline.endswith(": released")
    release_candidate(context)
    assert len(list(catalog_of(context).history("production"))) == 1
    assert head(context, "production") == head(context, "candidate")


@pytest.mark.parametrize("promotion", ["automatic", "manual"])
def test_a_failed_gate_is_told_whoever_promotes(make_context: Any, promotion: str) -> None:
    context = make_context(release={"promotion": promotion}, gates=FAILING_GATES)
    run_to_publish(context)
    with pytest.raises(GateFailed, match="compression_ratio") as failure:
        release_candidate(context)
    assert failure.value.exit_code == 79
    assert head(context, "production") is None


def test_what_a_person_has_released_in_spite_of_a_gate_is_not_told_again(make_context: Any) -> None:
    context = make_context(release={"promotion": "manual"}, gates=FAILING_GATES)
    run_to_publish(context)
    candidate = str(head(context, "candidate"))
    catalog_of(context).promote("production", candidate, "by hand", expect=None)
    assert "released already" in release_candidate(context).headline


def test_a_snapshot_that_is_no_longer_the_candidate_is_not_released(make_context: Any) -> None:
    context = make_context(release={"promotion": "automatic"})
    run_to_publish(context)
    first = str(head(context, "candidate"))
    again = make_context(
        release={"promotion": "automatic"}, tiers={"int8_below": 1, "fp16_below": 9}
    )
    run_to_publish(again)
    catalog_of(again).promote("candidate", first, "by hand", expect=head(again, "candidate"))
    assert "no longer the candidate" in release_candidate(again).headline
    assert head(again, "production") is None


def test_a_day_is_released_in_its_turn_though_the_next_is_published_already(
    make_context: Any,
) -> None:
    context = make_context(release={"promotion": "automatic"})
    run_to_publish(context)
    catalog = catalog_of(context)
    first = catalog.snapshot(str(head(context, "candidate")))
    later = first.model_copy(
        update={"snapshot_id": "f" * 16, "start": first.start + timedelta(days=1), "files": ()}
    )
    catalog.advance("candidate", catalog.commit(later), "the next day")
    assert release_candidate(context).headline.endswith(": released")
    assert head(context, "production") == first.snapshot_id


def test_manual_promotion_is_left_to_a_person(make_context: Any) -> None:
    context = make_context()
    run_to_publish(context)
    result = release_candidate(context)
    assert f"--snapshot {head(context, 'candidate')}" in result.figures["run"]
    assert head(context, "production") is None


def test_the_report_tells_what_the_jobs_found(make_context: Any) -> None:
    context = make_context()
    sizes = quantize(context).figures
    for job in (evaluate, publish, report):
        job(context)
    found = read_report(context.lake, DAY)
    assert found.embedding_bytes.after == sizes["bytes_after"]
    assert found.snapshot_id == head(context, "candidate")
    assert {field.field for field in found.fields} == {"user", "item", "tags"}
    assert found.records.quarantined == {"label": 2}
    assert Path(stored_text(context.lake, DAY).split()[-1]).is_file()
