"""A report with something of everything in it."""

from __future__ import annotations

from shark_core.evaluation.comparison import Comparison, Quality
from shark_core.evaluation.gates import Gate
from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.report.run_report import (
    Bytes,
    FieldOutcome,
    Origin,
    Records,
    RunReport,
    TierMix,
)

FIELDS = (
    ("user_id", 0.0312, "keep", "kept: on the keep list"),
    ("item_id", 0.0454, "keep", "kept: pruning it would pass max_predicted_loss 0.001"),
    ("noise_session", -0.0001, "prune", "pruned: importance -0.0001 ± 3e-05, number 1 of 3"),
)


def example_report(*, passed: bool = True) -> RunReport:
    drop = 0.0004 if passed else 0.0123
    return RunReport(
        model="demo",
        day="2026-01-03",
        snapshot_id="0123456789abcdef",
        promotion="automatic",
        importance_method="f_permutation",
        importance_examples=6000,
        embedding_bytes=Bytes(
            before=3_000_000, after=700_000, payload=660_000, memory=800_000, constants=64
        ),
        fields=tuple(
            FieldOutcome(name, "hash", 16_384, 16, score, 0.0003, action, reason, 1_048_576, 64)
            for name, score, action, reason in FIELDS
        ),
        tiers=(
            TierMix("fp32", 20, 1_900),
            TierMix("fp16", 300, 11_000),
            TierMix("int8", 9000, 190_000),
        ),
        comparison=Comparison(
            examples=6000,
            positives=1800,
            baseline=Quality(0.7312, 0.5512, 1.011),
            compressed=Quality(0.7312 - drop, 0.5514, 1.012),
            auc_difference=PairedDifference(-drop, 0.0002),
            log_loss_difference=PairedDifference(0.0002, 0.0001),
        ),
        gates=(
            Gate("auc_drop", 0.002, drop, passed, "AUC may fall by at most 0.002"),
            Gate("compression_ratio", 2.5, 4.29, True, "bytes must shrink at least 2.5 ×"),
        ),
        records=Records(60_000, 59_990, 18_000, {"label_missing": 7, "id_out_of_range": 3}),
        origin=Origin("c0ffee", "0.1.0+abcdef01", {"examples": "f00d", "plan": "beef"}),
    )
