"""What a shell needs to be of the stack: its `airflow` and `python`, its database, its login."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from infra.airflow.settings import AirflowSettings
from infra.stack.folder import StackFolder, write_private


def write_shell(folder: StackFolder, settings: AirflowSettings) -> None:
    """`. .stack/airflow.env`: only its owner can read it, as it holds the stack's secrets."""
    own = settings.environment(inherited={})
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(own.items())]
    path = f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n'
    write_private(folder.airflow_variables, "".join([*lines, path]))
