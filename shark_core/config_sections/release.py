"""What happens with a compressed model when it is published."""

from __future__ import annotations

from typing import Literal

from shark_core.config_sections.section import Section


class Release(Section):
    """`automatic` moves `production` when all gates pass; `manual` leaves that to a person."""

    promotion: Literal["automatic", "manual"] = "manual"
