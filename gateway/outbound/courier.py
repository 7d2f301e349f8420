"""Takes a message with what its app wishes for it: sends it now, or has it wait."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.clock import Clock
from gateway.cloud.outcome import Refused
from gateway.outbound.admission import TooLateError
from gateway.outbound.contents import Contents
from gateway.outbound.dispatch import (
    Dispatcher,
    Handled,
    Kind,
    Request,
    StoodStillError,
    TurnedBackError,
)
from gateway.outbound.pacing import CongestedError, Line
from gateway.outbound.parcels import Known, Packer, Parked, Wishes, parked_row
from gateway.outbound.parking import Parking
from gateway.outbound.rests import LeavingError
from gateway.policy.parcel import Parcel
from gateway.policy.retry import FIRST

AUTHORIZATION: Final = "Authorization"


@dataclass(frozen=True, slots=True)
class CourierParts:
    """What the courier works with."""

    dispatcher: Dispatcher
    parking: Parking
    packer: Packer
    clock: Clock


class Courier:
    """Stands before the dispatcher for messages that may have to wait or to be sent once more."""

    def __init__(self, parts: CourierParts) -> None:
        self._parts = parts

    async def take(self, request: Request, wishes: Wishes, line: Line) -> Handled | Parked:
        """Return what became of one message; raises what `Dispatcher.handle` raises.

        What is parked is durable when it is returned. TooLateError where it is of no use any more.
        """
        kind = await self._parts.dispatcher.kind_of(request.submission.candidate)
        keeps = self._parts.packer.keeps(
            wishes, kind.send_class, correlated=request.submission.correlated
        )
        if wishes.expires_at is None and not keeps:
            return await self._parts.dispatcher.handle(request, line, kind)
        now, known = self._parts.clock.now(), _known(request, kind)
        expires_at = self._parts.packer.expires_at(wishes, known.valid, now)
        if expires_at <= max(now, wishes.send_at or now):
            raise TooLateError
        most_wait_s = min(request.most_wait_s, (expires_at - now).total_seconds())
        request = request._replace(most_wait_s=most_wait_s)
        if not keeps:
            return await self._parts.dispatcher.handle(request, line, kind)
        parcel = self._parts.packer.pack(_contents(request), wishes, known, now)
        submission = request.submission._replace(parcel=parcel)
        request = request._replace(submission=submission)
        if not parcel.waits:
            return await self._parts.dispatcher.handle(request, line, kind)
        if wishes.send_at is not None and wishes.send_at > now:
            parked = Parked(wishes.send_at, "schedule", "It was asked for at this hour.")
            return await self._park(request, parcel, kind, parked)
        return await self._send_or_park(request, parcel, kind, line)

    async def _send_or_park(
        self, request: Request, parcel: Parcel, kind: Kind, line: Line
    ) -> Handled | Parked:
        now = self._parts.clock.now()
        try:
            handled = await self._parts.dispatcher.handle(request, line, kind)
        # What was decided on is in the outbox since then; what gives it back lets it wait there.
        except TurnedBackError as error:
            return Parked(now + FIRST, "draining", str(error))
        except StoodStillError as error:
            return Parked(now + FIRST, "throughput", str(error))
        except LeavingError as error:
            # Another process will take it up at once.
            return await self._park(request, parcel, kind, Parked(now, "draining", str(error)))
        except CongestedError as error:
            due_at = now + timedelta(seconds=error.retry_after_s)
            if due_at >= parcel.expires_at:
                raise
            parked = Parked(due_at, "throughput", str(error))
            return await self._park(request, parcel, kind, parked)
        return _as_parked(handled) or handled

    async def _park(self, request: Request, parcel: Parcel, kind: Kind, parked: Parked) -> Parked:
        row = parked_row(
            request.submission, parcel, kind.template, (parked, self._parts.clock.now())
        )
        await self._parts.parking.park(row)
        return parked


def _known(request: Request, kind: Kind) -> Known:
    correlated = request.submission.correlated
    return Known(request.waba_id, request.path, kind.send_class, kind.valid, correlated)


def _contents(request: Request) -> Contents:
    own_token = request.headers[AUTHORIZATION] if request.own_token else None
    given = request.headers.items()
    headers = [(str(name), value) for name, value in given if name != AUTHORIZATION]
    return Contents(request.body, headers, own_token)


def _as_parked(handled: Handled) -> Parked | None:
    decisive, outcome = handled.admission.verdict.decisive, handled.outcome
    if handled.admission.is_parked and decisive is not None and decisive.until is not None:
        return Parked(decisive.until, decisive.rule, decisive.details)
    if handled.waits_until is not None and isinstance(outcome, Refused):
        return Parked(handled.waits_until, "upstream", outcome.reason)
    return None
