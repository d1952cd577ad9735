"""PostgreSQL for Airflow, from the system's package: a cluster of its own in the stack's folder.

It listens on a Unix socket only, and lets in only the user who ran `make up`, by what the kernel
says of the caller (`peer`): there is no password. It refuses to run as root, who runs it as another
account.
"""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from infra.airflow.failure import Failure
from infra.processes.service import Command, as_account
from infra.stack.part import Part

PACKAGES = Path("/usr/lib/postgresql")  # Debian's and Ubuntu's, one folder a major version
TOOLS = ("initdb", "postgres", "pg_isready")
ACCOUNTS = ("postgres", "nobody")
ROLE = "airflow"
DATABASE = "postgres"
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET = 107  # linux/un.h
MAP = "stack"
HBA = f"local all all peer map={MAP}\n"
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "log_min_messages": "warning",
}


class Postgres:
    """The cluster in `folder`. Raises `Failure` where something for it is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.account = unprivileged_account() if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{ROLE}@/{DATABASE}?host={self.folder}"

    def part(self, log: Path) -> Part:
        tools = find_tools(self._major())
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        place = ["-D", str(self.data), "-k", str(self.folder)]
        command = Command(
            name="postgres",
            arguments=[str(tools / "postgres"), *place, *settings],
            folder=Path("/"),
            log=log,
            environment=self._environment(),
            stop_signal=2,  # its "fast shutdown": clients are sent away, nothing is lost
            stop_first_only=True,
            account=self.account,
        )
        return Part(command, lambda: self._is_ready(tools), prepare=lambda: self._prepare(tools))

    def _major(self) -> str | None:
        """Of the version that made the cluster; no other can read it."""
        try:
            return (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return None

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def _is_ready(self, tools: Path) -> bool:
        asked = [str(tools / "pg_isready"), "--quiet", "--username", ROLE]
        asked += ["--host", str(self.folder), "--dbname", DATABASE]
        return subprocess.run(asked, env=self._environment(), check=False).returncode == 0

    def _prepare(self, tools: Path) -> None:
        check_socket(self.folder / SOCKET)
        if self.data.exists():
            return
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.account:
            shutil.chown(self.folder, self.account)
            self._check_reachable()
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        self._make(tools, new)
        (new / "pg_hba.conf").write_text(HBA)
        (new / "pg_ident.conf").write_text(f'{MAP} "{getpass.getuser()}" {ROLE}\n')
        new.rename(self.data)

    def _make(self, tools: Path, new: Path) -> None:
        arguments = ["--username", ROLE, "--auth-local", "peer", "--auth-host", "reject"]
        done = subprocess.run(
            [str(tools / "initdb"), "-D", str(new), *arguments, "--encoding", "UTF8", "--locale=C"],
            cwd="/",
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            **as_account(self.account),
        )
        if done.returncode != 0:
            raise Failure(f"initdb ended with {done.returncode}\n{done.stdout}{done.stderr}")

    def _check_reachable(self) -> None:
        """The account must be able to enter the folder through all those above it."""
        seen = subprocess.run(
            ["test", "-x", str(self.folder)], check=False, **as_account(self.account)
        )
        if seen.returncode != 0:
            raise Failure(
                f"the account {self.account} cannot enter the stack's folder\n"
                "  expected: folders that it may pass through, since PostgreSQL refuses to run as "
                f"root\n  where:    {self.folder}\n"
                "  do:       run `make up` as an ordinary user, or `chmod o+x` the folders above it"
            )


def unprivileged_account() -> str:
    """Who runs PostgreSQL where root asks for it."""
    for account in ACCOUNTS:
        try:
            return pwd.getpwnam(account).pw_name
        except KeyError:
            continue
    raise Failure(
        f"PostgreSQL refuses to run as root\n  expected: an account {' or '.join(ACCOUNTS)}\n"
        "  found:    neither\n  do:       run `make up DB=postgres` as an ordinary user"
    )


def find_tools(major: str | None = None, packages: Path = PACKAGES) -> Path:
    """The folder of PostgreSQL's programs: of that major version, or the newest there is."""
    if find_spec("psycopg") is None:
        raise _missing("the Python package psycopg", "make setup")
    found = {
        folder.parent.name: folder for folder in packages.glob("[0-9]*/bin") if _has_all(folder)
    }
    if major is None and found:
        return found[max(found, key=lambda name: [int(part) for part in name.split(".")])]
    if major in found:
        return found[major]
    if major is None:
        raise _missing(f"PostgreSQL's server ({', '.join(TOOLS)})", "apt install postgresql")
    raise _missing(
        f"PostgreSQL {major}, which made the cluster (found: {', '.join(found) or 'none'})",
        f"apt install postgresql-{major}, or remove .stack/postgres with all that is in it",
    )


def _has_all(folder: Path) -> bool:
    return all((folder / tool).is_file() for tool in TOOLS)


def _missing(what: str, remedy: str) -> Failure:
    return Failure(
        f"DB=postgres needs {what}\n  where:    {PACKAGES}/*/bin\n  do:       {remedy}; or leave "
        "DB=postgres out: SQLite needs nothing"
    )


def check_socket(path: Path) -> None:
    if len(str(path)) > LONGEST_SOCKET:
        raise Failure(
            f"the path of PostgreSQL's socket is too long\n  expected: {LONGEST_SOCKET} characters "
            f"or fewer\n  found:    {len(str(path))}\n  where:    {path}\n"
            "  do:       move the checkout to a shorter path"
        )
