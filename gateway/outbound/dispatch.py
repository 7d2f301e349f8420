"""Takes one message from the app to Meta: line, desk, wire, journal."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, assert_never

from gateway.clock import Clock
from gateway.cloud.client import CloudClient
from gateway.cloud.outcome import Accepted, InDoubt, Outcome, Refused
from gateway.metrics import Metrics
from gateway.outbound.admission import Admission, AdmissionDesk, Submission
from gateway.outbound.answers import AnswerWriter
from gateway.outbound.audience import Audience
from gateway.outbound.pacing import Line
from gateway.policy.lifecycle import MessageState
from gateway.policy.verdict import Decision
from gateway.store.messages import Answer

RELEASE_WAIT_S: Final = 2.0
POLICY: Final = frozenset({368, 131031})
"""Refusals that say that Meta restricts the account or the number (R§7.2)."""


class Request(NamedTuple):
    """A message ready to go: `path` and `headers` are those of the Cloud API."""

    submission: Submission
    path: str
    body: bytes
    headers: Mapping[str, str]
    most_wait_s: float
    audience: Audience


@dataclass(slots=True)
class Timing:
    """Seconds a message spent waiting in the line and at the Cloud API."""

    wait_s: float = 0.0
    upstream_s: float = 0.0


class Handled(NamedTuple):
    """What was decided and, if it left, what became of it."""

    admission: Admission
    outcome: Outcome | None
    timing: Timing


class Dispatcher:
    """Sends what is admitted, and has the journal told of every answer."""

    def __init__(
        self,
        desk: AdmissionDesk,
        cloud: CloudClient,
        answers: AnswerWriter,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._desk = desk
        self._cloud = cloud
        self._answers = answers
        self._clock = clock
        self._metrics = metrics
        self.on_policy_refusal: Callable[[], None] = _nobody

    async def handle(self, request: Request, line: Line) -> Handled:
        """Return what became of one message.

        Raises CongestedError when the line is too long, StoreUnavailableError when nothing can be
        decided; in both cases nothing has left.
        """
        timing = Timing()
        started = time.perf_counter()
        await line.enter(request.most_wait_s)
        try:
            timing.wait_s = time.perf_counter() - started
            admission = await self._desk.submit(request.submission)
            self._count(admission)
            if admission.verdict.decision is not Decision.ADMIT:
                return Handled(admission, None, timing)
            paced = time.perf_counter()
            await line.turn()
        finally:
            line.leave()
        leaves = time.perf_counter()
        timing.wait_s += leaves - paced
        outcome = await self._cloud.send(request.path, request.body, request.headers)
        timing.upstream_s = time.perf_counter() - leaves
        await self._note(request.submission, outcome)
        return Handled(admission, outcome, timing)

    def _count(self, admission: Admission) -> None:
        decisive = admission.verdict.decisive
        rule = decisive.rule if decisive else "none"
        self._metrics.decision(admission.verdict.decision, rule)
        for objection in admission.verdict.shadowed:
            self._metrics.decision("shadow", objection.rule)

    async def _note(self, submission: Submission, outcome: Outcome) -> None:
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
        )
        self._answers.record(answer, correlated=submission.correlated)
        if state is MessageState.REFUSED:
            if code in POLICY:
                self.on_policy_refusal()
            await self._released()

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


def _nobody() -> None:
    """Stand in until somebody wants to know of policy refusals."""
