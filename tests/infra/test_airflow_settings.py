"""What a local Airflow is told, and what is kept out of it."""

from __future__ import annotations

import socket
from pathlib import Path

from infra.airflow.settings import LOOPBACK, AirflowSettings


def test_the_users_own_airflow_stays_out(tmp_path: Path) -> None:
    inherited = {
        "PATH": "/bin",
        "AIRFLOW_HOME": "/home/user/airflow",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://production",
        "AIRFLOW_CONN_WAREHOUSE": "secret",
        "no_proxy": "example.test",
    }
    environment = AirflowSettings(tmp_path).environment(inherited)
    assert environment["AIRFLOW_HOME"] == str(tmp_path)
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith(f"sqlite:///{tmp_path}")
    assert "AIRFLOW_CONN_WAREHOUSE" not in environment
    assert environment["NO_PROXY"] == "127.0.0.1,example.test"
    assert environment["PATH"] == "/bin"


def test_two_airflows_share_neither_port_nor_password(tmp_path: Path) -> None:
    one, other = AirflowSettings(tmp_path), AirflowSettings(tmp_path)
    assert one.password != other.password
    with socket.socket() as listener:
        listener.bind((LOOPBACK, one.port))


def test_secrets_are_not_shown_when_settings_are(tmp_path: Path) -> None:
    settings = AirflowSettings(tmp_path)
    assert settings.password not in repr(settings)
    assert settings.secret not in repr(settings)
