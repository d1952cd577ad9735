from __future__ import annotations

from typing import Any

import pytest

from shark_core.config import parse_section
from shark_core.errors import ConfigError
from shark_core.traffic.synthetic.spec import TrafficSpec

USER = {"name": "user", "cardinality": 10}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"fields": []}, "fields"),
        ({"fields": [USER, USER]}, r"more than once.*user"),
        ({"fields": [USER], "dense_features": [{"name": "label"}]}, "label"),
        ({"fields": [USER], "copies": [{"name": "twin", "copies": "item"}]}, "item"),
        ({"fields": [{**USER, "strenght": 1}]}, "fields.0.strenght: unknown key"),
        ({"fields": [{**USER, "max_values": 2, "missing": 0.1}]}, "leave 'missing' out"),
    ],
)
def test_a_spec_that_cannot_be_meant_is_refused(document: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_section(document, "spec", TrafficSpec)
