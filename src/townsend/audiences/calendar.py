"""Calendar arithmetic on whole epoch milliseconds in UTC, without limits of year.

The proleptic Gregorian calendar. Weeks start on Monday; a decade, century or millennium with the year
divisible by 10, 100 or 1000. ``shift`` never moves backwards as its instant grows, and ``unshift`` is its
exact inverse, so that the end of a window can be found rather than searched for.
"""

from __future__ import annotations

from townsend.audiences.core import Unit

__all__ = ["DAY", "SIZE", "date_parts", "day_of", "over", "part_of", "shift", "start_of", "unshift"]

DAY = 86_400_000
YEARS = range(10_000)  # what date(y, m, d) accepts

FIXED: dict[Unit, int] = {
    "millisecond": 1,
    "second": 1_000,
    "minute": 60_000,
    "hour": 3_600_000,
    "day": DAY,
    "week": 7 * DAY,
}
MONTHS: dict[Unit, int] = {"month": 1, "year": 12, "decade": 120, "century": 1_200, "millennium": 12_000}
SIZE: dict[Unit, int] = {unit: order for order, unit in enumerate((*FIXED, *MONTHS))}
FIRST_MONDAY = 4 * DAY  # 5 January 1970


def day_of(year: int, month: int, day: int) -> int | None:
    """The first instant of that day; None if there is no such day or the year is not 0 to 9999."""
    if year not in YEARS or not 1 <= month <= 12 or not 1 <= day <= _days_in(year, month):
        return None
    return _days_from_civil(year, month, day) * DAY


def date_parts(ms: int) -> tuple[int, int, int]:
    """Year, month (1 to 12) and day of month, in UTC."""
    return _civil_from_days(ms // DAY)


def part_of(ms: int, part: str) -> int:
    """A part of an instant in UTC; see ``core.DatePart``."""
    if part in ("hour", "minute", "second"):
        sizes = {"hour": (3_600_000, 24), "minute": (60_000, 60), "second": (1_000, 60)}
        size, most = sizes[part]
        return ms // size % most
    year, month, day = date_parts(ms)
    if part == "weekday":
        return (ms // DAY + 3) % 7 + 1  # 1 January 1970 was a Thursday
    if part == "yearday":
        return ms // DAY - _days_from_civil(year, 1, 1) + 1
    return {"year": year, "month": month, "day": day}[part]


def over(first: int, second: int, unit: Unit) -> int:
    """How many units are over at ``second``, which is not before ``first``."""
    if unit in FIXED:
        return (second - first) // FIXED[unit]
    (year, month, _), (to_year, to_month, _) = date_parts(first), date_parts(second)
    most = (to_year * 12 + to_month - year * 12 - month) // MONTHS[unit]
    return most if shift(first, most, unit) <= second else most - 1


def start_of(ms: int, unit: Unit, offset: int = 0) -> int:
    """The first instant of the calendar unit around ``ms``, or of the one ``offset`` units later."""
    if unit in MONTHS:
        year, month, _ = date_parts(ms)
        size = MONTHS[unit]
        months = year * 12 + month - 1
        return _month_start(months - months % size + offset * size)
    origin = FIRST_MONDAY if unit == "week" else 0
    size = FIXED[unit]
    return (ms - origin) // size * size + origin + offset * size


def shift(ms: int, number: int, unit: Unit) -> int:
    """The instant that many units later; earlier if negative.

    Never moves backwards as ``ms`` grows: where the day does not exist in the month arrived at, it is the
    first instant of the following month.
    """
    if unit in FIXED:
        return ms + number * FIXED[unit]
    year, month, day = date_parts(ms)
    months = year * 12 + month - 1 + number * MONTHS[unit]
    if day > _days_in(months // 12, months % 12 + 1):
        return _month_start(months + 1)
    return _month_start(months) + (day - 1) * DAY + ms % DAY


def unshift(ms: int, number: int, unit: Unit) -> int:
    """The first instant whose ``shift`` by ``number`` units reaches ``ms``: the exact inverse."""
    if unit in FIXED:
        return ms - number * FIXED[unit]
    year, month, day = date_parts(ms)
    arrived = year * 12 + month - 1
    left = arrived - number * MONTHS[unit]
    if day == 1 and ms % DAY == 0:
        # The last days of the month before may have been pushed here, if it was longer than where they went.
        days = _days_in((arrived - 1) // 12, (arrived - 1) % 12 + 1)
        before = left - 1
        if _days_in(before // 12, before % 12 + 1) > days:
            return _month_start(before) + days * DAY
    if day > _days_in(left // 12, left % 12 + 1):
        return _month_start(left + 1)
    return _month_start(left) + (day - 1) * DAY + ms % DAY


def _days_in(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _month_start(months: int) -> int:
    return _days_from_civil(months // 12, months % 12 + 1, 1) * DAY


# Both conversions: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". Years count from March.
def _days_from_civil(year: int, month: int, day: int) -> int:
    year -= month <= 2
    era, of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + day_of_year - 719_468


def _civil_from_days(days: int) -> tuple[int, int, int]:
    era, of_era = divmod(days + 719_468, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    day_of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1
