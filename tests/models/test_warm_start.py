"""What a day's model takes over from the day before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from shark_core.models.ctr_model import CtrModel, build_model
from shark_core.models.warm_start import continued_row_sums, warm_start
from tests.example_lake import tiny_config

ITEM = 1


def model(
    root: Path, seed: int = 0, item: dict[str, Any] | None = None, **changes: Any
) -> CtrModel:
    """The tiny model; `item` changes keys of the field `item`."""
    fields = [field.model_dump() for field in tiny_config(root).fields]
    fields[ITEM] |= item or {}
    config = tiny_config(root, training={"seed": seed}, **{"fields": fields, **changes})
    return build_model(config)


def test_everything_is_taken_over_by_the_same_config(tmp_path: Path) -> None:
    new, old = model(tmp_path, seed=1), model(tmp_path, seed=0)
    taken = warm_start(new, old)
    assert taken.rows == {"user": 50, "item": 20, "tags": 8}
    for name, tensor in old.state_dict().items():
        assert torch.equal(new.state_dict()[name], tensor), name


def test_a_vocabulary_that_grew_keeps_its_rows(tmp_path: Path) -> None:
    new, old = model(tmp_path, 1, {"num_embeddings": 30}), model(tmp_path, 0)
    fresh = new.embeddings.weight("item")[20:].clone()
    assert warm_start(new, old).rows["item"] == 20
    assert torch.equal(new.embeddings.weight("item")[:20], old.embeddings.weight("item"))
    assert torch.equal(new.embeddings.weight("item")[20:], fresh)


def test_a_hash_table_of_another_size_starts_fresh(tmp_path: Path) -> None:
    hashed = {"encoding": "hash"}
    old, new = model(tmp_path, 0, hashed), model(tmp_path, 1, {**hashed, "num_embeddings": 30})
    assert warm_start(new, old).rows["item"] == 0


@pytest.mark.parametrize(
    "change", [{"encoding": "identity"}, {"column": "other"}, {"embedding_dim": 5}]
)
def test_a_field_of_another_meaning_starts_fresh(tmp_path: Path, change: dict[str, Any]) -> None:
    new, old = model(tmp_path, 1, change), model(tmp_path, 0)
    before = new.embeddings.weight("item").clone()
    assert warm_start(new, old).rows["item"] == 0
    assert torch.equal(new.embeddings.weight("item"), before)


def test_a_new_field_starts_fresh_and_the_head_with_it(tmp_path: Path) -> None:
    fields = [field.model_dump() for field in tiny_config(tmp_path).fields]
    new, old = model(tmp_path, 1), model(tmp_path, 0, fields=fields[:2])
    head = {name: tensor.clone() for name, tensor in new.head.state_dict().items()}
    taken = warm_start(new, old)
    assert taken.rows == {"user": 50, "item": 20, "tags": 0}
    assert not taken.head
    assert all(torch.equal(new.head.state_dict()[name], head[name]) for name in head)
    assert "fresh tables: ['tags']" in str(taken)


def test_the_head_is_not_taken_over_where_fields_changed_places(tmp_path: Path) -> None:
    fields = [field.model_dump() for field in tiny_config(tmp_path).fields]
    new, old = model(tmp_path, 1, fields=fields[::-1]), model(tmp_path, 0)
    assert not warm_start(new, old).head


def test_accumulators_follow_the_rows(tmp_path: Path) -> None:
    new, old = model(tmp_path, 1, {"embedding_dim": 5}), model(tmp_path, 0)
    sums = {"user": torch.arange(50.0), "item": torch.ones(20)}
    kept = continued_row_sums(sums, warm_start(new, old))
    assert list(kept) == ["user"]
    assert torch.equal(kept["user"], torch.arange(50.0))


def test_a_field_that_was_pruned_before_starts_fresh_and_the_head_stays(tmp_path: Path) -> None:
    new, old = model(tmp_path, 1), model(tmp_path, 0)
    old.embeddings.prune("item", torch.ones(6))
    fresh = new.embeddings.weight("item").clone()
    taken = warm_start(new, old)
    assert taken.rows == {"user": 50, "item": 0, "tags": 8}
    assert taken.head
    assert torch.equal(new.embeddings.weight("item"), fresh)
