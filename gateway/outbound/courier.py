"""Takes a message with what its app wishes for it: sends it now, or has it wait."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.clock import Clock
from gateway.outbound.admission import AdmissionDesk
from gateway.outbound.contents import Contents
from gateway.outbound.dispatch import (
    Dispatcher,
    Handled,
    Request,
    StoodStillError,
    TurnedBackError,
    valid_for,
)
from gateway.outbound.pacing import CongestedError, Line
from gateway.outbound.parcels import Packer, Parked, Wishes, parked_row
from gateway.outbound.parking import Parking
from gateway.outbound.rests import LeavingError
from gateway.policy.facts import TemplateFacts
from gateway.policy.parcel import Parcel
from gateway.policy.send_class import class_of

AUTHORIZATION: Final = "Authorization"


@dataclass(frozen=True, slots=True)
class CourierParts:
    """What the courier works with."""

    dispatcher: Dispatcher
    desk: AdmissionDesk
    parking: Parking
    packer: Packer
    clock: Clock


class Courier:
    """Stands before the dispatcher for messages that may have to wait or to be sent once more."""

    def __init__(self, parts: CourierParts) -> None:
        self._parts = parts

    async def take(self, request: Request, wishes: Wishes, line: Line) -> Handled | Parked:
        """Return what became of one message; raises what `Dispatcher.handle` raises.

        What is parked is durable when it is returned.
        """
        if not request.submission.correlated:
            return await self._parts.dispatcher.handle(request, line)
        template = await self._parts.desk.template(request.submission.candidate)
        parcel = self._pack(request, wishes, template)
        if parcel is None:
            return await self._parts.dispatcher.handle(request, line)
        submission = request.submission._replace(parcel=parcel)
        request = request._replace(submission=submission)
        now = self._parts.clock.now()
        if wishes.send_at is not None and wishes.send_at > now:
            parked = Parked(wishes.send_at, "schedule", "It was asked for at this hour.")
            return await self._park(request, parcel, template, parked)
        try:
            handled = await self._parts.dispatcher.handle(request, line)
        except (StoodStillError, TurnedBackError):
            raise
        except LeavingError as error:
            if not parcel.waits:
                raise
            # Another process will take it up at once.
            return await self._park(request, parcel, template, Parked(now, "draining", str(error)))
        except CongestedError as error:
            due_at = now + timedelta(seconds=error.retry_after_s)
            if not parcel.waits or due_at >= parcel.expires_at:
                raise
            return await self._park(
                request, parcel, template, Parked(due_at, "throughput", str(error))
            )
        return _as_parked(handled, now) or handled

    def _pack(
        self, request: Request, wishes: Wishes, template: TemplateFacts | None
    ) -> Parcel | None:
        message = request.submission.candidate.message
        send_class = class_of(message, template.category if template else None)
        own_token = request.headers[AUTHORIZATION] if request.own_token else None
        given = request.headers.items()
        headers = {str(name): value for name, value in given if name != AUTHORIZATION}
        return self._parts.packer.pack(
            Contents(request.body, headers, own_token),
            wishes,
            (request.waba_id, request.path, send_class, valid_for(send_class, template)),
            self._parts.clock.now(),
        )

    async def _park(
        self, request: Request, parcel: Parcel, template: TemplateFacts | None, parked: Parked
    ) -> Parked:
        row = parked_row(request.submission, parcel, template, (parked, self._parts.clock.now()))
        await self._parts.parking.park(row)
        return parked


def _as_parked(handled: Handled, now: datetime) -> Parked | None:
    if not handled.admission.is_parked:
        return None
    decisive = handled.admission.verdict.decisive
    if decisive is None:
        raise AssertionError("a message was parked without an objection")
    return Parked(decisive.until or now, decisive.rule, decisive.details)
