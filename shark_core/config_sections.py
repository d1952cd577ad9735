"""The sections of a pipeline config: what each key means and what it may be.

`shark_core.config` puts them together; users read this file to see what they can set.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic import Field as Key

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Share = Annotated[float, Key(ge=0.0, le=1.0)]
Positive = Annotated[float, Key(gt=0.0)]
NonNegative = Annotated[float, Key(ge=0.0)]
Count = Annotated[int, Key(ge=1)]
Memory = Annotated[str, StringConstraints(pattern=r"^\d+[mg]$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Label(Section):
    """The column that says whether the user did it: 0 or 1."""

    column: str


class EventTime(Section):
    """When the impression was served; an integer since the epoch in `unit`, or a timestamp."""

    column: str
    unit: Literal["s", "ms", "us", "timestamp"] = "timestamp"


class Field(Section):
    """A feature field: a column of traffic and the embedding table that it reads.

    Row 0 of a `hash` or `vocabulary` table is the row of missing and out-of-vocabulary values.
    """

    name: Name
    column: str
    encoding: Literal["identity", "hash", "vocabulary"]
    num_embeddings: Annotated[int, Key(ge=2, lt=2**28)]
    embedding_dim: Annotated[int, Key(ge=1, le=1024)]
    pooling: Literal["none", "sum", "mean"] = "none"
    separator: Annotated[str, Key(min_length=1)] | None = None
    min_count: Count = 1

    @model_validator(mode="before")
    @classmethod
    def _column_is_named_like_the_field(cls, values: Any) -> Any:
        if isinstance(values, dict) and "name" in values:
            return {"column": values["name"], **values}
        return values

    @model_validator(mode="after")
    def _options_fit_together(self) -> Self:
        if self.separator is not None and self.pooling == "none":
            raise ValueError(
                "a separator makes a field multi-valued: set pooling to 'sum' or 'mean'"
            )
        if self.min_count > 1 and self.encoding != "vocabulary":
            raise ValueError("min_count belongs to encoding 'vocabulary' only")
        return self

    @property
    def multi_valued(self) -> bool:
        return self.pooling != "none"

    @property
    def row_assignment(self) -> str:
        """What decides which row a value has: under another, row ids mean other values."""
        into = f" into {self.num_embeddings}" if self.encoding == "hash" else ""
        return f"{self.encoding}{into}"

    @property
    def float_bytes(self) -> int:
        """Bytes of the table in fp32: what every compression ratio is measured against."""
        return self.num_embeddings * self.embedding_dim * 4


class DenseFeature(Section):
    """A numeric column. `fill` replaces nulls; without it a null sends the record to quarantine."""

    name: Name
    column: str
    transform: Literal["identity", "signed_log1p"] = "identity"
    fill: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _column_is_named_like_the_feature(cls, values: Any) -> Any:
        if isinstance(values, dict) and "name" in values:
            return {"column": values["name"], **values}
        return values


class Ingest(Section):
    max_quarantined_share: Share = 0.01


class Priority(Section):
    """`S_t = (1−β)·S_{t−1} + β·(α·c⁺ + c⁻)` with β = `decay` and α = `positive_weight`.

    `floor`: rows whose priority falls below it are dropped, so that the state does not grow for
    ever; 0 drops none. Where none is given it is 0.001, or a tenth of what one access adds if that
    is less. `shark_core.access.priorities` bounds what a floor leaves out.
    """

    positive_weight: Positive = 2.0
    decay: Annotated[float, Key(gt=0.0, le=1.0)] = 0.2
    floor: NonNegative = Key(default=None, validate_default=True)

    @field_validator("floor", mode="before")
    @classmethod
    def _floor_follows_what_one_access_adds(cls, floor: Any, valid: ValidationInfo) -> Any:
        if floor is not None:
            return floor
        if not {"positive_weight", "decay"} <= valid.data.keys():
            return 0.0  # one of them is refused: that is what is told
        return min(0.001, 0.1 * _one_access(**valid.data))

    @model_validator(mode="after")
    def _floor_is_below_one_access(self) -> Self:
        least = _one_access(self.positive_weight, self.decay)
        if self.floor >= least:
            raise ValueError(
                f"floor must be below what one access adds, decay × min(positive_weight, 1) = "
                f"{least:g}: rows would be dropped on the day on which they are read"
            )
        return self


def _one_access(positive_weight: float, decay: float) -> float:
    """What an access adds to its row's priority on its day, at least."""
    return decay * min(positive_weight, 1.0)


class Model(Section):
    """The head over the pooled embeddings: a built-in name, or your own `package.module:Class`."""

    head: Annotated[
        str,
        StringConstraints(
            pattern=r"^(dlrm|deepfm|dcn_v2|wide_deep|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$",
        ),
    ] = "deepfm"
    hidden_units: tuple[Count, ...] = (128, 64)
    options: dict[str, int | float | str | bool] = {}


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


class Importance(Section):
    """How fields are scored; see `shark_core.importance.scoring`.

    `method`: `f_permutation` (the first-order change of the loss, each example's absolute value:
    the paper's), `logit_taylor` (the loss at the first-order change of the logit), or `permutation`
    (the head run again for every field: exact, and as many times slower as there are fields and
    repeats). `replacement`: a field is replaced by its `mean`, which is what pruning does, or by
    the embeddings of `donors`, other examples, `repeats` times; f_permutation takes the mean.
    """

    method: Literal["f_permutation", "logit_taylor", "permutation"] = "f_permutation"
    replacement: Literal["mean", "donors"] = "mean"
    repeats: Count = 4
    batch_size: Count = 4096
    max_examples: Count = 1_000_000


class Pruning(Section):
    """Drop the least important fields until one of the limits would be passed.

    `max_predicted_loss`: log-loss by which the pruned fields' importances may add up. F-Permutation
    adds absolute values, so it predicts far more than happens: on KuaiRand a sum of 0.05 (a third
    of 41 fields) cost 0.0002 of log-loss before finetuning. `byte_budget`: prune no further once
    the remaining tables, in fp32, are that small. `max_fields`: prune at most so many. `keep`:
    fields that are never pruned.
    """

    max_predicted_loss: NonNegative = 0.05
    byte_budget: Count | None = None
    max_fields: Annotated[int, Key(ge=0)] | None = None
    keep: tuple[Name, ...] = ()


class Tiers(Section):
    """`priority < int8_below → int8`, `< fp16_below → fp16`, else fp32."""

    int8_below: NonNegative
    fp16_below: NonNegative

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.fp16_below < self.int8_below:
            raise ValueError("fp16_below must be at least int8_below")
        return self


class Finetuning(Section):
    """Passes over the day's training slice, which the baseline has seen: rates stay low."""

    epochs: Annotated[int, Key(ge=0)] = 1
    embedding_learning_rate: Positive = 0.002
    dense_learning_rate: Positive = 0.00005


class Gates(Section):
    """Limits on compressed against baseline, both on the held-out test slice."""

    max_auc_drop: NonNegative = 0.002
    max_log_loss_increase: NonNegative = 0.002
    min_compression_ratio: NonNegative = 1.0


class Release(Section):
    """`automatic` moves `production` when all gates pass; `manual` leaves that to a person."""

    promotion: Literal["automatic", "manual"] = "manual"


_ADDRESSES = r"[^\s,/:]+:\d+(,[^\s,/:]+:\d+)*"
_MASTER = rf"local(\[(\*|[1-9]\d*)(,[1-9]\d*)?\])?|spark://{_ADDRESSES}|yarn|k8s://\S+"


class Spark(Section):
    """Where Spark runs the jobs on traffic and counts, and what it may use there.

    `master`: `local[2]`, 2 cores of this machine (`local[*]`: all of them; `local[2,4]`: tasks are
    tried 4 times); `spark://HOST:PORT`, a standalone cluster (`spark://HOST:PORT,HOST:PORT` where
    masters stand by); `yarn`, the cluster of HADOOP_CONF_DIR; `k8s://https://HOST:PORT`.
    `driver_memory`: of Java in the job's own process, which runs the tasks too where it is local.
    `executor_memory`, `executor_cores`, `executors`: Java's memory and the cores of an executor,
    and how many there are; none of them counts locally. What is not given is up to the cluster:
    standalone, all cores of every worker; on YARN and Kubernetes, two executors of one core.
    `executor_wait`: seconds after which a job that has no executor at all ends, to be tried again.
    `settings`: Spark's own, by their full names; they win over all of the above. Python's memory,
    beside Java's: `spark.executor.memoryOverhead` (YARN, Kubernetes). Its path on the executors,
    where that is not the job's own: `spark.pyspark.python`.
    """

    master: str = "local[2]"
    driver_memory: Memory = "1g"
    executor_memory: Memory = "1g"
    executor_cores: Count | None = None
    executors: Count | None = None
    executor_wait: Count = 600
    settings: dict[str, str] = {}

    @field_validator("master")
    @classmethod
    def _master_has_a_known_form(cls, master: str) -> str:
        if not re.fullmatch(_MASTER, master):
            forms = "local, local[N], local[*], local[N,F], spark://HOST:PORT, yarn or k8s://URL"
            raise ValueError(f"expected {forms}")
        return master

    @model_validator(mode="after")
    def _a_standalone_cluster_is_asked_for_cores(self) -> Self:
        if self.master.startswith("spark://") and self.executors and not self.executor_cores:
            raise ValueError("executors on spark:// need executor_cores: it counts cores only")
        return self
