"""Half-open time intervals in UTC; every dataset's partition is one day of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from shark_core.errors import ConfigError


@dataclass(frozen=True, order=True)
class Interval:
    """`[start, end)` in UTC.

    >>> str(Interval.of_day(date(2022, 4, 25)))
    '[2022-04-25T00:00:00Z, 2022-04-26T00:00:00Z)'
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ConfigError(
                "an interval must end after it starts",
                expected="end > start",
                found=f"start={self.start}, end={self.end}",
                remedy="the end is the first moment, or the day, that no longer belongs to it",
            )

    @classmethod
    def of_day(cls, day: date) -> Interval:
        start = datetime.combine(day, time(), tzinfo=UTC)
        return cls(start, start + timedelta(days=1))

    @classmethod
    def of_days(cls, first: date, end: date) -> Interval:
        """From the first day up to, and without, the day `end`."""
        return cls(cls.of_day(first).start, cls.of_day(end).start)

    @property
    def days(self) -> list[date]:
        """The days that begin in the interval."""
        first = self.start.date()
        return [first + timedelta(days=number) for number in range((self.end - self.start).days)]

    def __str__(self) -> str:
        return f"[{self.start:%Y-%m-%dT%H:%M:%SZ}, {self.end:%Y-%m-%dT%H:%M:%SZ})"


def parse_day(text: str, option: str = "--date") -> date:
    """`'2022-04-25'` → `date(2022, 4, 25)`; anything else is a `ConfigError` about `option`."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            "not a day",
            expected="YYYY-MM-DD, such as 2022-04-25",
            found=repr(text),
            where=option,
            remedy="write the day so, in UTC",
        ) from error
