"""Keeps a pool and one number of it the way the desk keeps them, in the plainest way there is."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.policy.facts import NumberFacts, UserFacts
from gateway.policy.fold import BatchFacts, Candidate, Folded, PoolState, Slot, fold
from gateway.policy.lanes import Sender
from gateway.policy.number_clock import Standing, advance
from gateway.policy.paces import Paces
from gateway.policy.preflight import Campaign
from gateway.policy.shares import holders_of
from gateway.policy.verdict import Decision
from gateway.whatsapp.ids import UserId
from tests.policy.making import DAY, KEY, MARKETING, NUMBER, POOL, WABA, template


@dataclass
class BruteForce:
    """A pool and one number of it, kept the way the desk keeps them, one message at a time."""

    campaign: Campaign
    ledger: dict[str, Slot] = field(default_factory=dict)
    paces: Paces = field(init=False)
    number: NumberFacts = field(init=False)

    def __post_init__(self) -> None:
        self.paces = self.sender.paces
        self.number = self.sender.number
        for kind, leaving in (
            ("other", self.campaign.supply.leaving),
            ("counted", sorted(self.campaign.counted)),
        ):
            names = (f"{kind}{index}" for index in range(10_000))
            for each in leaving:
                slot = Slot(each.at - DAY, each.send_class, each.app_id)
                self.ledger |= {next(names): slot for _ in range(each.slots)}

    @property
    def sender(self) -> Sender:
        """The one number."""
        return self.campaign.senders[0]

    def fold(self, user: str, at: datetime) -> Folded:
        """Decide on a message to the user; nothing is remembered."""
        self.ledger = {name: s for name, s in self.ledger.items() if s.reached_at > at - DAY}
        supply = self.campaign.supply
        usage: dict[str, int] = {}
        for slot in self.ledger.values():
            for holder in holders_of(slot.send_class, slot.app_id):
                usage[holder] = usage.get(holder, 0) + 1
        state = PoolState(
            supply.regime,
            supply.messaging_limit,
            supply.headroom,
            {NUMBER: self.number},
            {WABA: self.sender.restrictions},
            {(WABA, KEY): MARKETING},
            frozenset({WABA}),
            {},
            supply.shares,
        )
        reached = self.ledger.get(user)
        facts = BatchFacts(
            {POOL: state},
            {POOL: len(self.ledger)},
            {POOL: None},
            [UserFacts(reached.reached_at if reached else None)],
            {POOL: usage},
            paces={NUMBER: self.paces},
        )
        asking = Candidate(NUMBER, POOL, UserId(user), template(), self.campaign.app_id)
        return fold([asking], facts, self.sender.knobs, at)

    def send(self, user: str, at: datetime) -> str | None:
        """Send, and return the rule that has refused it."""
        folded = self.fold(user, at)
        (verdict,) = folded.verdicts
        if verdict.decision is not Decision.ADMIT:
            return verdict.decisive.rule if verdict.decisive else "none"
        for (_, name), slot in folded.reached.items():
            before = self.ledger.get(name)
            # A slot stays on the account of who took it first.
            self.ledger[name] = before._replace(reached_at=slot.reached_at) if before else slot
        self.paces = folded.paces.get(NUMBER, self.paces)
        if NUMBER in folded.restricted:
            self.restrict(folded.restricted[NUMBER], at)
        return None

    def restrict(self, until: datetime, at: datetime) -> None:
        """Write the end down; what Meta had restricted was swept before."""
        supply = self.campaign.supply
        swept, _ = advance(Standing(self.number, supply.messaging_limit), supply.regime, at)
        self.number = replace(
            self.number,
            restricted_until=until,
            restricted_by="ledger",
            recovering_since=swept.recovering_since,
        )
