"""Answers the doors of the steering interface that only tell."""

from typing import Any, TypeVar

from aiohttp import web

from gateway.emulator.state import State
from gateway.emulator.steering import queries, report, report_text, snapshot

_Row = TypeVar("_Row")


async def whole(state: State) -> Any:
    """Show the whole state: knobs, numbers, pools, templates, restrictions."""
    return snapshot.of(state)


async def told(state: State, query: queries.OfReport) -> Any:
    """Report how well Meta's rules were kept and what became of numbers, pools and templates.

    Per rule: to how many messages it `applied`, how many `kept` and how many have `broken` it.
    """
    whole = report.of(state)
    return web.Response(text=report_text.of(whole)) if query.format == "text" else whole


async def history(state: State, query: queries.OfHistory) -> Any:
    """List what changed about numbers, pools, accounts and templates, oldest first."""
    found = [
        each.as_json()
        for each in state.history.changes
        if query.subject in {None, each.subject} and query.kind in {None, each.kind}
    ]
    return _latest(found, query.limit)


async def sends(state: State, query: queries.OfSends) -> Any:
    """List the messages that were sent here, oldest first."""
    since = query.since_at
    found = [
        each.as_json()
        for each in state.journal.sends
        if query.phone_number_id in {None, each.phone_number_id}
        and query.user in {None, each.user}
        and each.at >= since
    ]
    return _latest(found, query.limit)


async def violations(state: State, query: queries.OfViolations) -> Any:
    """List the rules that were broken, oldest first."""
    found = [
        each.as_json()
        for each in state.journal.violations
        if query.phone_number_id in {None, each.phone_number_id} and query.rule in {None, each.rule}
    ]
    return _latest(found, query.limit)


async def users(state: State) -> Any:
    """List the people about whom something is out of the ordinary."""
    return [snapshot.person(each) for each in state.people.known()]


async def faults(state: State) -> Any:
    """List the armed faults, and how many times each is `left` to strike."""
    return [
        {"id": fault_id, **fault.model_dump(), "left": left}
        for fault_id, fault, left in state.faults.armed()
    ]


def _latest(rows: list[_Row], limit: int | None) -> list[_Row]:
    return rows if limit is None else rows[len(rows) - min(limit, len(rows)) :]
