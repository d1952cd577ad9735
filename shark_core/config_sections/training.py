"""The model, and how it is trained and finetuned."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Key
from pydantic import StringConstraints

from shark_core.config_sections.section import Count, NonNegative, Positive, Section


class Model(Section):
    """The head over the pooled embeddings: a built-in name, or your own `package.module:Class`."""

    head: Annotated[
        str,
        StringConstraints(
            pattern=r"^(dlrm|deepfm|dcn_v2|wide_deep|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$",
        ),
    ] = "deepfm"
    hidden_units: tuple[Count, ...] = (128, 64)
    options: dict[str, int | float | str | bool] = Key(default_factory=dict)


class Training(Section):
    """One pass over each day's training slice by default: embedding tables over-fit in the second.

    `holdout_share`: the latest share of the day's events, never trained on that day; half of it
    validates (early stopping, importance), the other half tests (gates). `patience`: epochs without
    improvement after which a training of several epochs stops. `threads` of the CPU: steps are many
    and small, so that more than one gains nothing for narrow heads, is several times slower on a
    busy machine, and can change the last bits of the weights.
    """

    epochs: Count = 1
    batch_size: Count = 1024
    embedding_learning_rate: Positive = 0.01
    dense_learning_rate: Positive = 0.003
    holdout_share: Annotated[float, Key(gt=0.0, lt=1.0)] = 0.2
    patience: Count = 2
    threads: Count = 1
    shuffle_rows: Count = 262_144
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"


class Finetuning(Section):
    """Passes over the day's training slice, which the baseline has seen: rates stay low.

    `rounding`: how rows stay on their tier's grid. `straight_through` trains full-precision copies
    and lets the head see what is stored of them; `nearest` and `stochastic` round a row after each
    step and keep nothing of it. `table_param_learning_rate`, with straight_through: of the
    scale and bias that a tier shares.
    """

    epochs: Annotated[int, Key(ge=0)] = 1
    embedding_learning_rate: Positive = 0.002
    dense_learning_rate: Positive = 0.00005
    rounding: Literal["straight_through", "stochastic", "nearest"] = "straight_through"
    table_param_learning_rate: NonNegative = 0.003
