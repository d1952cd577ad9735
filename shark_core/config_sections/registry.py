"""How published objects are stored."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field as Key
from pydantic import model_validator

from shark_core.config_sections.section import Section

CannedAcl = Literal[
    "private", "bucket-owner-read", "bucket-owner-full-control", "authenticated-read"
]


class Registry(Section):
    """What goes with every object on S3; a folder takes none of it.

    `encryption`: at rest, `AES256` (S3's own keys) or `aws:kms`, with `kms_key` or the account's
    default key; without it the bucket's default holds. `acl`: a canned ACL, for buckets of other
    accounts that still use them; public ones are not offered. `connections`: parts of a large file
    that are sent at once, each of 32 MiB or more in memory.
    """

    encryption: Literal["AES256", "aws:kms"] | None = None
    kms_key: Annotated[str, Key(min_length=1)] | None = None
    acl: CannedAcl | None = None
    connections: Annotated[int, Key(ge=1, le=64)] = 4

    @model_validator(mode="after")
    def _keys_are_of_kms(self) -> Self:
        if self.kms_key is not None and self.encryption != "aws:kms":
            raise ValueError("kms_key needs encryption: aws:kms")
        return self
