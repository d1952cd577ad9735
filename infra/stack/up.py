"""Brings the stack up, or the part of it that is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from infra.airflow.client import AirflowClient
from infra.airflow.failure import Failure
from infra.airflow.readiness import wait_for_dags
from infra.airflow.services import make_home
from infra.airflow.settings import CHECKOUT, USER, AirflowSettings
from infra.processes.ending import kill_marked, uninterrupted
from infra.stack import plan, s3, spark
from infra.stack.folder import StackFolder
from infra.stack.options import NONE, Options, differences
from infra.stack.part import Part
from infra.stack.pipeline_config import set_config, write_config
from infra.stack.ports import check_port
from infra.stack.shell import write_shell
from infra.stack.starter import Starter
from infra.stack.state import State, StateFile

DAG_IDS = sorted(path.stem for path in (CHECKOUT / "dags").glob("*.py"))


def up(folder: StackFolder, asked: Mapping[str, object], say: Callable[[str], None]) -> None:
    """`asked` are the options that were given; the others are as they are, or the default ones.

    Raises `Failure`; whatever goes wrong, nothing stays up that was not up before.
    """
    file = StateFile(folder.path)
    with file.alone():
        found = _what_is_up(file)
        if found and (other := differences(found.options, asked)):
            raise Failure(
                f"the stack is up already, with other options\n  found:    {'; '.join(other)}\n"
                "  do:       `make down` first; it keeps the data"
            )
        if found is None:
            kill_marked(folder.owner)  # what outlived services that have all ended
        state = found or State(Options(**asked).with_free_ports())  # type: ignore[arg-type]
        starter = Starter(folder, state, say)
        try:
            _bring_up(folder, starter, say)
        except BaseException:
            with uninterrupted():
                starter.undo()
            raise


def _what_is_up(file: StateFile) -> State | None:
    """None where all that was written down has ended, as after a restart of the machine."""
    state = file.read()
    is_up = state and any(state.is_alive(service.name) for service in state.services)
    return state if is_up else None


def _bring_up(folder: StackFolder, starter: Starter, say: Callable[[str], None]) -> None:
    options = starter.state.options
    password, is_new = folder.password()
    settings = plan.airflow_settings(folder, options, password)
    below = _missing(starter, plan.foundation(folder, options))
    airflow = _missing(starter, plan.airflow_parts(settings, options, plan.now()))
    if not below and not airflow:
        say(f"stack: it is up already at {settings.url} (login and more: make status)")
        return
    for part in [*below, *airflow]:
        if part.port:
            check_port(part.port, getattr(options, part.port))
    say(f"stack: starting {', '.join(part.name for part in [*below, *airflow])}")
    starter.start(below)
    write_config(folder, options)
    make_home(settings)
    if any(part.port for part in airflow):  # no api-server: nothing of Airflow answers
        starter.run(plan.migration(settings, options))
    starter.start(airflow)
    write_shell(folder, settings, {} if options.s3 == NONE else s3.variables(options.s3_port))
    _finish(folder, options, settings, say)
    _say_login(folder, password if is_new else None, say)


def _missing(starter: Starter, parts: list[Part]) -> list[Part]:
    return [part for part in parts if not starter.state.is_alive(part.name)]


def _finish(
    folder: StackFolder, options: Options, settings: AirflowSettings, say: Callable[[str], None]
) -> None:
    client = AirflowClient(settings)
    client.log_in()
    client.make_pools()
    config = set_config(client, folder, options)
    try:
        wait_for_dags(client, DAG_IDS, check=lambda: None)
    except Failure as failure:  # its page is where a person sees what is wrong with a DAG
        say(f"stack: {failure}")
    say(f"stack: Airflow is up at {settings.url}")
    say(f"  config    {folder.shown(config)}  (the Airflow Variable shark_config)")
    if options.s3 != NONE:
        say(f"  S3        {s3.LAKE}; in a shell: . {folder.shown(folder.s3_variables)}")
        say("            simulated in memory: what is in it ends with `make down`")
    if options.spark != NONE:
        say(f"  Spark     {spark.url(options.spark_port)}")
    say(f"  shell     . {folder.shown(folder.airflow_variables)}  (its airflow and python)")
    to = f"where {plan.ALERTS} says" if plan.ALERTS in settings.variables else "the log alone"
    say(f"  alerts    go to {to}")
    if paused := _paused(client):
        say(f"  paused    {', '.join(paused)}")
        say("            unpause those that shall run; scheduled ones begin with the last interval")


def _paused(client: AirflowClient) -> list[str]:
    return [dag_id for dag_id in DAG_IDS if client.knows_dag(dag_id) and client.is_paused(dag_id)]


def _say_login(folder: StackFolder, password: str | None, say: Callable[[str], None]) -> None:
    kept = folder.shown(folder.passwords)
    if password is None:
        say(f"  login     {USER}, with the password in {kept}")
    else:
        say(f"  login     {USER}, {password}  (said once; it is kept in {kept})")
