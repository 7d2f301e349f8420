"""Who a message goes to: Meta's reading of `to` and `recipient`, down to one id a user."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, assert_never

import phonenumbers
from phonenumbers import PhoneMetadata

from gateway.whatsapp.ids import UserId

_PUNCTUATION: Final = str.maketrans("", "", "-(). ")
_BSUID: Final = re.compile(r"[A-Za-z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII | re.IGNORECASE)


class RecipientKind(StrEnum):
    """How a request names its recipient."""

    PHONE = "phone"
    BSUID = "bsuid"
    GROUP = "group"


class Recipient(NamedTuple):
    """A recipient as the app gave it."""

    kind: RecipientKind
    value: str


@dataclass(frozen=True, slots=True)
class Dialling:
    """How numbers are dialled where a business number lives.

    `country_code` without plus ("34"), `region` as ISO 3166 alpha-2 ("ES", "001" for no country),
    `national_lengths` in digits: those of mobile and fixed lines, the only ones that hold WhatsApp
    accounts. Short codes and freephone numbers would make too many lengths possible.
    """

    country_code: str
    region: str
    national_lengths: frozenset[int]


def is_bsuid(value: str) -> bool:
    """Whether `value` is a business-scoped user id (`US.1349…`) or a parent one (`US.ENT.1181…`).

    Two letters of a country, a dot, up to 128 alphanumerics. Source: BSUID, 15 Sep 2026 (R§1.4).
    """
    return _BSUID.fullmatch(value) is not None


@lru_cache(maxsize=4096)
def dialling_of(display_phone_number: str) -> Dialling | None:
    """Return the dialling of a business number (its plus is optional), None if it is no number."""
    try:
        number = phonenumbers.parse("+" + display_phone_number.strip().lstrip("+"))
    except phonenumbers.NumberParseException:
        return None
    code = number.country_code or 0
    # Numbers in no use (a test number, 555) have a country but no region of their own.
    region = phonenumbers.region_code_for_number(
        number
    ) or phonenumbers.region_code_for_country_code(code)
    return Dialling(str(code), region, _national_lengths(code, region))


def _national_lengths(code: int, region: str) -> frozenset[int]:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    kinds = (metadata.mobile, metadata.fixed_line) if metadata else ()
    lengths = {length for kind in kinds if kind for length in kind.possible_length}
    # The library writes -1 where a country has no such lines.
    return frozenset(length for length in lengths if length > 0)


def user_id(recipient: Recipient, dialling: Dialling | None) -> UserId:
    """Return the one id under which this recipient is counted.

    A phone number becomes E.164 digits. With a leading `+` or `00` it says its country itself;
    without one it is read the way Meta reads it: the business number's own country code is
    prepended, unless it is there already. Digits that fit neither are taken as a whole number,
    since SDKs send `wa_id` digits. Source: SEND, 21 May 2026 (R§1.2). What is no phone number at
    all stays as it is: Meta is the judge of it, the ledger merely counts it.
    """
    match recipient.kind:
        case RecipientKind.PHONE:
            return UserId(_phone_digits(recipient.value, dialling))
        case RecipientKind.BSUID:
            return UserId(recipient.value[:2].upper() + recipient.value[2:])
        case RecipientKind.GROUP:
            return UserId(recipient.value)
        case _:
            assert_never(recipient.kind)


def _phone_digits(value: str, dialling: Dialling | None) -> str:
    plain = value.translate(_PUNCTUATION)
    digits = plain.replace("+", "")
    if not (digits.isascii() and digits.isdigit()):
        return digits or value
    if plain[0] == "+":
        return digits
    if digits.startswith("00"):
        return digits[2:] or value
    if dialling is None or _has_country_code(digits, dialling):
        return digits
    national = digits.removeprefix("0")
    if not {len(digits), len(national)} & dialling.national_lengths:
        return digits
    return _international(digits, dialling.region)


def _has_country_code(digits: str, dialling: Dialling) -> bool:
    code = dialling.country_code
    return digits.startswith(code) and len(digits) - len(code) in dialling.national_lengths


def _international(digits: str, region: str) -> str:
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return digits
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
