"""What all sections of a config share: strict keys, and the ranges that values may have."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic import Field as Key

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Share = Annotated[float, Key(ge=0.0, le=1.0)]
Positive = Annotated[float, Key(gt=0.0)]
NonNegative = Annotated[float, Key(ge=0.0)]
Count = Annotated[int, Key(ge=1)]
Memory = Annotated[str, StringConstraints(pattern=r"^\d+[mg]$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
