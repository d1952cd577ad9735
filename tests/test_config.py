"""What a pipeline config refuses and how it says so; what its hash depends on."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shark_core.config import PipelineConfig, load_config, parse_config
from shark_core.errors import ConfigError

SMALL: dict[str, Any] = {
    "name": "small",
    "lake": "lake/small",
    "label": {"column": "clicked"},
    "event_time": {"column": "served_at"},
    "embedding_dim": 8,
    "fields": [
        {"name": "user", "encoding": "hash", "num_embeddings": 100},
        {"name": "tags", "encoding": "vocabulary", "num_embeddings": 50, "pooling": "mean"},
    ],
    "dense_features": [{"name": "age", "fill": 0}],
    "tiers": {"int8_below": 1.0, "fp16_below": 10.0},
}


def changed(path: str, value: object) -> dict[str, Any]:
    """A copy of `SMALL` with the key at a dotted path set; list items by their number."""
    document = copy.deepcopy(SMALL)
    *parents, last = path.split(".")
    place: Any = document
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
    place[last] = value
    return document


def refusal(document: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(document, where="small.yaml")
    return str(caught.value)


def parsed(document: dict[str, Any]) -> PipelineConfig:
    return parse_config(document, where="small.yaml")


@pytest.mark.parametrize(
    ("path", "value", "allowed"),
    [
        ("name", "Has Spaces", "pattern"),
        ("embedding_dim", 0, "greater than or equal to 1"),
        ("fields.0.encoding", "one_hot", "'identity', 'hash' or 'vocabulary'"),
        ("fields.0.num_embeddings", 1, "greater than or equal to 2"),
        ("fields.0.num_embeddings", 2**28, "less than 268435456"),
        ("fields.0.num_embeddings", "many", "valid integer"),
        ("fields.1.pooling", "max", "'none', 'sum' or 'mean'"),
        ("event_time.unit", "minutes", "'s', 'ms', 'us' or 'timestamp'"),
        ("dense_features.0.transform", "log", "'identity' or 'signed_log1p'"),
        ("ingest.max_quarantined_share", 1.5, "less than or equal to 1"),
        ("priority.decay", 0, "greater than 0"),
        ("training.holdout_share", 1.0, "less than 1"),
        ("model.head", "my head", "pattern"),
        ("release.promotion", "sometimes", "'automatic' or 'manual'"),
        ("spark.driver_memory", "lots", "pattern"),
    ],
)
def test_a_bad_value_is_refused_with_its_path_the_value_and_what_is_allowed(
    path: str, value: object, allowed: str
) -> None:
    message = refusal(changed(path, value))
    assert path in message
    assert repr(value) in message
    assert allowed in message
    assert "small.yaml" in message


@pytest.mark.parametrize("path", ["fieldz", "training.epoch", "fields.0.dim", "tiers.int3_below"])
def test_an_unknown_key_is_refused_by_its_path(path: str) -> None:
    message = refusal(changed(path, 3))
    assert f"{path}: unknown key, found 3" in message


@pytest.mark.parametrize("key", ["name", "lake", "label", "event_time", "fields", "tiers"])
def test_a_missing_key_is_named(key: str) -> None:
    document = {name: value for name, value in SMALL.items() if name != key}
    assert f"{key}: required key is missing" in refusal(document)


def test_all_problems_are_named_at_once() -> None:
    document = changed("embedding_dim", -1)
    document["label"] = {}
    message = refusal(document)
    assert "embedding_dim" in message
    assert "label.column: required key is missing" in message


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("fields.1.name", "user", "more than once"),
        ("pruning.keep", ["nobody"], "pruning.keep names fields that do not exist: ['nobody']"),
        ("evaluation.slice_field", "nobody", "slice_field names fields that do not exist"),
        ("importance.max_examples", 9, "max_examples 9 is below min_examples 50"),
        ("importance.validation.max_examples", 9, "validation.max_examples 9 is below"),
        ("pruning.groups", [["user", "nobody"]], "groups names fields that do not exist: ['nobody"),
        ("pruning.groups", [["user", "tags"], ["tags"]], "more than once: ['tags']"),
        ("label.column", "user", "also read as a feature"),
        ("fields.0.separator", ",", "set pooling"),
        ("fields.0.min_count", 2, "belongs to encoding 'vocabulary'"),
        ("tiers.fp16_below", 0.5, "at least int8_below"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(path: str, value: object, said: str) -> None:
    assert said in refusal(changed(path, value))


@pytest.mark.parametrize("content", ["fields: [", "\xff", "just words", ""])
def test_a_file_that_is_no_config_is_refused_with_its_path(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"broken\.yaml"):
        load_config(path)


def test_a_missing_file_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")


def test_yaml_cannot_build_objects(tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text("name: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(ConfigError, match="python/object"):
        load_config(path)


def test_fields_inherit_the_dimension_unless_they_have_their_own() -> None:
    config = parsed(changed("fields.0.embedding_dim", 4))
    assert [field.embedding_dim for field in config.fields] == [4, 8]


def test_a_field_reads_the_column_of_its_name_unless_told() -> None:
    config = parsed(changed("fields.0.column", "user_id"))
    assert [field.column for field in config.fields] == ["user_id", "tags"]


def test_float_bytes_count_every_table_in_fp32() -> None:
    assert parsed(SMALL).float_bytes == (100 + 50) * 8 * 4


def test_an_unknown_field_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"\['user', 'tags'\]"):
        parsed(SMALL).field("item")


@given(
    lake=st.from_regex(r"(s3://bucket/)?[a-z]{1,9}(/[a-z]{1,9}){0,2}", fullmatch=True),
    master=st.sampled_from(["local[2]", "yarn", "spark://host:7077", "k8s://https://host:6443"]),
)
def test_the_hash_does_not_depend_on_where_the_pipeline_runs(lake: str, master: str) -> None:
    moved = changed("lake", lake) | {"spark": {"master": master}}
    assert parsed(moved).config_hash == parsed(SMALL).config_hash


@pytest.mark.parametrize(
    ("path", "value"),
    [("fields.0.num_embeddings", 101), ("priority.decay", 0.3), ("training.seed", 1)],
)
def test_the_hash_depends_on_what_changes_results(path: str, value: object) -> None:
    assert parsed(changed(path, value)).config_hash != parsed(SMALL).config_hash


def test_the_hash_does_not_depend_on_the_order_of_keys_or_on_written_defaults() -> None:
    spelled_out = dict(reversed(changed("training.epochs", 1).items()))
    assert parsed(spelled_out).config_hash == parsed(SMALL).config_hash


def test_a_bad_dimension_is_reported_once_not_for_every_field() -> None:
    message = refusal(changed("embedding_dim", -1))
    assert message.startswith("1 problem(s)")


def test_numbers_that_are_none_are_refused() -> None:
    assert "finite" in refusal(changed("tiers.int8_below", float("nan")))
