"""The section `tiers`: its policies, what each refuses, and how tiers are stored."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from shark_core.config import PipelineConfig, parse_config
from shark_core.config_sections import Budget, LossAware, Thresholds
from shark_core.config_sections.tiers import DEFAULT_SCHEMES, SCHEMES_OF_TIER
from shark_core.errors import ConfigError
from shark_core.quantization.schemes import SCHEMES
from shark_core.quantization.tiers import TIERS
from tests.test_config import SMALL

LIMITS = {"int8_below": 1.0, "fp16_below": 10.0}
LOSS_AWARE = {"policy": "loss_aware", "target_ratio": 12}


def parsed(tiers: object) -> PipelineConfig:
    return parse_config({**SMALL, "tiers": tiers}, where="small.yaml")


def refusal(tiers: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed(tiers)
    return str(caught.value)


def test_limits_alone_are_the_papers_rule() -> None:
    tiers = parsed(LIMITS).tiers
    assert isinstance(tiers, Thresholds)
    assert tiers.limits == {"pruned": 0.0, "int2": 0.0, "int4": 0.0, "int8": 1.0, "fp16": 10.0}


@pytest.mark.parametrize(
    ("tiers", "kind"),
    [
        ({"policy": "thresholds", **LIMITS}, Thresholds),
        ({"policy": "budget", "target_ratio": 8, **LIMITS}, Budget),
        (LOSS_AWARE, LossAware),
    ],
)
def test_each_policy_has_a_section_of_its_own(tiers: dict[str, Any], kind: type) -> None:
    assert isinstance(parsed(tiers).tiers, kind)


def test_a_section_that_was_parsed_is_taken_as_it_is() -> None:
    tiers = LossAware(target_ratio=9.0)
    assert parsed(tiers).tiers == tiers


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        ({"policy": "guess", **LIMITS}, "tiers: Value error, policy must be one of thresholds"),
        ({"int8_below": 1.0}, "tiers.fp16_below: required key is missing"),
        ({**LIMITS, "target_ratio": 8}, "tiers.target_ratio: unknown key"),
        ({"policy": "budget", **LIMITS}, "tiers.target_ratio: required key is missing"),
        ({**LOSS_AWARE, "int8_below": 1}, "tiers.int8_below: unknown key"),
        ({**LOSS_AWARE, "target_ratio": 0.5}, "tiers.target_ratio: Input should be greater"),
        ({**LOSS_AWARE, "hysteresis": 1.0}, "tiers.hysteresis: Input should be less than 1"),
        ({**LIMITS, "hysteresis": -0.1}, "tiers.hysteresis: Input should be greater"),
        ({**LOSS_AWARE, "choices": ["int8", "int3"]}, "tiers.choices.1"),
        ({**LOSS_AWARE, "choices": ["int8", "int8"]}, "named more than once: ['int8']"),
        ({**LOSS_AWARE, "choices": []}, "tiers.choices"),
        (
            {"policy": "budget", "target_ratio": 8, "int8_below": 0, "fp16_below": 0},
            "fp16_below must be above 0",
        ),
        (3, "tiers: Input should be a valid dictionary"),
    ],
)
def test_what_a_policy_does_not_know_is_refused_by_its_path(tiers: object, said: str) -> None:
    assert said in refusal(tiers)


@pytest.mark.parametrize(
    ("lower", "upper"), [*pairwise(["pruned", "int2", "int4", "int8", "fp16"])]
)
def test_limits_that_do_not_ascend_are_refused(lower: str, upper: str) -> None:
    ascending = {"pruned": 1.0, "int2": 2.0, "int4": 3.0, "int8": 4.0, "fp16": 5.0}
    limits = {**ascending, lower: ascending[upper] + 0.5}
    message = refusal({f"{tier}_below": limit for tier, limit in limits.items()})
    assert f"{upper}_below must be at least {lower}_below" in message


def test_schemes_that_are_given_replace_the_defaults() -> None:
    schemes = parsed({**LIMITS, "schemes": {"int4": "int4_shared"}}).tiers.schemes
    assert schemes == {**DEFAULT_SCHEMES, "int4": "int4_shared"}


@pytest.mark.parametrize(
    ("schemes", "said"),
    [
        ({"int3": "int4"}, "'int3' is no tier"),
        ({"int4": "int2"}, "int4 is stored by int4 or int4_shared, not by 'int2'"),
        ({"fp32": "bf16"}, "fp32 is stored by fp32, not by 'bf16'"),
    ],
)
def test_a_scheme_that_does_not_store_its_tier_is_refused(
    schemes: dict[str, str], said: str
) -> None:
    message = refusal({**LIMITS, "schemes": schemes})
    assert "tiers.schemes" in message
    assert said in message


def test_every_scheme_can_be_chosen_for_its_tier() -> None:
    known = {(scheme.tier, name) for name, scheme in SCHEMES.items()}
    allowed = {(tier, name) for tier, names in SCHEMES_OF_TIER.items() for name in names}
    assert allowed == known
    assert tuple(SCHEMES_OF_TIER) == TIERS


def test_the_hash_depends_on_the_policy_and_not_on_written_defaults() -> None:
    plain, budget = parsed(LIMITS), parsed({"policy": "budget", "target_ratio": 8, **LIMITS})
    spelled_out = parsed({"policy": "thresholds", "schemes": DEFAULT_SCHEMES, **LIMITS})
    assert spelled_out.config_hash == plain.config_hash
    assert budget.config_hash != plain.config_hash
