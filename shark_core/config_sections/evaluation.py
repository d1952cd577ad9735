"""How a compressed model is judged against its baseline, and what it must hold to be released."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field as Key

from shark_core.config_sections.section import Count, Name, NonNegative, Section, Share


class Evaluation(Section):
    """Which parts of the held-out test slice are told apart; `shark_core.evaluation.slices`.

    `rare_share`: a field's rows of lowest priority are rare as long as they hold together at most
    this share of the field's priority. `slice_field`: a field whose `slice_values` values with the
    most examples are told one by one, and all others as one.
    """

    rare_share: Share = 0.01
    slice_field: Name | None = None
    slice_values: Annotated[int, Key(ge=1, le=100)] = 10


class Gates(Section):
    """Limits on compressed against baseline, both on the held-out test slice.

    Each holds for the bad end of the difference's 95 % interval, not for its mean: a model passes
    where it is shown to be no worse than the limit, not where it is not shown to be worse. So a
    limit is one that the slice can show: an interval reaches two standard errors to either side,
    and a model that is as good as its baseline passes 39 times in 40 where the limit is four.

    `max_auc_drop`, `max_log_loss_increase`: over the whole slice. `max_slice_auc_drop`: on every
    part of it that has `min_slice_examples`, at least 50 of either label; without it parts are
    shown, not gated. `max_calibration_shift`: of predicted over observed positives, either way;
    without it shown, not gated, since finetuning moves the calibration for the better too.
    `min_compression_ratio`: embedding bytes in fp32 over all bytes on disk that are published for
    them (`tiers.target_ratio` counts bytes in memory, so leave room between the two).

    The baseline is the day's trained model, the compressed one is finetuned on the day's training
    slice once more: what the second reading gives or takes is in the difference.
    """

    max_auc_drop: NonNegative = 0.002
    max_log_loss_increase: NonNegative = 0.002
    max_calibration_shift: NonNegative | None = None
    max_slice_auc_drop: NonNegative | None = None
    min_slice_examples: Count = 1000
    min_compression_ratio: NonNegative = 1.0
