"""Tells where payloads to test with lie: our own, and real ones where they are on the machine."""

from pathlib import Path
from typing import Final

OWN: Final = Path(__file__).parent
OWN_WEBHOOKS: Final = OWN / "webhooks"
OWN_SENDS: Final = OWN / "send"
REAL: Final = OWN.parents[2] / "shared" / "payloads"
REAL_SENDS: Final = REAL / "send" / "meta_openapi.jsonl"
