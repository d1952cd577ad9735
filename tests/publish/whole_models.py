"""Snapshots with all files of a model: two fields, `user_id` with a table of any tiers, `tab`
pruned.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from safetensors.torch import save

from shark_core.config_sections import Field, Model, Release
from shark_core.models.ctr_model import CtrModel, model_from_spec
from shark_core.models.model_spec import ModelSpec
from shark_core.publish.catalog import Catalog
from shark_core.publish.compressed_model import DENSE_FILE, MODEL_FILE, ModelDescription
from shark_core.publish.manifest import Manifest
from shark_core.publish.snapshot_file import SnapshotFile
from shark_core.quantization.mixed_precision_table import MixedPrecisionTable
from tests.publish.day_tables import FIELD, DayTables

PRUNED = "tab"
WHOLE = Release(max_deltas=0)


def spec_of(table: MixedPrecisionTable, pooling: str) -> ModelSpec:
    size = {"num_embeddings": table.num_embeddings, "embedding_dim": table.embedding_dim}
    fields = (
        Field.model_validate({"name": FIELD, "encoding": "hash", "pooling": pooling, **size}),
        Field(name=PRUNED, column=PRUNED, encoding="hash", num_embeddings=3, embedding_dim=5),
    )
    return ModelSpec(model=Model(head="wide_deep"), fields=fields, dense_features=())


def model_of(table: MixedPrecisionTable, pooling: str) -> CtrModel:
    """What a snapshot of the table serves."""
    model = model_from_spec(spec_of(table, pooling), seed=3, pruned=[PRUNED])
    model.embeddings.weight(FIELD).data.copy_(table.dequantize())
    model.embeddings.constants[PRUNED].data.normal_()
    return model


def publish_model(
    catalog: Catalog,
    table: MixedPrecisionTable,
    model: CtrModel,
    snapshot_id: str = "whole",
    parent: str | None = None,
    policy: Release = WHOLE,
) -> Manifest:
    pooling = model.spec.fields[0].pooling
    weights = {n: t for n, t in model.state_dict().items() if not n.startswith("embeddings.tables")}
    dense = save({name.removeprefix("embeddings."): t for name, t in weights.items()})
    description = ModelDescription(spec=model.spec, pruned=(PRUNED,)).model_dump_json().encode()
    day = DayTables.of(snapshot_id, 0 if parent is None else 1, table, parent)
    added = {MODEL_FILE: description, DENSE_FILE: dense}
    files = [*day.manifest.files, *(_described(name, added[name]) for name in added)]
    stored = day.manifest.tables[0].model_copy(update={"pooling": pooling})
    update = {"files": tuple(sorted(files, key=lambda f: f.name)), "tables": (stored,)}
    contents = {**day.contents, **{name: (0, content) for name, content in added.items()}}
    return replace(day, manifest=day.manifest.model_copy(update=update), contents=contents).publish(
        catalog, policy
    )


def _described(name: str, content: bytes) -> SnapshotFile:
    digest = hashlib.sha256(content).hexdigest()
    return SnapshotFile(name=name, rows=0, bytes=len(content), sha256=digest)
