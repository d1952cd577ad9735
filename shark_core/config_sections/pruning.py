"""How fields are scored, and which of them may be pruned at what price."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field as Key
from pydantic import model_validator

from shark_core.config_sections.section import Count, Name, NonNegative, Section


class Validation(Section):
    """How far the fast scores are checked against true mean-replacement, on a bounded sample.

    `max_examples`: the first so many of the validation slice. `top_k`: of how many of the most
    important fields the overlap is told. `min_spearman`: the rank agreement below which the plan
    says that its scores are not to be trusted, and, with `on_disagreement: stop`, the day ends with
    a failed gate before anything is pruned.
    """

    max_examples: Count = 20_000
    top_k: Count = 10
    min_spearman: Annotated[float, Key(ge=-1.0, le=1.0)] = 0.9
    on_disagreement: Literal["warn", "stop"] = "warn"


class Importance(Section):
    """How fields are scored; see `shark_core.importance.scoring`.

    `method`: `logit_taylor` (the loss at the first-order change of the logit), `f_permutation` (the
    first-order change of the loss, each example's absolute value: the paper's), or `permutation`
    (the head run again for every field: exact, and as many times slower as there are fields and
    repeats). `replacement`: a field is replaced by its `mean`, which is what pruning does, or by
    the embeddings of `donors`, other examples, `repeats` times; f_permutation takes the mean.
    `calibrate`: losses are of logits that a line was fitted through on the same examples: without,
    fields of a model that is too sure of itself seem to hurt (`shark_core.importance.calibration`);
    f_permutation, the paper's, does without. `precision`: `bf16` runs the head under autocast; the
    first batch is scored in fp32 too, and the day stops where the two do not agree. `min_examples`:
    with fewer, nothing is scored.
    """

    method: Literal["f_permutation", "logit_taylor", "permutation"] = "logit_taylor"
    replacement: Literal["mean", "donors"] = "mean"
    repeats: Count = 4
    calibrate: bool = True
    precision: Literal["fp32", "bf16"] = "fp32"
    batch_size: Count = 4096
    min_examples: Count = 50
    max_examples: Count = 1_000_000
    validation: Validation = Validation()

    @model_validator(mode="after")
    def _enough_examples_are_allowed(self) -> Self:
        for name, most in {
            "max_examples": self.max_examples,
            "validation.max_examples": self.validation.max_examples,
        }.items():
            if most < self.min_examples:
                raise ValueError(f"{name} {most} is below min_examples {self.min_examples}")
        return self


class Pruning(Section):
    """Which fields may be dropped, and what that may cost. Losses are log-loss per example.

    Fields whose score is below zero go first, whatever the budget. Then, without `byte_budget`, a
    plan saves as many bytes as the limits allow; with it, it gets the tables, in fp32, down to that
    many bytes at the least predicted loss. Either way `max_predicted_loss` holds for the upper end
    of the prediction's 95 % interval (a loss below zero counts as zero), at most `max_fields` are
    pruned, and one field stays. `keep`: fields that are never pruned. `groups`: lists of fields
    that live or die together.

    `approval`: a plan waits for a person (`manual`), or is approved as soon as it is proposed
    (`automatic`). An approved plan is carried out in about `steps` steps, each finetuned and
    measured on held-out examples: a step stays if the 95 % interval of the measured increase, over
    nothing pruned and over the best state so far, ends within `max_measured_loss`, else it is
    undone; `max_trials` finetunings at most.
    """

    max_predicted_loss: NonNegative = 0.005
    byte_budget: Count | None = None
    max_fields: Annotated[int, Key(ge=0)] | None = None
    keep: tuple[Name, ...] = ()
    groups: tuple[tuple[Name, ...], ...] = ()
    approval: Literal["manual", "automatic"] = "manual"
    steps: Count = 4
    max_measured_loss: NonNegative = 0.005
    max_trials: Count = 12

    @model_validator(mode="after")
    def _groups_share_no_field(self) -> Self:
        grouped = [name for group in self.groups for name in group]
        if repeated := sorted({name for name in grouped if grouped.count(name) > 1}):
            raise ValueError(f"groups name these fields more than once: {repeated}")
        return self
