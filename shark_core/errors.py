"""Errors, branched by what the person or scheduler on the other side does next.

* `RetryableError`: storage or cluster trouble; the same command may succeed later.
* `PermanentError`: bad config, bad data, a failed gate; repeating changes nothing.

The branch decides the exit code of a job and the exit code decides Airflow's retry. Every message
says what was expected, what was found, where, and what to do.
"""

from __future__ import annotations


class SharkError(Exception):
    """Root of all errors that SHARK raises on purpose.

    >>> print(DataError("bad label", expected="0 or 1", found="2", where="row 7", remedy="fix it"))
    bad label
      expected: 0 or 1
      found:    2
      where:    row 7
      do:       fix it
    """

    exit_code = 70

    def __init__(
        self,
        summary: str,
        *,
        expected: object = None,
        found: object = None,
        where: object = None,
        remedy: str | None = None,
    ) -> None:
        self.summary, self.found, self.remedy = summary, found, remedy
        details = {"expected": expected, "found": found, "where": where, "do": remedy}
        given = {key: value for key, value in details.items() if value is not None}
        lines = [summary, *(f"  {f'{key}:':<9} {value}" for key, value in given.items())]
        super().__init__("\n".join(lines))


class RetryableError(SharkError):
    """Storage or cluster trouble: run the same command again (sysexits' EX_TEMPFAIL)."""

    exit_code = 75


class PermanentError(SharkError):
    """The same command will fail in the same way until a person changes something."""

    exit_code = 65


class ConfigError(PermanentError):
    """The pipeline config, or an argument of a command, is not valid."""

    exit_code = 78


class DataError(PermanentError):
    """A dataset is missing, malformed or outside its contract."""

    exit_code = 65


class ConflictError(PermanentError):
    """Somebody else moved a ref, or wrote other content under a write-once key, in the meantime."""

    exit_code = 76


class GateFailed(PermanentError):  # noqa: N818 - a failed gate is an outcome, not a fault
    """A check on quality or size blocks promotion."""

    exit_code = 79
