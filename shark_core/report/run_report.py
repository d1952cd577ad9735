"""The report of one day as one frozen value; `html` and `text` render it, report.json keeps it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from pydantic import TypeAdapter

from shark_core.errors import DataError
from shark_core.evaluation.comparison import Comparison
from shark_core.evaluation.gates import Gate
from shark_core.evaluation.slices import SliceComparison
from shark_core.pruning.outcome import LossChange
from shark_core.publish.written import Written
from shark_core.report.pruning_report import PruningReport

FORMAT_VERSION = 5
Decision = Literal["kept", "pruned", "undone", "proposed"]


@dataclass(frozen=True)
class Bytes:
    """Embedding bytes. `before`: all fields in fp32; `after`: everything published for them."""

    before: int
    after: int
    payload: int
    memory: int
    constants: int

    @property
    def ratio(self) -> float:
        return self.before / self.after

    @property
    def saved_share(self) -> float:
        return 1.0 - self.after / self.before


@dataclass(frozen=True)
class FieldOutcome:
    """What happened to a field, and why. `predicted`: the change of log-loss by pruning it.

    `kept` · `pruned` · `undone`: pruned, measured and taken back · `proposed`: the day's plan would
    prune it, the plan in force does not permit it.
    """

    field: str
    encoding: str
    num_embeddings: int
    embedding_dim: int
    importance: float
    standard_error: float
    predicted: LossChange
    decision: Decision
    reason: str
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True)
class TierMix:
    """The rows of one tier over all kept fields; `bytes` on disk."""

    tier: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class Records:
    """What came in. `records = examples + quarantined`, always."""

    records: int
    examples: int
    positives: int
    quarantined: dict[str, int]

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """From what ingest notes of a day, which is more than this."""
        return cls(**{name: facts[name] for name in cls.__annotations__})


@dataclass(frozen=True)
class Origin:
    """Where the day's figures come from: fingerprints of the partitions, config and code."""

    config_hash: str
    code_version: str
    inputs: dict[str, str]


@dataclass(frozen=True)
class RunReport:
    """`churn`: share of rows that changed their tier since the day before; None without one."""

    model: str
    day: str
    snapshot_id: str
    promotion: str
    importance_method: str
    importance_examples: int
    embedding_bytes: Bytes
    fields: tuple[FieldOutcome, ...]
    pruning: PruningReport
    tiers: tuple[TierMix, ...]
    churn: float | None
    written: Written
    comparison: Comparison
    slices: tuple[SliceComparison, ...]
    gates: tuple[Gate, ...]
    records: Records
    origin: Origin

    @property
    def pruned(self) -> list[str]:
        return [field.field for field in self.fields if field.decision == "pruned"]

    @property
    def failed_gates(self) -> list[Gate]:
        return [gate for gate in self.gates if not gate.passed]

    def to_json(self) -> str:
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> RunReport:
        """Raises `DataError` where the document is not what `to_json` writes."""
        try:
            if json.loads(text)["format_version"] != FORMAT_VERSION:
                raise ValueError("another format_version")
            return _REPORT.validate_json(text)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                "report.json is damaged, or of another release",
                expected=f"a report of format version {FORMAT_VERSION}",
                found=error,
                remedy="run `python -m jobs report` for this day again",
            ) from error


_REPORT = TypeAdapter(RunReport)
