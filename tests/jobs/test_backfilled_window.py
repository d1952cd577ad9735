"""A training over days from before a field, on the branch to which their examples were written."""

from __future__ import annotations

import pytest

from jobs.backfill_examples import backfill_examples
from jobs.train import Retraining, train
from shark_core.errors import DataError
from shark_core.lake import partition
from shark_core.models.checkpoint import load_checkpoint
from shark_core.schemas import CHECKPOINT, EXAMPLES
from tests.access.past_days import DAYS, FIRST_WITH_FIELDS, NEW, PastDays

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]
pytest_plugins = ["tests.access.past_fixtures"]

WINDOW = Retraining(since=DAYS[0])


def test_a_window_that_begins_before_the_fields_is_trained_on(later: PastDays) -> None:
    backfill_examples(later.completing(*NEW))
    context = later.on_branch(FIRST_WITH_FIELDS)
    train(context, WINDOW)
    marker = context.marker(CHECKPOINT, stage="baseline")
    assert marker.inputs == {
        partition(EXAMPLES, day).path: context.lake.marker(partition(EXAMPLES, day)).fingerprint
        for day in DAYS[: FIRST_WITH_FIELDS + 1]
    }
    made = [later.completed_marker(number) for number in range(FIRST_WITH_FIELDS)]
    assert {each.fingerprint for each in made if each} < {*marker.inputs.values()}
    model = load_checkpoint(context.lake, context.partition(CHECKPOINT, stage="baseline"))
    assert {*NEW} < {*model.embeddings.tables}


def test_without_the_fields_it_is_refused_and_says_what_adds_them(later: PastDays) -> None:
    backfill_examples(later.completing("user", "ad", "site"))
    with pytest.raises(DataError, match=r"(?s)'field_tags' does not fit.*backfill-examples"):
        train(later.on_branch(FIRST_WITH_FIELDS), WINDOW)
