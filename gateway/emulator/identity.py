"""Finds out which user a message is meant for, by phone or by business-scoped user id."""

import re
from functools import lru_cache

_TOLERATED = str.maketrans("", "", "+-() ")
_PHONE = re.compile(r"\d{5,15}")
_BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[0-9A-Za-z]{1,128}")
_GROUP_ID = re.compile(r"[0-9A-Za-z_.@=+/-]{1,256}")
_LONGEST_NATIONAL = 10

# Longest prefix first where one begins with another; enough for the users of tests and demos.
_COUNTRIES = {
    "972": "IL", "971": "AE", "351": "PT", "353": "IE", "234": "NG", "254": "KE", "1": "US",
    "7": "KZ", "20": "EG", "27": "ZA", "30": "GR", "31": "NL", "32": "BE", "33": "FR", "34": "ES",
    "39": "IT", "41": "CH", "43": "AT", "44": "GB", "45": "DK", "46": "SE", "47": "NO", "48": "PL",
    "49": "DE", "51": "PE", "52": "MX", "54": "AR", "55": "BR", "56": "CL", "57": "CO", "58": "VE",
    "60": "MY", "61": "AU", "62": "ID", "63": "PH", "64": "NZ", "65": "SG", "66": "TH", "81": "JP",
    "82": "KR", "84": "VN", "86": "CN", "90": "TR", "91": "IN", "92": "PK",
}  # fmt: skip
_ELSEWHERE = "ZZ"
_CALLING_CODES = sorted(_COUNTRIES, key=len, reverse=True)

# A multiplication by a number prime to 10 can be undone, so an id needs no memory to be read back.
_SPACE = 10**20
_FACTOR = 61_803_398_874_989_484_821
_INVERSE = pow(_FACTOR, -1, _SPACE)


def digits_of(phone: str) -> str:
    """Strip the signs WhatsApp tolerates: `+ - ( )` and spaces."""
    return phone.translate(_TOLERATED)


def calling_code_of(display_phone_number: str) -> str:
    """Read the country calling code: what stands before the first space of "+1 555-000-1111"."""
    first, space, _ = display_phone_number.strip().partition(" ")
    if space and first.startswith("+"):
        return first[1:]
    digits = digits_of(display_phone_number)
    return next((code for code in _CALLING_CODES if digits.startswith(code)), "")


def wa_id_of(to: str, calling_code: str) -> str | None:
    """Turn the text of `to` into WhatsApp digits, or None when it is no phone number.

    Without a leading `+` Meta prepends the business number's own country code. Source: SEND,
    21 May 2026 (R§1.2). Simplified: eleven digits or more are taken to carry a country code
    already, as is a number that begins with the sender's own code and is longer than ten digits.
    """
    digits = digits_of(to)
    if not _PHONE.fullmatch(digits):
        return None
    if to.lstrip().startswith("+") or len(digits) > _LONGEST_NATIONAL:
        return digits
    return calling_code + digits


def is_bsuid(text: str) -> bool:
    """Whether the text has the shape of a business-scoped user id (R§1.4)."""
    return _BSUID.fullmatch(text) is not None


def is_group_id(text: str) -> bool:
    """Whether the text could be a group id, which is opaque."""
    return _GROUP_ID.fullmatch(text) is not None


@lru_cache(maxsize=65_536)  # every status of a user names it again
def bsuid_of(wa_id: str, scope: str) -> str:
    """Give the BSUID of a phone within a scope (portfolio or number), always the same."""
    code = next((code for code in _CALLING_CODES if wa_id.startswith(code)), None)
    country = _COUNTRIES[code] if code else _ELSEWHERE
    scrambled = (int("1" + wa_id) * _FACTOR + _salt(scope)) % _SPACE
    return f"{country}.{scrambled:020d}"


def phone_of_bsuid(bsuid: str, scope: str) -> str | None:
    """Give the phone behind an id made by `bsuid_of`; None for any other id."""
    tail = bsuid.rpartition(".")[2]
    if len(tail) != 20 or not tail.isdecimal():  # noqa: PLR2004 - the width bsuid_of writes
        return None
    plain = str((int(tail) - _salt(scope)) * _INVERSE % _SPACE)
    wa_id = plain[1:]
    is_ours = plain.startswith("1") and _PHONE.fullmatch(wa_id) and bsuid_of(wa_id, scope) == bsuid
    return wa_id if is_ours else None


def _salt(scope: str) -> int:
    return int.from_bytes(scope.encode()[-8:], "big")
