"""The pipeline configs in infra/config fit the traffic that `generate` and `prepare` write."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from jobs.generate import DEMO_FIELDS
from shark_core.config import PipelineConfig, load_config, load_section
from shark_core.interval import Interval
from shark_core.traffic.columns import check_columns
from shark_core.traffic.raw import avazu, criteo
from shark_core.traffic.raw.kuairand import open_kuairand
from shark_core.traffic.synthetic.day import SyntheticDay
from shark_core.traffic.synthetic.spec import TrafficSpec
from shark_core.traffic.validation import find_reasons
from tests.real_traffic import KUAIRAND, needs_kuairand

CONFIGS = Path(__file__).parents[2] / "infra" / "config"

# What KuaiRand logs of an impression after it was shown.
AFTER_THE_IMPRESSION = {
    "is_click",
    "is_like",
    "is_follow",
    "is_comment",
    "is_forward",
    "is_hate",
    "long_view",
    "play_time_ms",
    "profile_stay_time",
    "comment_stay_time",
    "is_profile_enter",
}


def config(name: str) -> PipelineConfig:
    return load_config(CONFIGS / f"{name}.yaml")


def columns_of_features(loaded: PipelineConfig) -> set[str]:
    fields = {field.column for field in loaded.fields}
    return fields | {dense.column for dense in loaded.dense_features}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_loads_under_its_own_name(path: Path) -> None:
    assert load_config(path).name == path.stem


@pytest.mark.parametrize(
    ("name", "schema"), [("criteo", criteo.SCHEMA), ("avazu", avazu.SCHEMA)], ids=str
)
def test_the_columns_read_are_those_that_prepare_writes(name: str, schema: pa.Schema) -> None:
    check_columns(schema, config(name), where=name)
    assert columns_of_features(config(name)) <= {*schema.names}


def test_the_demo_reads_all_that_is_planted_and_refuses_none() -> None:
    spec = load_section(DEMO_FIELDS, TrafficSpec)
    day = date(2026, 1, 3)
    synthetic = SyntheticDay(spec, 0, day, 2, 2000)
    demo = config("demo")
    check_columns(synthetic.schema, demo, where="demo")
    assert columns_of_features(demo) == {feature.name for feature in spec.planted}
    for batch in synthetic.batches():
        assert not find_reasons(batch, demo, Interval.of_day(day)).any()


def test_the_demo_plants_noise_and_a_copy_to_prune() -> None:
    roles = [feature.role for feature in load_section(DEMO_FIELDS, TrafficSpec).planted]
    assert roles.count("noise") >= 3
    assert roles.count("redundant") >= 1


def test_kuairand_reads_nothing_that_follows_the_impression() -> None:
    assert columns_of_features(config("kuairand")).isdisjoint(AFTER_THE_IMPRESSION)


@needs_kuairand
def test_kuairand_accepts_every_impression() -> None:
    kuairand = config("kuairand")
    for day, batch in open_kuairand(KUAIRAND).batches:
        check_columns(batch.schema, kuairand, where=str(day))
        assert not find_reasons(batch, kuairand, Interval.of_day(day)).any()


@needs_kuairand
def test_kuairands_vocabularies_have_room_for_every_value() -> None:
    traffic = pa.Table.from_batches([batch for _, batch in open_kuairand(KUAIRAND).batches])
    for field in config("kuairand").fields:
        values = traffic[field.column]
        if field.separator:
            values = pc.list_flatten(pc.split_pattern(values, field.separator))
        distinct = pc.count_distinct(values, mode="only_valid").as_py()
        assert distinct < field.num_embeddings or field.encoding == "identity", field.name
