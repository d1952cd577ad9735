"""What boto3 raises, as errors of `shark_core.errors`: try again, or change something first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from shark_core.errors import ConfigError, DataError, RetryableError, SharkError

TAKEN = {"PreconditionFailed", "412"}
CONFLICT = {"ConditionalRequestConflict", "409"}  # two who store a key at once: try again
GONE = {"NoSuchKey", "404", "NotFound"}
NO_UPLOAD = {"NoSuchUpload"}

WITHOUT_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, ProfileNotFound)
TRY_AGAIN = {
    "RequestTimeout",
    "RequestTimeoutException",
    "OperationAborted",
    "SlowDown",
    "BadDigest",
    "ConditionalRequestConflict",
    "IncompleteBody",
    "ExpiredToken",  # roles get new ones
}
REMEDIES = {
    "NoSuchBucket": "make the bucket, or correct the key 'lake' of the pipeline config",
    "RequestTimeTooSkewed": "set this machine's clock: it differs too much from the storage's",
    "PermanentRedirect": "set AWS_REGION to the bucket's region",
    "AuthorizationHeaderMalformed": "set AWS_REGION to the bucket's region",
    "IllegalLocationConstraintException": "set AWS_REGION to the bucket's region",
    "AccessControlListNotSupported": "remove the key 'registry.acl': the bucket allows no ACLs",
    "NotImplemented": "this store lacks conditional writes, encryption or ACLs: see the README",
}
ACCESS = "check the credentials (AWS_ variables, profile, role), their policy and the KMS key's"


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def talking_to_s3(where: str) -> Iterator[None]:
    """Around calls of boto3 and reads of what it gives."""
    try:
        yield
    except ClientError as error:
        raise _refused(error, where) from error
    except WITHOUT_CREDENTIALS as error:
        raise ConfigError(
            "there are no credentials for the storage",
            expected="AWS_ variables, a profile, a web identity or a role",
            found=type(error).__name__,
            where=where,
            remedy="set one of them where this command runs",
        ) from error
    except (HTTPClientError, IncompleteReadError, BotoCoreError) as error:
        raise _no_answer(error, where) from error


def _refused(error: ClientError, where: str) -> SharkError:
    code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in GONE:
        return missing(where)
    if code in TRY_AGAIN or status is None or status >= 500 or status == 429:
        return _no_answer(error, where)
    return ConfigError(
        "the storage refuses a request",
        expected="a bucket that exists, and permission to list, read, write and delete in it",
        found=error,
        where=where,
        remedy=REMEDIES.get(code, ACCESS),
    )


def _no_answer(error: Exception, where: str) -> RetryableError:
    return RetryableError(
        "the storage does not answer as it should",
        found=error,
        where=where,
        remedy="run the command again; check the storage and its address if it persists",
    )


def missing(where: str) -> DataError:
    return DataError(
        "an object of the registry is missing",
        expected="an object",
        found="nothing",
        where=where,
        remedy="restore it from a copy, or publish the day again",
    )
