"""Rates numbers and templates by how often people complained about them in the last 7 days.

Source: SEND, 23 Apr 2026: the last 7 days count, recent ones more, and a rating may move within
minutes (R§4.1). Meta publishes no thresholds; these are chosen (see `life/temper.py`).
"""

from dataclasses import dataclass, field

from gateway.emulator.world import Quality

HOUR_S = 3600.0
HOURS = 7 * 24
# A report says more than a block, and a stop of marketing less.
SEVERITY = {"block": 1.0, "report": 2.0, "stop": 0.5}
YELLOW_AT, RED_AT = 0.01, 0.025
FEWEST_DELIVERIES = 50
# So many good deliveries are taken for granted, or the first complaint would ruin a new number.
_CREDIT = 100.0
_RECOVERED = 0.8
_LOWEST_FOR_S = 24 * HOUR_S
# From worst to best; what is not known yet is taken for good.
_ORDER = ("RED", "YELLOW", "GREEN", "UNKNOWN", "NA")


@dataclass(slots=True)
class Record:
    """What a number or a template has delivered and what was complained of, hour by hour."""

    _hours: dict[int, list[float]] = field(default_factory=dict)
    _fell_at: float = 0.0

    def delivered(self, now: float) -> None:
        """Count one delivery."""
        self._hour(now)[0] += 1.0

    def complained(self, severity: float, now: float) -> None:
        """Count one complaint."""
        self._hour(now)[1] += severity

    def forget(self) -> None:
        """Begin anew."""
        self._hours.clear()

    def deliveries(self, now: float, since: float = 0.0) -> int:
        """Count the deliveries of the last 7 days, or of those since an instant."""
        return int(sum(hour[0] for at, hour in self._recent(now) if at * HOUR_S >= since))

    def score(self, now: float, since: float = 0.0) -> float:
        """Give complaints per delivery, an hour counting the less the longer ago it is."""
        delivered, complained = _CREDIT, 0.0
        latest = int(now // HOUR_S)
        for at, (deliveries, severity) in self._recent(now):
            if at * HOUR_S < since:
                continue
            weight = 1.0 - (latest - at) / HOURS
            delivered += weight * deliveries
            complained += weight * severity
        return complained / delivered

    def rating(self, now: float, present: str) -> str:
        """Rate; with too few deliveries the present rating stays until no complaint is left.

        What has fallen rises again only when it is well above the threshold, and after a day:
        people complain hours after they were written to, so that a campaign looks good at first.
        """
        rating = self._plain_rating(now, present)
        if rating != present and _ORDER.index(rating) > _ORDER.index(present):
            return present if now < self._fell_at + _LOWEST_FOR_S else rating
        if rating != present:
            self._fell_at = now
        return rating

    def _plain_rating(self, now: float, present: str) -> str:
        score = self.score(now)
        if self.deliveries(now) < FEWEST_DELIVERIES:
            return present if score > 0.0 or present == "UNKNOWN" else "GREEN"
        red_at = RED_AT * _RECOVERED if present == "RED" else RED_AT
        yellow_at = YELLOW_AT * _RECOVERED if present in {"RED", "YELLOW"} else YELLOW_AT
        rating: Quality = "RED" if score >= red_at else "YELLOW" if score >= yellow_at else "GREEN"
        return rating

    def _hour(self, now: float) -> list[float]:
        return self._hours.setdefault(int(now // HOUR_S), [0.0, 0.0])

    def _recent(self, now: float) -> list[tuple[int, list[float]]]:
        oldest = int(now // HOUR_S) - HOURS
        if len(self._hours) > 2 * HOURS:
            self._hours = {at: hour for at, hour in self._hours.items() if at > oldest}
        return [(at, hour) for at, hour in self._hours.items() if at > oldest]


@dataclass(slots=True)
class Ratings:
    """The records of all numbers and templates, by their ids."""

    _records: dict[str, Record] = field(default_factory=dict)

    def of(self, subject: str) -> Record:
        """Find a record, or begin one."""
        return self._records.setdefault(subject, Record())
