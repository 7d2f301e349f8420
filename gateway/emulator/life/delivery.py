"""Lets the statuses of an accepted message follow it, and the message reach a person."""

from gateway.emulator.life import lifecycle
from gateway.emulator.messages import Send
from gateway.emulator.rules.judge import Case, Finding
from gateway.emulator.state import State
from gateway.emulator.webhooks import updates
from gateway.emulator.webhooks.updates import Sent


def follow(state: State, case: Case, sent: Sent, fate: Finding | None) -> None:
    """Plan the statuses: sent, delivered, read, or failed with the code of its fate."""
    knobs = state.knobs
    is_told = state.sender.url is not None
    if not knobs.statuses or not (is_told or fate):
        return
    number = case.number

    def follow_up(now: float) -> None:
        if fate is not None:
            state.memory.ledger.release(number.pool_id, sent.wamid)
            state.sender.post(updates.failed(number, sent, (fate.code, fate.detail), now))
            return
        for name in _states(state, case.send):
            state.sender.post(updates.status(number, sent, name, now))
            if sent.takes_slot and state.knobs.count_on == name:
                lifecycle.count(state, number, sent.user, now)

    if knobs.status_delay_s > 0:
        state.schedule.at(case.now + knobs.status_delay_s, follow_up)
    else:
        follow_up(case.now)


def _states(state: State, send: Send) -> list[str]:
    if send.type == "reaction":
        return ["sent"]  # a reaction is never said to be delivered (R§1.3)
    wanted = {"sent": True, "delivered": state.knobs.delivered, "read": state.knobs.read}
    return [name for name, is_wanted in wanted.items() if is_wanted]
