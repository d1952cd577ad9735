"""One data set and seed: the baseline compressed in every way, before and after finetuning.

training days ─→ baseline ─→ prune fields ─→ tiers ─→ rows snapped        post-training
                    │                          └─→ finetuned on grids     finetuned
                    └─→ the same finetuning in fp32: what the finetuned are compared with
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch

from shark_core.evaluation.auc import auc, auc_difference
from shark_core.evaluation.log_loss import log_loss_difference
from shark_core.models.ctr_model import CtrModel
from shark_core.models.device import batches_on
from shark_core.models.predictions import Predictions
from shark_core.quantization.assignment import Outcome, Situation, assign
from shark_core.quantization.policies.table_rows import TableRows
from shark_core.quantization.rounding_choice import rounding_hooks
from tests.benchmarks.compression.baselines import (
    JUDGING,
    Baseline,
    Ranked,
    baseline,
    finetune,
    held_out_part,
    ranked,
)
from tests.benchmarks.compression.contenders import Contender, Size, contenders
from tests.benchmarks.trained_model import Dataset

READ_AT_ONCE = 4096  # examples
STAGES = ("post-training", "finetuned")


@dataclass(frozen=True)
class Measured:
    """Against the baseline of the same stage, on the same held-out examples; by seed."""

    name: str
    family: str
    stage: str
    seed: int
    fields: int
    ratio: float
    baseline_auc: float
    delta_auc: float
    standard_error: float
    delta_log_loss: float


def measure(dataset: Dataset, seed: int, size: Size) -> list[Measured]:
    start = baseline(dataset, seed)
    known = ranked(dataset, start, seed)
    tuned = copy.deepcopy(start.model)
    finetune(dataset, size.finetuning_days, start, tuned)
    references = dict(
        zip(
            STAGES,
            (held_out_part(dataset, m, JUDGING) for m in (start.model, tuned)),
            strict=True,
        )
    )
    found = []
    for contender in contenders(size):
        model, outcome = _compressed(dataset, start, known, contender)
        for stage in STAGES:
            judged = copy.deepcopy(model)
            hooks = rounding_hooks(start.config, judged, copy.deepcopy(outcome.tables))
            if stage == "finetuned":
                finetune(dataset, size.finetuning_days, start, judged, hooks)
            after = held_out_part(dataset, judged, JUDGING)
            found.append(
                _measured(contender, stage, seed, outcome, references[stage], after, judged)
            )
    return found


def _compressed(
    dataset: Dataset, start: Baseline, known: Ranked, contender: Contender
) -> tuple[CtrModel, Outcome]:
    """The model without the contender's fields, and its rows' tiers."""
    policy, candidates = contender.policy(known), contender.dropped(known)
    model = copy.deepcopy(start.model)
    if not contender.drop_until_reached:
        for name in candidates:
            model.embeddings.prune(name, known.means[name])
        return model, assign(policy, _situation(dataset, model, known))
    outcome = assign(policy, _situation(dataset, model, known))
    for name in candidates[:-1]:
        if contender.target is None or outcome.figures["ratio"] >= contender.target:
            break
        model.embeddings.prune(name, known.means[name])
        outcome = assign(policy, _situation(dataset, model, known))
    return model, outcome


def _situation(dataset: Dataset, model: CtrModel, known: Ranked) -> Situation:
    tables = tuple(
        TableRows(name, model.embeddings.weight(name).shape[1], known.priorities[name])
        for name in model.kept
    )
    examples = dataset.reader(dataset.training_days, model.kept)
    return Situation(
        model,
        tables,
        lambda: batches_on(torch.device("cpu"), examples, READ_AT_ONCE),
        dataset.config.float_bytes,
    )


def _measured(
    contender: Contender,
    stage: str,
    seed: int,
    outcome: Outcome,
    before: Predictions,
    after: Predictions,
    model: CtrModel,
) -> Measured:
    difference = auc_difference(before.labels, before.logits, after.logits)
    losses = log_loss_difference(before.labels, before.logits, after.logits)
    return Measured(
        contender.name,
        contender.family,
        stage,
        seed,
        len(model.kept),
        outcome.figures["ratio"],
        auc(before.labels, before.logits),
        difference.difference,
        difference.standard_error,
        losses.difference,
    )
