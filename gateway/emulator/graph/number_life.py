"""Registers and verifies a business number, and keeps its PIN and settings."""

import re
from typing import Any

from gateway.emulator.errors import Refusal
from gateway.emulator.graph import edges
from gateway.emulator.graph.edges import SUCCESS, Done
from gateway.emulator.registry import Number, Registration
from gateway.emulator.state import State

# Source: REG (R§1.1, R§5.3).
MOST_ATTEMPTS = 10
ATTEMPTS_HORIZON_S = BLOCK_LASTS_S = 72 * 3600.0
_SIX_DIGITS = re.compile(r"\d{6}")
_CODE_METHODS = frozenset({"SMS", "VOICE"})
# Source: LOCAL, REG (R§9).
_REGIONS = frozenset(
    "AU ID IN JP SG KR DE CH GB BR BH ZA AE CA".split()  # noqa: SIM905 - a list reads worse
)


def register(state: State, node: Number, given: dict[str, Any]) -> Done:
    """Register a number with its PIN, or set the PIN of one that has none.

    133016 after ten attempts in 72 hours, 133006 before verification, 133005 for another PIN.
    Source: REG (R§1.1, R§7.7).
    """
    problem = edges.missing(given, "pin") or _bad_pin(given["pin"]) or _bad_region(given)
    problem = problem or _too_often(node.registration, state.now())
    if problem is not None:
        return problem
    registration = node.registration
    if not registration.is_verified:
        return Refusal(133006, "The phone number must be verified before it is registered.")
    if registration.pin not in {None, given["pin"]}:
        return Refusal(133005, "The PIN is not the one of this phone number.")
    registration.pin = given["pin"]
    node.is_registered = True
    return SUCCESS


def deregister(state: State, node: Number, _: dict[str, Any]) -> Done:
    """Deregister a number, which sends nothing from then on (133010)."""
    problem = _too_often(node.registration, state.now())
    if problem is not None:
        return problem
    if not node.is_registered:
        return Refusal(133010, "The phone number is not registered.")
    node.is_registered = False
    return SUCCESS


def request_code(_: State, node: Number, given: dict[str, Any]) -> Done:
    """Pretend to send a code; 136024 to a number that is verified (R§7.7)."""
    lacking = edges.missing(given, "code_method", "language")
    if lacking is not None:
        return lacking
    if str(given["code_method"]) not in _CODE_METHODS:
        return Refusal(100, "The parameter code_method must be SMS or VOICE.")
    return _verified_already(node) or SUCCESS


def verify_code(_: State, node: Number, given: dict[str, Any]) -> Done:
    """Verify a number; since no code was really sent, any six digits will do."""
    problem = edges.missing(given, "code") or _verified_already(node)
    if problem is not None:
        return problem
    if not _SIX_DIGITS.fullmatch(str(given["code"]).replace("-", "")):
        return Refusal(100, "The parameter code must be six digits.")
    node.registration.is_verified = True
    return SUCCESS


def change(_: State, node: Number, given: dict[str, Any]) -> Done:
    """Set the PIN. The emulator has one receiver, so no webhook of a number's own is taken."""
    if "webhook_configuration" in given:
        return Refusal(100, "The emulator sends all webhooks to one address.")
    problem = edges.missing(given, "pin") or _bad_pin(given["pin"])
    if problem is not None:
        return problem
    node.registration.pin = given["pin"]
    return SUCCESS


def show_settings(_: State, node: Number, __: dict[str, Any]) -> Done:
    """Show the settings; `calling` is off until it is turned on."""
    return {"calling": {"status": "DISABLED"}} | node.settings


def change_settings(_: State, node: Number, given: dict[str, Any]) -> Done:
    """Keep settings, each of them an object: `calling`, `storage_configuration` and so on."""
    changes = {name: value for name, value in given.items() if name != "messaging_product"}
    if not all(isinstance(value, dict) for value in changes.values()):
        return Refusal(100, "Every setting must be an object.")
    node.settings |= changes
    return SUCCESS


def _bad_pin(pin: object) -> Refusal | None:
    if isinstance(pin, str) and _SIX_DIGITS.fullmatch(pin):
        return None
    return Refusal(100, "The parameter pin must be a string of six digits.")


def _bad_region(given: dict[str, Any]) -> Refusal | None:
    region = given.get("data_localization_region")
    if region is None or str(region) in _REGIONS:
        return None
    return Refusal(100, f"The data_localization_region {region!r} does not exist.")


def _too_often(registration: Registration, now: float) -> Refusal | None:
    """Count an attempt to register or deregister, the eleventh of 72 hours being one too many."""
    recent = [at for at in registration.attempts if at > now - ATTEMPTS_HORIZON_S]
    registration.attempts = recent
    if now >= registration.blocked_until and len(recent) >= MOST_ATTEMPTS:
        registration.blocked_until = now + BLOCK_LASTS_S
    if now < registration.blocked_until:
        return Refusal(133016, "Too many attempts to register or deregister within 72 hours.")
    recent.append(now)
    return None


def _verified_already(node: Number) -> Refusal | None:
    if not node.registration.is_verified:
        return None
    return Refusal(136024, "The phone number is verified already.")
