"""Names what may happen in a governed world, each thing as data that can be drawn and replayed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from hypothesis import strategies as st

from gateway.cli import demo
from tests.builders import code_body, template_body, text_body
from tests.world import DAY_S, Answer, World

NUMBERS = tuple(number.phone_number_id for number in demo.NUMBERS)
WABAS = tuple(sorted({number.waba_id for number in demo.NUMBERS}))
TEMPLATES = tuple(template.name for template in demo.TEMPLATES)
USERS = 90


class Happening(Protocol):
    """Something that happens; returns the gateway's answers to what was sent, if anything was."""

    async def happen(self, world: World) -> list[Answer]:
        """Let it happen."""
        ...


def phone(index: int) -> str:
    """Return a user's phone number."""
    return f"+346{index:08d}"


@dataclass(frozen=True, slots=True)
class Send:
    """Messages to several users, or several to one, all at once; free-form without a template.

    No two requests are the same: codes and texts differ, and else the app's own mark does.
    """

    number: str
    users: tuple[int, ...]
    template: str | None

    async def happen(self, world: World) -> list[Answer]:
        """Send them."""
        return await asyncio.gather(
            *(
                world.send(self.number, self._body(phone(each), index))
                for index, each in enumerate(self.users)
            )
        )

    def _body(self, to: str, index: int) -> dict[str, Any]:
        if self.template == "login_code":
            return code_body(to, f"{index:06d}")
        if self.template:
            return template_body(to, self.template, biz_opaque_callback_data=f"{index}")
        return text_body(to, f"hello {index}")


@dataclass(frozen=True, slots=True)
class Inbound:
    """Users write to a number."""

    number: str
    users: tuple[int, ...]
    type: str

    async def happen(self, world: World) -> list[Answer]:
        """Let them write."""
        for each in self.users:
            body = {"phone_number_id": self.number, "from": phone(each)[1:], "type": self.type}
            await world.steer("/inbound", body)
        return []


@dataclass(frozen=True, slots=True)
class Advance:
    """Time passes."""

    seconds: float

    async def happen(self, world: World) -> list[Answer]:
        """Let it pass."""
        await world.advance(self.seconds)
        return []


@dataclass(frozen=True, slots=True)
class AgeOfASend:
    """Time passes until some message sent before is 24 hours old, or nearly, or just over that."""

    which: float
    beside_s: float

    async def happen(self, world: World) -> list[Answer]:
        """Let it pass, if there is such a moment ahead."""
        now = world.clock.now()
        ages = [now - datetime.fromisoformat(sent["at"]) for sent in await world.sends()]
        due = timedelta(seconds=DAY_S + self.beside_s)
        if ahead := sorted({due - age for age in ages if age < due}):
            await world.advance(ahead[int(self.which * len(ahead))].total_seconds())
        return []


@dataclass(frozen=True, slots=True)
class Steer:
    """Meta or fate does something: rates, pauses, restricts, fails, breaks connections."""

    path: str
    body: Mapping[str, Any]

    async def happen(self, world: World) -> list[Answer]:
        """Have the emulator do it."""
        await world.steer(self.path, self.body)
        return []


@dataclass(frozen=True, slots=True)
class Poll:
    """The gateway reads the nodes and the lists."""

    async def happen(self, world: World) -> list[Answer]:
        """Let it read."""
        await world.poll()
        return []


@dataclass(frozen=True, slots=True)
class Restrict:
    """Meta restricts a number, for reasons of its own; only the node tells of it."""

    number: str

    async def happen(self, world: World) -> list[Answer]:
        """Restrict it and have the gateway read the node."""
        await world.steer(f"/numbers/{self.number}", {"status": "RESTRICTED"})
        await world.poll()
        return []


_numbers = st.sampled_from(NUMBERS)
_crowds = st.builds(
    lambda start, size: tuple(each % USERS for each in range(start, start + size)),
    st.integers(0, USERS // 10 - 1).map(lambda tens: 10 * tens),
    st.sampled_from((1, 5, 20, 60)),
)
_the_same = st.builds(lambda one, times: (one,) * times, st.integers(0, 5), st.integers(2, 50))
_templates = st.sampled_from((*TEMPLATES, "never_made"))
_beside = st.sampled_from((-61.0, -60.0, -59.0, -1.0, -0.5, 0.0, 0.5, 1.0))
_faults = st.fixed_dictionaries(
    {
        "match": st.just({"path": "/messages"}),
        "action": st.sampled_from(
            ("error", "reset", "accept_then_reset", "half_answer", *("accept_then_fail",) * 3)
        ),
        "code": st.sampled_from((131026, 131000, 131049)),
        "times": st.sampled_from((1, 3, 30)),
    }
)
_changes = st.one_of(
    st.fixed_dictionaries({"quality_rating": st.sampled_from(("GREEN", "YELLOW", "RED"))}),
    st.fixed_dictionaries({"messaging_limit": st.sampled_from((20, 50))}),
)
_restrictions = st.fixed_dictionaries(
    {
        "waba_id": st.sampled_from(WABAS),
        "restriction_type": st.sampled_from(
            (
                "RESTRICTED_BIZ_INITIATED_MESSAGING",
                "RESTRICTED_CUSTOMER_INITIATED_MESSAGING",
                "RESTRICTED_UTILITY_TEMPLATES",
                "RESTRICTED_ADD_PHONE_NUMBER_ACTION",
                "RESTRICTED_BY_A_RULE_TO_COME",
            )
        ),
        "duration_s": st.sampled_from((60.0, 3600.0)),
    }
)

_campaigns = st.builds(Send, _numbers, _crowds, st.just("order_update"))
sends = st.one_of(
    _campaigns,
    _campaigns,
    _campaigns,
    st.builds(Send, _numbers, _crowds, _templates),
    st.builds(Send, _numbers, _crowds, st.none()),
    st.builds(Send, _numbers, _the_same, st.just("login_code")),
)
times = st.one_of(
    st.builds(Advance, st.sampled_from((0.5, 5.0, 59.5, 3599.5, 3600.0, 10_799.5, 43_200.0))),
    st.builds(AgeOfASend, st.floats(0, 0.99), _beside),
    st.builds(AgeOfASend, st.floats(0, 0.99), _beside),
    st.just(Advance(7 * DAY_S)),
)
events = st.one_of(
    st.builds(Inbound, _numbers, _crowds, st.sampled_from(("text", "text", "reaction"))),
    st.builds(Steer, st.just("/faults"), _faults),
    st.builds(Steer, _numbers.map(lambda number: f"/numbers/{number}"), _changes),
    st.builds(
        Steer,
        st.sampled_from(TEMPLATES[1:]).map(lambda name: f"/templates/{name}"),
        st.fixed_dictionaries({"status": st.sampled_from(("APPROVED", "PAUSED", "DISABLED"))}),
    ),
    st.builds(Steer, st.just("/restrictions"), _restrictions),
    st.builds(Restrict, _numbers),
    st.just(Poll()),
)
histories = st.lists(st.one_of(sends, sends, sends, times, events), min_size=12, max_size=36)
