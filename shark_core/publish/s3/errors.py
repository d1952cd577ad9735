"""What boto3 raises, as errors of `shark_core.errors`: try again, or change something first."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from shark_core.errors import ConfigError, DataError, RetryableError, SharkError

TAKEN = {"PreconditionFailed", "412"}
# Two who store a key at once: try again.
CONFLICT = {"ConditionalRequestConflict", "OperationAborted", "409"}
GONE = {"NoSuchKey", "404", "NotFound"}
NO_UPLOAD = {"NoSuchUpload"}

WITHOUT_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.ProfileNotFound,
    boto.SSOError,
    boto.LoginError,
)
SET_UP_WRONGLY = (
    boto.ConfigNotFound,
    boto.ConfigParseError,
    boto.InvalidChecksumConfigError,
    boto.InvalidConfigError,
    boto.InvalidEndpointConfigurationError,
    boto.InvalidRegionError,
    boto.InvalidRetryConfigurationError,
    boto.NoRegionError,
    boto.ParamValidationError,
)
TRY_AGAIN = CONFLICT | {
    "RequestTimeout",
    "RequestTimeoutException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "BadDigest",  # what arrived is not what was sent
    "IncompleteBody",
    "InvalidPart",
    "NoSuchUpload",  # somebody else, or a lifecycle rule, ended it
    "XAmzContentSHA256Mismatch",
    "ExpiredToken",  # roles get new ones
    "ExpiredTokenException",
}
REMEDIES = {
    "NoSuchBucket": "make the bucket, or correct the key 'lake' of the pipeline config",
    "RequestTimeTooSkewed": "set this machine's clock: it differs too much from the storage's",
    "301": "set AWS_REGION to the bucket's region",
    "PermanentRedirect": "set AWS_REGION to the bucket's region",
    "AuthorizationHeaderMalformed": "set AWS_REGION to the bucket's region",
    "IllegalLocationConstraintException": "set AWS_REGION to the bucket's region",
    "AccessControlListNotSupported": "remove the key 'registry.acl': the bucket allows no ACLs",
    "NotImplemented": "this store lacks conditional writes, encryption or ACLs: see the README",
}
ACCESS = "check the credentials (AWS_ variables, profile, role), their policy and the KMS key's"

KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
KEY_ID = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{8,}\b")
USER_OF_URL = re.compile(r"(?<=://)[^/@\s]+@")


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
            found=without_secrets(error),
            where=where,
            remedy="set one of them where this command runs",
        ) from error
    except SET_UP_WRONGLY as error:
        raise set_up_wrongly(error, where) from error
    except (BotoCoreError, ResponseParserError, HTTPError) as error:
        raise _no_answer(error, where) from error


def _refused(error: ClientError, where: str) -> SharkError:
    code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in GONE:
        return missing(where)
    busy = status is None or status >= 500 or status == 429
    if code in TRY_AGAIN or (busy and code not in REMEDIES):
        return _no_answer(error, where)
    return ConfigError(
        "the storage refuses a request",
        expected="a bucket that exists, and permission to list, read, write and delete in it",
        found=without_secrets(error),
        where=where,
        remedy=REMEDIES.get(code, ACCESS),
    )


def set_up_wrongly(error: Exception, where: str) -> ConfigError:
    return ConfigError(
        "the access to S3 is not set up as boto3 wants it",
        expected="AWS_ variables and a profile that are well-formed, an endpoint with its scheme",
        found=without_secrets(error),
        where=where,
        remedy="correct the AWS_ variables, or the file that AWS_CONFIG_FILE names",
    )


def _no_answer(error: Exception, where: str) -> RetryableError:
    return RetryableError(
        "the storage does not answer as it should",
        found=without_secrets(error),
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


def without_secrets(error: Exception) -> str:
    """What an error says, without the keys that some stores repeat in theirs."""
    text = str(error)
    for name in KEY_VARIABLES:
        if value := os.environ.get(name):
            text = text.replace(value, f"({name})")
    return USER_OF_URL.sub("", KEY_ID.sub("(access key)", text))
