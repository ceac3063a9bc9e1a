"""Years, months and days to go down into: choosing one costs the same whatever lies in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

FORMATS: Final = ("%Y", "%Y-%m", "%Y-%m-%d")
TITLES: Final = ("%Y", "%b", "%-d")
FIRST_YEAR, LAST_YEAR = 1970, 9998


@dataclass(frozen=True, kw_only=True)
class Period:
    """A year (level 0), month (1) or day (2) in UTC, the zone that run ids tell the time in."""

    start: datetime
    level: int

    @classmethod
    def named(cls, name: str) -> "Period | None":
        """NAME is like `2026`, `2026-11` or `2026-11-24`; anything else is no period."""
        for level, form in enumerate(FORMATS):
            try:
                start = datetime.strptime(name, form).replace(tzinfo=UTC)
            except ValueError:
                continue
            found = cls(start=start, level=level)
            return found if found.name == name and FIRST_YEAR <= start.year <= LAST_YEAR else None
        return None

    @property
    def name(self) -> str:
        return self.start.strftime(FORMATS[self.level])

    @property
    def title(self) -> str:
        return self.start.strftime(TITLES[self.level])

    @property
    def end(self) -> datetime:
        """The moment after the period."""
        year, month = self.start.year, self.start.month
        if self.level == 0:
            return self.start.replace(year=year + 1)
        if self.level == 1:
            return self.start.replace(year=year + month // 12, month=month % 12 + 1)
        return self.start + timedelta(days=1)

    @property
    def around(self) -> list["Period"]:
        """The periods it lies in, the largest first; itself last."""
        names = [self.start.strftime(form) for form in FORMATS[: self.level + 1]]
        return [found for name in names if (found := Period.named(name))]

    def parts(self) -> Iterator["Period"]:
        """The months of a year, the days of a month; none of a day."""
        moment = self.start
        while self.level + 1 < len(FORMATS) and moment < self.end:
            part = Period(start=moment, level=self.level + 1)
            yield part
            moment = part.end


def years(first: datetime, last: datetime) -> list[Period]:
    found = (Period.named(str(year)) for year in range(first.year, last.year + 1))
    return [period for period in found if period]
