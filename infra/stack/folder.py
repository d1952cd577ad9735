"""What lies where in a stack's folder, and the login that is kept in it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from infra.airflow.settings import CHECKOUT, USER, new_password, new_secret

DEFAULT_FOLDER = CHECKOUT / ".stack"


class StackFolder:
    """By default `.stack` in the checkout. `down` keeps all of it but the state."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def owner(self) -> str:
        """What marks the processes of this stack, also where nothing is written down of them."""
        return str(self.path)

    @property
    def airflow(self) -> Path:
        return self.path / "airflow"

    @property
    def passwords(self) -> Path:
        return self.airflow / "passwords.json"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def s3_variables(self) -> Path:
        return self.path / "s3.env"

    @property
    def airflow_variables(self) -> Path:
        return self.path / "airflow.env"

    def shown(self, path: str | Path) -> str:
        """As a person in the checkout names it."""
        inside = Path(path).is_relative_to(CHECKOUT)
        return str(Path(path).relative_to(CHECKOUT)) if inside else str(path)

    def log(self, service: str) -> Path:
        """Of a service that is not Airflow's."""
        return self.path / f"{service}.log"

    def password(self) -> tuple[str, bool]:
        """The login's password, and whether it is a new one: none was kept, or not whole."""
        try:
            known: str = json.loads(self.passwords.read_text(encoding="utf-8"))[USER]
        except (FileNotFoundError, ValueError, KeyError):
            return new_password(), True
        return known, False

    def secret(self) -> str:
        """What Airflow's services sign with, among each other and for logged-in browsers."""
        path = self.path / "secret"
        if not path.exists():
            write_private(path, new_secret())
        return path.read_text(encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """A file that only its owner can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
