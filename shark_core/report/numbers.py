"""Numbers as people read them."""

from __future__ import annotations

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(number: float) -> str:
    """Bytes with three digits, in powers of 1,000.

    >>> [size(number) for number in (0, 999, 1_000, 12_345_678, 999_950)]
    ['0 B', '999 B', '1.00 kB', '12.3 MB', '1.00 MB']
    """
    unit = 0
    while number >= 999.5 and unit < len(UNITS) - 1:
        number, unit = number / 1000, unit + 1
    if unit == 0:
        return f"{number:.0f} B"
    digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f"{number:.{digits}f} {UNITS[unit]}"


def count(number: int) -> str:
    """`1234567` → `1,234,567`."""
    return f"{number:,}"


def percent(share: float) -> str:
    """Shares with one decimal; a share that is not zero is never shown as zero.

    >>> [percent(share) for share in (0, 0.00001, 0.123, 1)]
    ['0 %', '<0.1 %', '12.3 %', '100 %']
    """
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    if share < 0.001:
        return "<0.1 %"
    return f"{share * 100:.1f} %"


def significant(number: float) -> str:
    """Three significant digits, plain where that is short.

    >>> [significant(number) for number in (0.0, 0.0123456, 1.5e-7)]
    ['0', '0.0123', '1.5e-07']
    """
    return f"{number:.3g}"
