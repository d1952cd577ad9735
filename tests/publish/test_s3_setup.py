"""What `S3Store` says where credentials, profile or variables of this side do not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from shark_core.errors import ConfigError, SharkError
from shark_core.publish.s3.store import S3Store
from tests.moto_s3 import SECRET
from tests.publish.s3_calls import KEY, Call

pytest_plugins = ["tests.lake_fixtures", "tests.publish.faulty_s3_fixtures"]


def test_without_credentials_there_is_nothing_to_send(
    s3_store: S3Store, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigError, match=r"(?s)no credentials.*set one of them") as caught:
        call(s3_store)
    assert caught.value.exit_code == 78


def test_a_key_without_its_secret_is_no_credentials(
    s3_store: S3Store, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(ConfigError, match=r"(?s)no credentials.*AWS_SECRET_ACCESS_KEY"):
        call(s3_store)


def test_a_profile_that_there_is_not_is_a_config_error(
    s3_store: S3Store, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match="nobody"):
        call(s3_store)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "127.0.0.1:9000"),
        ("AWS_REGION", "no such region"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "sometimes"),
    ],
)
def test_a_variable_that_boto3_does_not_understand_is_a_config_error(
    s3_store: S3Store,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=r"(?s)not set up.*correct the AWS_ variables"):
        call(s3_store)


def test_a_damaged_file_of_profiles_is_a_config_error_without_its_content(
    s3_store: S3Store, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "aws-config").write_text(f"aws_secret_access_key = {SECRET}")
    with pytest.raises(ConfigError, match=r"(?s)not set up.*AWS_CONFIG_FILE") as caught:
        call(s3_store)
    assert SECRET not in str(caught.value)


def test_a_password_in_an_endpoint_is_not_shown(
    s3_store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://user:{SECRET}@127.0.0.1:1")
    with pytest.raises(SharkError, match=r"127\.0\.0\.1:1") as caught:
        s3_store.exists(KEY)
    assert SECRET not in str(caught.value)
