"""What happens with a compressed model when it is published."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Key

from shark_core.config_sections.section import Section, Share

MOST_DELTAS = 30


class Release(Section):
    """`automatic` moves `production` when all gates pass; `manual` leaves that to a person.

    A table of which few rows changed since the snapshot of the day before is published as its
    changes, where they take at most `max_delta_share` of the table's packed bytes, and a reader has
    to apply at most `max_deltas` of them to a whole table. 0: every table is published whole.
    """

    promotion: Literal["automatic", "manual"] = "manual"
    max_deltas: Annotated[int, Key(ge=0, le=MOST_DELTAS)] = 6
    max_delta_share: Share = 0.5
