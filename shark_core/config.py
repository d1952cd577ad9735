"""One YAML file describes a model's pipeline. Unknown keys are refused; secrets never live here.

`load_config(path)` gives a frozen `PipelineConfig`; every error names the key path, the value found
and what is allowed. `infra/config/*.yaml` are complete examples.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import yaml
from pydantic import AfterValidator, ValidationError, model_validator
from pydantic import Field as Key

from shark_core.config_sections import (
    Count,
    DenseFeature,
    Evaluation,
    EventTime,
    Field,
    Finetuning,
    Gates,
    Importance,
    Ingest,
    Label,
    Model,
    Name,
    Priority,
    Pruning,
    Registry,
    Release,
    Section,
    Spark,
    Tiers,
    Training,
)
from shark_core.errors import ConfigError
from shark_core.lake_root import canonical_root

DEFAULT_DIM = 16
NO_RESULTS = {"lake", "spark", "registry"}  # where a pipeline runs and stores, not what it does
UNION_TAG = re.compile(r"<\w+>")  # which kind of a section was meant: not a key

AnySection = TypeVar("AnySection", bound=Section)


class PipelineConfig(Section):
    """Each key is described where its section is: `shark_core.config_sections`.

    `lake` is a folder or `s3://bucket/prefix` (`s3a://` is the same), without credentials in it.
    """

    name: Name
    lake: Annotated[str, AfterValidator(canonical_root)]
    label: Label
    event_time: EventTime
    embedding_dim: Count = DEFAULT_DIM
    fields: Annotated[tuple[Field, ...], Key(min_length=1)]
    dense_features: tuple[DenseFeature, ...] = ()
    ingest: Ingest = Ingest()
    priority: Priority = Priority()
    model: Model = Model()
    training: Training = Training()
    importance: Importance = Importance()
    pruning: Pruning = Pruning()
    tiers: Tiers
    finetuning: Finetuning = Finetuning()
    evaluation: Evaluation = Evaluation()
    gates: Gates = Gates()
    release: Release = Release()
    registry: Registry = Registry()
    spark: Spark = Spark()

    @model_validator(mode="before")
    @classmethod
    def _fields_inherit_the_dimension(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("fields"), list):
            return values
        dim = values.get("embedding_dim")
        if not isinstance(dim, int) or dim < 1:  # reported once, not again for every field
            dim = DEFAULT_DIM
        fields = [
            {"embedding_dim": dim, **field} if isinstance(field, dict) else field
            for field in values["fields"]
        ]
        return {**values, "fields": fields}

    @model_validator(mode="after")
    def _names_are_unique_and_known(self) -> Self:
        features: tuple[Field | DenseFeature, ...] = (*self.fields, *self.dense_features)
        names = [feature.name for feature in features]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"names used more than once in fields and dense_features: {repeated}")
        known = {field.name for field in self.fields}
        grouped = {name for group in self.pruning.groups for name in group}
        sliced = {self.evaluation.slice_field} if self.evaluation.slice_field else set()
        for key, named in {
            "pruning.keep": set(self.pruning.keep),
            "pruning.groups": grouped,
            "evaluation.slice_field": sliced,
        }.items():
            if unknown := sorted(named - known):
                raise ValueError(f"{key} names fields that do not exist: {unknown}")
        read = [feature.column for feature in features]
        if self.label.column in read:
            raise ValueError(f"the label column {self.label.column!r} is also read as a feature")
        return self

    def field(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise ConfigError(
            "unknown field",
            expected=f"one of {[field.name for field in self.fields]}",
            found=name,
            where=f"config {self.name!r}",
            remedy="name a field of the config",
        )

    @property
    def float_bytes(self) -> int:
        """Bytes of all tables in fp32."""
        return sum(field.float_bytes for field in self.fields)

    @property
    def config_hash(self) -> str:
        """16 hex digits over everything that can change a result (not over where it runs
        and stores).
        """
        document = self.model_dump(mode="json", exclude=NO_RESULTS)
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def load_config(path: str | Path) -> PipelineConfig:
    """Read and check one pipeline config. Raises `ConfigError`."""
    return load_section(path, PipelineConfig)


def parse_config(document: object, where: str) -> PipelineConfig:
    """Check a parsed YAML document. Raises one `ConfigError` that lists every problem in it."""
    return parse_section(document, where, PipelineConfig)


def load_section(path: str | Path, kind: type[AnySection]) -> AnySection:
    """Read and check a YAML file of any kind of section. Raises `ConfigError`."""
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            "the config cannot be read",
            expected="a YAML file such as those in infra/config",
            found=error,
            where=path,
            remedy="check the path and the YAML syntax",
        ) from error
    return parse_section(document, str(path), kind)


def parse_section(document: object, where: str, kind: type[AnySection]) -> AnySection:
    """Check a parsed YAML document against any kind of section."""
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        problems = [_problem(dict(detail)) for detail in error.errors()]
        raise ConfigError(
            f"{len(problems)} problem(s) in the config\n" + "\n".join(problems),
            where=where,
            remedy=f"correct these keys; {kind.__module__} says what each one means",
        ) from error


def _problem(detail: dict[str, Any]) -> str:
    parts = [str(part) for part in detail["loc"]]
    path = ".".join(part for part in parts if not UNION_TAG.fullmatch(part)) or "(top level)"
    found = "" if isinstance(detail["input"], dict | list) else f", found {detail['input']!r}"
    if detail["type"] == "missing":
        return f"  {path}: required key is missing"
    if detail["type"] == "extra_forbidden":
        return f"  {path}: unknown key{found}; remove it or correct its spelling"
    return f"  {path}: {detail['msg']}{found}"
