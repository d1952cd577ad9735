"""What a shell needs to be of the stack: its `airflow` and `python`, its database, its login."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.airflow.settings import AirflowSettings
from infra.stack.folder import StackFolder, write_private


def write_shell(
    folder: StackFolder, settings: AirflowSettings, of_storage: Mapping[str, str]
) -> None:
    """`. .stack/airflow.env`: only its owner can read it, as it holds the stack's secrets.

    `of_storage`: what its jobs reach their storage by. The shell's own proxies stay.
    """
    own = {**settings.environment(inherited={}), **of_storage}
    for name in ("NO_PROXY", "no_proxy"):
        del own[name]
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(own.items())]
    path = f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"\n'
    write_private(folder.airflow_variables, "".join([*lines, path]))
