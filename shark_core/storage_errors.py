"""What a storage raises, as errors of `shark_core.errors`: try again, or change something first.

A folder's storage raises subclasses of `OSError`; S3 raises plain ones, told apart by the names
that its SDK gives them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC, EROFS

import pyarrow as pa

from shark_core.errors import ConfigError, DataError, RetryableError, SharkError

DENIED = re.compile(
    "ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|INVALID_CLIENT_TOKEN_ID"
    "|UNRECOGNIZED_CLIENT|MISSING_AUTHENTICATION_TOKEN|InvalidToken"
)
FULL = (ENOSPC, EDQUOT)
NO_BUCKET = re.compile("NO_SUCH_BUCKET|Bucket '[^']+' not found")
OTHER_REGION = re.compile("configured region is|PermanentRedirect|AuthorizationHeaderMalformed")


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Around what reads. A file that is gone or not of its format is a `DataError`."""
    try:
        yield
    except (FileNotFoundError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(
            "a file cannot be read",
            expected="a complete file of the dataset's format",
            found=error,
            where=where,
            remedy="restore the file, or run the job that writes it again",
        ) from error
    except OSError as error:
        raise storage_error(error, where) from error


@contextmanager
def writing(where: str) -> Iterator[None]:
    """Around what writes, deletes or checks what was written."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, where) from error


def storage_error(error: OSError, where: str) -> SharkError:
    """`ConfigError` for what a person must change first, `RetryableError` for the rest."""
    message = str(error)
    if isinstance(error, PermissionError) or error.errno == EROFS or DENIED.search(message):
        return ConfigError(
            "the storage refuses the access",
            expected="permission to list, read, write and delete below the lake's root",
            found=error,
            where=where,
            remedy="on S3 check the credentials (AWS_ variables, profile, role) and their policy; "
            "a folder must be writable, and its file system not mounted read-only",
        )
    if NO_BUCKET.search(message):
        return no_such_bucket(where, found=message)
    if OTHER_REGION.search(message):
        return ConfigError(
            "the bucket is in another region",
            found=error,
            where=where,
            remedy="set AWS_REGION to the bucket's region, or set none: then it is looked up",
        )
    if error.errno in FULL:
        return RetryableError(
            "the disk is full",
            found=error,
            where=where,
            remedy="free some space, then run the command again: what was half written is not read",
        )
    return RetryableError(
        "storage does not answer as it should",
        found=error,
        where=where,
        remedy="run the command again; check the storage and its address if it persists",
    )


def no_such_bucket(where: str, found: str) -> ConfigError:
    return ConfigError(
        "the lake's bucket does not exist",
        expected="a bucket that was made before",
        found=found,
        where=where,
        remedy="make the bucket, or correct the key 'lake' of the pipeline config",
    )


def written_anew(where: str) -> RetryableError:
    return RetryableError(
        "the partition was written anew while it was read",
        expected="a file that the partition's marker listed",
        found="a marker that lists other files",
        where=where,
        remedy="run the command again: it reads what is there now",
    )
