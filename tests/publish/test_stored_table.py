from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from shark_core.errors import DataError
from shark_core.lake import Marker
from shark_core.publish.stored_table import FACT, StoredTable, StoredTier, stored_tables
from tests.publish.stored_tables import described, make_table


def marker(facts: dict[str, Any]) -> Marker:
    return Marker("compressed", (), {}, "", "", facts)


def test_tiers_with_rows_are_described_by_their_schemes() -> None:
    table = make_table([0, 0, 0.5, 0, 0.3, 0.2], 1000)
    rows = np.bincount(table.tier_codes.numpy()).tolist()
    assert described(table).tiers == (
        StoredTier(
            tier="int8",
            scheme="int8",
            rows=rows[2],
            row_bytes=20,
            param_count=0,
            stored_rows=rows[2],
            file="table=user_id/tier=int8/part-00000.parquet",
        ),
        StoredTier(
            tier="int2",
            scheme="int2_shared",
            rows=rows[4],
            row_bytes=4,
            param_count=2,
            stored_rows=rows[4],
            file="table=user_id/tier=int2/part-00000.parquet",
        ),
        StoredTier(
            tier="pruned",
            scheme="pruned",
            rows=rows[5],
            row_bytes=0,
            param_count=16,
            stored_rows=0,
            file=None,
        ),
    )


def test_descriptions_survive_the_marker() -> None:
    table = described(make_table([0.5, 0, 0.2, 0, 0, 0.3], 100))
    facts = {FACT: [table.model_dump(mode="json")]}
    assert stored_tables(Marker.from_json(marker(facts).to_json())) == (table,)


def test_a_description_that_leaves_rows_out_is_refused() -> None:
    document = described(make_table([0.5, 0.5], 100)).model_dump()
    with pytest.raises(ValidationError, match="100 rows together"):
        StoredTable.model_validate({**document, "tiers": document["tiers"][:1]})


@pytest.mark.parametrize("facts", [{}, {FACT: 3}, {FACT: [{"field": "user_id"}]}])
def test_a_marker_without_descriptions_is_refused(facts: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="how its tables are stored"):
        stored_tables(marker(facts))
