"""What may be the root of a lake, and the one form in which it is kept.

lake               lake               a folder, seen from where the command runs
~/lake             /home/me/lake
s3://bucket/a/     s3://bucket/a
s3a://bucket/a     s3://bucket/a      as Spark and Hadoop write it
"""

from __future__ import annotations

import re
from pathlib import Path

from shark_core.errors import ConfigError, RetryableError

S3 = "s3://"
S3_SCHEMES = {"s3", "s3a"}
URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):/+(?P<rest>.*)", re.DOTALL)
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
NO_PARTS_OF_A_KEY = {"", ".", ".."}


def canonical_root(root: str) -> str:
    """The root in its one form. Raises `ConfigError`, which shows nothing that may be a secret."""
    uri = URI.match(root)
    if uri is None:
        return _folder(root)
    if uri["scheme"] not in S3_SCHEMES or not root.startswith(f"{uri['scheme']}://"):
        raise _refused(f"{uri['scheme']}:/…", "write a folder without a scheme, or s3://")
    return S3 + _bucket_and_prefix(root.partition("://")[2])


def is_on_s3(root: str) -> bool:
    return root.startswith(S3)


def base_path(root: str) -> str:
    """A canonical root as its filesystem wants it: `bucket/prefix`, or the folder from `/` on."""
    return root.removeprefix(S3) if is_on_s3(root) else str(Path(root).absolute())


def require_root(root: str) -> None:
    """Raises `RetryableError` where a canonical root is a folder that is not there: whatever is
    asked of it would look as if nobody had ever written it. A bucket says so by itself.
    """
    if not is_on_s3(root) and not Path(root).is_dir():
        raise RetryableError(
            "the lake is not there",
            expected="a folder",
            found="nothing" if not Path(root).exists() else "something else",
            where=Path(root).absolute(),
            remedy="mount it, or correct `lake` in the config; `python -m jobs generate` and "
            "`prepare` make a new one",
        )


def _folder(root: str) -> str:
    if not root.strip():
        raise _refused("nothing", "name a folder or a bucket")
    try:
        return str(Path(root).expanduser())
    except RuntimeError as error:
        raise _refused(f"{root!r}: {error}", "write the folder's whole path") from error


def _bucket_and_prefix(rest: str) -> str:
    bucket, _, prefix = rest.partition("/")
    if ":" in bucket or "@" in rest:
        raise _refused(
            "something before the bucket's name (not shown: it may be a secret)",
            "leave keys to AWS_ variables, a profile or a role; an endpoint to AWS_ENDPOINT_URL_S3",
        )
    if "?" in rest or "#" in rest:
        raise _refused("options behind it", "set AWS_REGION and AWS_ENDPOINT_URL_S3 instead")
    if not bucket:
        raise _refused("s3:// without a bucket", "name the bucket after s3://")
    if not BUCKET.fullmatch(bucket):
        raise _refused(f"the bucket {bucket!r}", "correct the bucket's name")
    parts = prefix.rstrip("/").split("/") if prefix.rstrip("/") else []
    if NO_PARTS_OF_A_KEY & set(parts):
        raise _refused(f"the prefix {prefix!r}", "remove empty parts, '.' and '..' from the prefix")
    return "/".join([bucket, *parts])


def _refused(found: str, remedy: str) -> ConfigError:
    return ConfigError(
        "the lake's location is not understood",
        expected="a folder, or s3://bucket/prefix",
        found=found,
        where="lake",
        remedy=remedy,
    )
