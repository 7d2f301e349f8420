"""Writes logs as JSON lines on standard error, with secrets and message bodies left out."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

# Nothing here should ever be logged; this is the second line of defence.
SECRETS: Final = frozenset(
    {"authorization", "token", "access_token", "key", "secret", "body", "text", "password"}
)

# Local variables are tokens and bodies as often as not.
TRACEBACKS: Final = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)


def configure(level: str) -> None:
    """Set up logging for the whole process."""
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.ExceptionRenderer(TRACEBACKS),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def redact(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank what has the name of a secret."""
    for name in event:
        if name.lower() in SECRETS:
            event[name] = "[redacted]"
    return event
