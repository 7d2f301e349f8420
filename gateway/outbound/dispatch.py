"""Takes one message from the app to Meta: line, desk, wire, journal."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, assert_never

from gateway.clock import Clock
from gateway.cloud.client import CloudClient
from gateway.cloud.outcome import Accepted, InDoubt, Outcome, Refused
from gateway.metrics import Metrics
from gateway.outbound.admission import AdmissionDesk
from gateway.outbound.answers import AnswerWriter
from gateway.outbound.audience import AbandonedError, Audience
from gateway.outbound.lanes import LaneKey, Lanes, Ticket
from gateway.outbound.pacing import CongestedError, Line, Wanted
from gateway.outbound.rests import LeavingError, Rests
from gateway.outbound.settling import Settlement
from gateway.outbound.submission import Admission, Submission
from gateway.policy.facts import TemplateFacts
from gateway.policy.fold import Candidate
from gateway.policy.lifecycle import MessageState
from gateway.policy.retry import again_at
from gateway.policy.send_class import SendClass, class_of
from gateway.policy.throttling import Refusal
from gateway.policy.verdict import Decision
from gateway.store.errors import StoreUnavailableError
from gateway.store.messages import Answer

RELEASE_WAIT_S: Final = 2.0
STALE_S: Final = 1.0
"""When to come again with a message whose process stood still."""
AUTHENTICATION_TTL: Final = timedelta(minutes=10)
"""How long a code is worth delivering where its template does not say. Source: TTL (R§6.4)."""
POLICY: Final = frozenset({368, 131031})
"""Refusals that say that Meta restricts the account or the number (R§7.2)."""


class StoodStillError(CongestedError):
    """The message was decided on, but could not leave; what it held has been given back.

    If it may wait, it is in the outbox and will be tried again.
    """


class TurnedBackError(LeavingError):
    """The message was decided on, but the process goes away; what it held has been given back.

    If it may wait, it is in the outbox and another process will try it.
    """


class Request(NamedTuple):
    """A message ready to go: `path` and `headers` are those of the Cloud API.

    `own_token` says that the app has brought its own, not one of the vault.
    """

    submission: Submission
    path: str
    body: bytes
    headers: Mapping[str, str]
    most_wait_s: float
    audience: Audience
    waba_id: str
    own_token: bool


class Kind(NamedTuple):
    """What a message is by what is known of its template.

    `valid`: how long it is worth delivering, None where Meta names no time.
    """

    template: TemplateFacts | None
    send_class: SendClass
    valid: timedelta | None


@dataclass(slots=True)
class Timing:
    """Seconds a message spent waiting in the line and at the Cloud API."""

    wait_s: float = 0.0
    upstream_s: float = 0.0


class Handled(NamedTuple):
    """What was decided and, if it left, what became of it.

    `waits_until`: Meta has not taken it, and it waits in the outbox to be tried again.
    """

    admission: Admission
    outcome: Outcome | None
    timing: Timing
    waits_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class DispatchParts:
    """What the dispatcher works with."""

    desk: AdmissionDesk
    cloud: CloudClient
    answers: AnswerWriter
    settlement: Settlement
    clock: Clock
    metrics: Metrics
    unanswered: timedelta
    """How long after its decision a message counts as in doubt for other processes."""


class Dispatcher:
    """Sends what is admitted, and has the journal told of every answer."""

    def __init__(self, parts: DispatchParts) -> None:
        self._desk = parts.desk
        self._cloud = parts.cloud
        self._answers = parts.answers
        self._settlement = parts.settlement
        self._clock = parts.clock
        self._metrics = parts.metrics
        # A process that stood still for so long must not send any more: others have given it up.
        self._stale = parts.unanswered / 2
        self._lanes = Lanes()
        self._rests = Rests()
        self.on_policy_refusal: Callable[[], None] = _nobody

    def close(self) -> None:
        """Let no message rest any more, for its pair or because Meta has told to wait."""
        self._rests.close()

    async def kind_of(self, candidate: Candidate) -> Kind:
        """Return what is known of a message; StoreUnavailableError where nothing is yet."""
        template = await self._desk.template(candidate)
        send_class = class_of(candidate.message, template.category if template else None)
        return Kind(template, send_class, _valid(send_class, template))

    async def handle(self, request: Request, line: Line, kind: Kind) -> Handled:
        """Return what became of one message.

        Raises CongestedError when the line is too long, AbandonedError when nobody waits for the
        answer any more, LeavingError when this process goes away, StoreUnavailableError when
        nothing can be decided; each time nothing has left.
        """
        submission = request.submission
        if kind.valid is not None:
            most_wait_s = min(request.most_wait_s, kind.valid.total_seconds())
            request = request._replace(most_wait_s=most_wait_s)
        ticket = self._lanes.join(
            LaneKey(
                submission.candidate.phone_number_id,
                submission.candidate.user_id,
                submission.app_id,
                kind.send_class,
            )
        )
        try:
            return await self._pass(request, line, ticket)
        finally:
            self._lanes.done(ticket)

    async def _pass(self, request: Request, line: Line, ticket: Ticket) -> Handled:
        """Pass line, desk and wire."""
        timing = Timing()
        started = time.perf_counter()
        key = ticket.key
        await self._heed_holds(request, key)
        waited_s = time.perf_counter() - started
        wanted = Wanted(key.send_class, key.app_id, max(request.most_wait_s - waited_s, 0.0))
        await line.enter(wanted, request.audience)
        is_inside = True
        try:
            timing.wait_s = time.perf_counter() - started
            decided_at = self._clock.now()
            admission = await self._submit(self._patient(request, timing.wait_s))
            self._count(admission)
            verdict = admission.verdict
            if verdict.decision is not Decision.ADMIT:
                return Handled(admission, None, timing)
            paced = time.perf_counter()
            if verdict.send_at is not None or not ticket.is_first:
                # Whoever has to wait for their own sake does not stand in the others' way.
                line.leave()
                is_inside = False
                await self._bide(request, verdict.send_at, ticket)
            await line.turn()
            self._check_age(decided_at)
        except AbandonedError as error:
            await self._give_back(request.submission, error)
            raise
        except (LeavingError, CongestedError) as error:
            waits_until = _again_at(request.submission, None, self._clock.now())
            await self._give_back(request.submission, error, waits_until)
            if isinstance(error, CongestedError):
                raise StoodStillError(error.retry_after_s, error.code) from error
            raise TurnedBackError from error
        finally:
            if is_inside:
                line.leave()
        leaves = time.perf_counter()
        timing.wait_s += leaves - paced
        self._metrics.waited(key.send_class, timing.wait_s)
        outcome = await self._cloud.send(request.path, request.body, request.headers)
        timing.upstream_s = time.perf_counter() - leaves
        self._learn(request, outcome)
        waits_until = None
        # A no that is not in Meta's words is final: nobody knows what it is about.
        if isinstance(outcome, Refused) and (outcome.error or outcome.answer is None):
            code = outcome.error.code if outcome.error else None
            waits_until = _again_at(request.submission, code, self._clock.now())
        await self._note(request.submission, outcome, waits_until)
        return Handled(admission, outcome, timing, waits_until)

    async def _submit(self, submission: Submission) -> Admission:
        """Put it before the desk.

        When the desk could not say whether a parcel has been written, it is written down that
        nothing was sent: or it would be in doubt some day, and perhaps be sent once more.
        """
        try:
            return await self._desk.submit(submission)
        except StoreUnavailableError as error:
            if submission.parcel is not None:
                waits_until = _again_at(submission, None, self._clock.now())
                self._record(submission, Refused(None, None, str(error)), waits_until)
            raise

    def _learn(self, request: Request, outcome: Outcome) -> None:
        """Let what Meta refuses teach how fast to send, and what has to wait."""
        if (
            isinstance(outcome, Refused)
            and outcome.answer is not None
            and outcome.error is not None
        ):
            candidate = request.submission.candidate
            refusal = Refusal(
                candidate.phone_number_id,
                request.waba_id,
                request.submission.app_id,
                request.own_token,
                outcome.error.code,
                outcome.answer.headers,
            )
            self._settlement.learn(refusal)

    async def _heed_holds(self, request: Request, key: LaneKey) -> None:
        """Wait as Meta has told; CongestedError when that is longer than the message may wait."""
        held = self._settlement.hold_of(key.phone_number_id, request.waba_id, key.app_id)
        if held is None:
            return
        if held.seconds > request.most_wait_s:
            raise CongestedError(held.seconds, held.code)
        await self._rests.rest(held.seconds, request.audience)

    def _patient(self, request: Request, waited_s: float) -> Submission:
        """Tell the desk how long the message may still wait."""
        patience = timedelta(seconds=max(request.most_wait_s - waited_s, 0.0))
        candidate = request.submission.candidate._replace(patience=patience)
        return request.submission._replace(candidate=candidate)

    async def _bide(self, request: Request, send_at: datetime | None, ticket: Ticket) -> None:
        """Wait for the instant that was given, and for those before it in the lane.

        AbandonedError when nobody waits for the answer any more, LeavingError as for `handle`.
        """
        if send_at is not None:
            wait_s = (send_at - self._clock.now()).total_seconds()
            # The desk may have decided by the clock of another process.
            await self._rests.rest(min(wait_s, request.most_wait_s), request.audience)
        await ticket.turn()

    def _check_age(self, decided_at: datetime) -> None:
        """Let nothing leave that others have given up by now, or soon will; CongestedError."""
        if self._clock.now() - decided_at > self._stale:
            raise CongestedError(STALE_S)

    def _count(self, admission: Admission) -> None:
        decisive = admission.verdict.decisive
        rule = decisive.rule if decisive else "none"
        self._metrics.decision(admission.verdict.decision, rule)
        for objection in admission.verdict.shadowed:
            self._metrics.decision("shadow", objection.rule)

    async def _give_back(
        self, submission: Submission, error: Exception, waits_until: datetime | None = None
    ) -> None:
        """Give back what a message holds that was decided on and has not left."""
        await self._note(submission, Refused(None, None, str(error)), waits_until)

    async def _note(
        self, submission: Submission, outcome: Outcome, waits_until: datetime | None
    ) -> None:
        answer = self._record(submission, outcome, waits_until)
        if answer.state is MessageState.REFUSED:
            if answer.code in POLICY:
                self.on_policy_refusal()
            await self._released()

    def _record(
        self, submission: Submission, outcome: Outcome, waits_until: datetime | None
    ) -> Answer:
        state, wamid, code, detail = _reading(outcome)
        self._metrics.outcome(state)
        answer = Answer(
            pool_id=submission.candidate.pool_id,
            message_id=submission.message_id,
            state=state,
            wamid=wamid,
            code=code,
            detail=detail,
            answered_at=self._clock.now(),
            attempt=_attempt(submission, waits_until),
            waits_until=waits_until,
        )
        self._answers.record(answer, correlated=submission.correlated)
        return answer

    async def _released(self) -> None:
        """Let the slot be free by the time the app hears of the refusal, if that takes no time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE_WAIT_S):
                await self._answers.flushed()


def _reading(outcome: Outcome) -> tuple[MessageState, str | None, int | None, str | None]:
    match outcome:
        case Accepted(wamid=wamid):
            return MessageState.ACCEPTED, wamid, None, None
        case Refused(error=error, reason=reason):
            return MessageState.REFUSED, None, error.code if error else None, reason
        case InDoubt(reason=reason):
            return MessageState.IN_DOUBT, None, None, reason
        case _:
            assert_never(outcome)


def _again_at(submission: Submission, code: int | None, now: datetime) -> datetime | None:
    """Return when what was refused is tried again, None where its app is told instead."""
    parcel = submission.parcel
    if parcel is None or not parcel.waits:
        return None
    return again_at(code, parcel.attempts - parcel.forgiven, now)


def _attempt(submission: Submission, waits_until: datetime | None) -> int | None:
    """Return which attempt was answered: 0 where its app is told, so that nothing is to be kept."""
    parcel = submission.parcel
    if parcel is None:
        return None
    is_told = submission.lease is None and waits_until is None
    return 0 if is_told else parcel.attempts


def _valid(send_class: SendClass, template: TemplateFacts | None) -> timedelta | None:
    # A code that comes too late is worse than none. Source: TTL (R§6.4).
    if template is not None and template.ttl_s is not None:
        return timedelta(seconds=template.ttl_s)
    return AUTHENTICATION_TTL if send_class is SendClass.AUTHENTICATION else None


def _nobody() -> None:
    """Stand in until somebody wants to know of policy refusals."""
