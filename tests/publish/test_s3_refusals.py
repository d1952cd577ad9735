"""What `S3Store` tells a person when the storage refuses: what to change, and no secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from moto import settings

from shark_core.config_sections import Registry
from shark_core.errors import ConfigError, RetryableError, SharkError
from shark_core.publish.s3.store import S3Store
from tests.example_lake import tiny_config
from tests.lake_places import Bucket
from tests.moto_s3 import ACCESS_KEY, SECRET, new_user
from tests.publish.faulty_s3 import ALWAYS, PREFIX, FaultyS3, Refuse
from tests.publish.s3_calls import CALLS, KEY, Call

pytest_plugins = ["tests.lake_fixtures", "tests.publish.faulty_s3_fixtures"]

CREDENTIALS = "check the credentials"
REGION = "set AWS_REGION"
REFUSALS = [
    ("NoSuchBucket", 404, "make the bucket"),
    ("AccessDenied", 403, CREDENTIALS),
    ("InvalidAccessKeyId", 403, CREDENTIALS),
    ("SignatureDoesNotMatch", 403, CREDENTIALS),
    ("KMS.NotFoundException", 400, "the KMS key"),
    ("RequestTimeTooSkewed", 403, "set this machine's clock"),
    ("PermanentRedirect", 301, REGION),
    ("AuthorizationHeaderMalformed", 400, REGION),
    ("IllegalLocationConstraintException", 400, REGION),
    ("AccessControlListNotSupported", 400, "remove the key 'registry.acl'"),
    ("NotImplemented", 501, "this store lacks conditional writes"),
]
METHODS = ("PUT", "GET", "HEAD", "DELETE")


def refuse_all(network: FaultyS3, fault: Refuse) -> None:
    for method in METHODS:
        network.on(method, "/", fault, times=ALWAYS)


# Each refusal has a remedy


@pytest.mark.parametrize("name", ["put", "exists"])
@pytest.mark.parametrize(("code", "status", "remedy"), REFUSALS)
def test_a_refusal_says_what_to_change(
    s3_store: S3Store, network: FaultyS3, name: str, code: str, status: int, remedy: str
) -> None:
    refuse_all(network, Refuse(code, status, region="eu-west-3"))
    with pytest.raises(ConfigError, match=rf"(?s){code}.*s3://.*{remedy}") as caught:
        CALLS[name](s3_store)
    assert caught.value.exit_code == 78


def test_a_bucket_in_another_region_is_found_where_s3_says(
    s3_store: S3Store, network: FaultyS3
) -> None:
    network.on("PUT", KEY, Refuse("PermanentRedirect", 301, region="eu-west-3"))
    assert s3_store.put_if_absent(KEY, b"ours") is True


@pytest.mark.parametrize("code", ["ExpiredToken", "ThrottlingException"])
def test_what_passes_by_itself_is_worth_another_try(
    s3_store: S3Store, network: FaultyS3, call: Call, code: str
) -> None:
    refuse_all(network, Refuse(code, 400))
    with pytest.raises(RetryableError, match=rf"(?s){code}.*run the command again") as caught:
        call(s3_store)
    assert caught.value.exit_code == 75


def test_a_bucket_that_does_not_exist_is_told_from_an_object_that_does_not(
    network: FaultyS3, call: Call
) -> None:
    store = S3Store("no-such-bucket-was-made", PREFIX, Registry())
    with pytest.raises(ConfigError, match=r"(?s)NoSuchBucket.*make the bucket"):
        call(store)


def test_a_command_without_its_bucket_ends_with_the_code_of_a_config_error(
    network: FaultyS3, tmp_path: Path
) -> None:
    config = tiny_config(tmp_path, lake="s3://no-such-bucket-was-made/models")
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude_none=True)))
    command = [sys.executable, "-m", "jobs", "plans", "list", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78, done.stderr
    assert done.stderr.startswith("ConfigError: the storage refuses a request")
    assert "Traceback" not in done.stderr


# Who may do what, checked by the server


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the server checks who may do what."""
    monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", 0.0)


def use(monkeypatch: pytest.MonkeyPatch, key: str, secret: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)


def test_an_unknown_key_is_refused(s3_store: S3Store, checked: None, call: Call) -> None:
    with pytest.raises(ConfigError, match=f"(?s)InvalidAccessKeyId.*{CREDENTIALS}"):
        call(s3_store)


def test_a_wrong_secret_is_refused_and_not_shown(
    s3_store: S3Store,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    key, _ = new_user(bucket.endpoint, "s3:*")
    use(monkeypatch, key, SECRET)
    request.getfixturevalue("checked")
    with pytest.raises(ConfigError, match=f"(?s)SignatureDoesNotMatch.*{CREDENTIALS}") as caught:
        s3_store.put_if_absent(KEY, b"ours")
    assert key not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_who_may_only_read_cannot_write(
    s3_store: S3Store,
    bucket: Bucket,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    use(monkeypatch, *new_user(bucket.endpoint, "s3:ListBucket", "s3:GetObject"))
    request.getfixturevalue("checked")
    assert s3_store.exists(KEY) is False
    with pytest.raises(ConfigError, match=f"(?s)AccessDenied.*{CREDENTIALS}"):
        s3_store.put_if_absent(KEY, b"ours")


# No secret is shown


@pytest.mark.parametrize(("code", "status"), [("InvalidAccessKeyId", 403), ("SlowDown", 503)])
def test_keys_that_a_storage_repeats_are_not_shown(
    s3_store: S3Store,
    network: FaultyS3,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    status: int,
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-the-session")
    said = (
        f"key {ACCESS_KEY}, secret {SECRET}, token token-of-the-session, user AKIAIOSFODNN7EXAMPLE"
    )
    refuse_all(network, Refuse(code, status, said))
    with pytest.raises(SharkError, match=code) as caught:
        s3_store.put_if_absent(KEY, b"ours")
    shown = str(caught.value)
    assert "key (AWS_ACCESS_KEY_ID), secret (AWS_SECRET_ACCESS_KEY)" in shown
    for secret in (ACCESS_KEY, SECRET, "token-of-the-session", "AKIAIOSFODNN7EXAMPLE"):
        assert secret not in shown
