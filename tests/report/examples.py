"""A report with something of everything in it."""

from __future__ import annotations

from shark_core.evaluation.comparison import Comparison, Quality
from shark_core.evaluation.gates import Gate
from shark_core.evaluation.paired_difference import PairedDifference
from shark_core.evaluation.slices import SliceComparison
from shark_core.importance.agreement import Agreement, FieldAgreement, WayOfScoring
from shark_core.pruning.outcome import LossChange, Step
from shark_core.publish.written import Written
from shark_core.report.pruning_report import (
    MeasuredStep,
    PlanStanding,
    PruningReport,
)
from shark_core.report.run_report import (
    Bytes,
    Decision,
    FieldOutcome,
    Origin,
    Records,
    RunReport,
    TierMix,
)

FIELDS: tuple[tuple[str, float, Decision, str], ...] = (
    ("user_id", 0.0312, "kept", "on the keep list"),
    ("item_id", 0.0454, "undone", "step 02: undone: ends above max_measured_loss 0.005"),
    ("brand", 0.0009, "proposed", "importance 0.0009 [0.0003, 0.0015]; saves 1,048,576 bytes"),
    ("noise_session", -0.0001, "pruned", "step 01: measured -0.00020 [-0.00040, +0.00000]"),
)
STEPS = (
    Step(
        number=1,
        fields=("noise_session",),
        predicted=LossChange(-0.0001, -0.0003, 0.0001),
        measured=PairedDifference(-0.0002, 0.0001),
        total=PairedDifference(-0.0002, 0.0001),
        accepted=True,
        reason="accepted: ends within max_measured_loss 0.005",
    ),
    Step(
        number=2,
        fields=("item_id",),
        predicted=LossChange(0.0454, 0.0444, 0.0464),
        measured=PairedDifference(0.0611, 0.0004),
        total=PairedDifference(0.0609, 0.0004),
        accepted=False,
        reason="undone: ends above max_measured_loss 0.005",
    ),
)
PRUNING = PruningReport(
    carried_out=PlanStanding(
        plan_id="2026-01-02-ab12cd34",
        status="applied",
        by="prune-fields, run 7",
        at="2026-01-04 02:10",
        note="on 2026-01-02: 1 of 2 fields pruned",
        approved_by="ann",
    ),
    of_the_day=PlanStanding(
        plan_id="2026-01-03-00ff00ff",
        status="proposed",
        by="plan-pruning, run 8",
        at="2026-01-04 02:15",
        note="",
        approved_by=None,
    ),
    warnings=("no plan fits byte_budget 1,000: 2,097,152 bytes remain",),
    agreement=Agreement(
        spearman=0.9934,
        top_k=10,
        overlap=0.9,
        examples=20_000,
        min_spearman=0.9,
        scoring=WayOfScoring("logit_taylor", "mean", "fp32"),
        fields=(FieldAgreement("user", 0.01, 0.011),),
    ),
    steps=STEPS,
    checks=(
        MeasuredStep(
            day="2026-01-02",
            fields=("noise_session", "noise_id"),
            predicted=LossChange(0.0004, 0.0002, 0.0006),
            measured=PairedDifference(0.0012, 0.0001),
        ),
        MeasuredStep.of("2026-01-03", STEPS[0]),
    ),
)
CHANGE = PairedDifference(-0.0003, 0.0001)
SLICES = (
    SliceComparison("new rows", 1234, 210, CHANGE, CHANGE, 1.04, 1.05),
    SliceComparison("rare rows", 900, 200, PairedDifference(-0.0011, 0.0004), CHANGE, 1.0, 0.98),
    SliceComparison("tab=4", 17, 0, None, CHANGE, None, None),
)


def auc_gate(difference: PairedDifference, passed: bool) -> Gate:
    rule = "AUC may fall by at most 0.002"
    return Gate("auc_drop", 0.002, -difference.low, passed, rule, difference)


def example_report(*, passed: bool = True) -> RunReport:
    drop = 0.0004 if passed else 0.0123
    return RunReport(
        model="demo",
        day="2026-01-03",
        snapshot_id="0123456789abcdef",
        promotion="automatic",
        importance_method="logit_taylor",
        importance_examples=6000,
        embedding_bytes=Bytes(
            before=3_000_000, after=700_000, payload=660_000, memory=800_000, constants=64
        ),
        fields=tuple(
            FieldOutcome(
                field=name,
                encoding="hash",
                num_embeddings=16_384,
                embedding_dim=16,
                importance=score,
                standard_error=0.0003,
                predicted=LossChange(score, score - 0.0006, score + 0.0006),
                decision=decision,
                reason=reason,
                bytes_before=1_048_576,
                bytes_after=64,
            )
            for name, score, decision, reason in FIELDS
        ),
        pruning=PRUNING,
        tiers=(
            TierMix("fp32", 20, 1_900),
            TierMix("fp16", 300, 11_000),
            TierMix("int8", 9000, 190_000),
        ),
        churn=0.0123,
        written=Written(bytes=210_000, bytes_whole=720_000, tables=4, tables_as_changes=3),
        comparison=Comparison(
            examples=6000,
            positives=1800,
            baseline=Quality(0.7312, 0.5512, 1.011),
            compressed=Quality(0.7312 - drop, 0.5514, 1.012),
            auc_difference=PairedDifference(-drop, 0.0002),
            log_loss_difference=PairedDifference(0.0002, 0.0001),
            calibration_difference=PairedDifference(0.001, 0.0004),
        ),
        slices=SLICES,
        gates=(
            auc_gate(PairedDifference(-drop, 0.0002), passed),
            Gate("compression_ratio", 2.5, 4.29, True, "bytes must shrink at least 2.5 ×"),
        ),
        records=Records(60_000, 59_990, 18_000, {"label_missing": 7, "id_out_of_range": 3}),
        origin=Origin("c0ffee", "0.1.0+abcdef01", {"examples": "f00d", "plan": "beef"}),
    )
