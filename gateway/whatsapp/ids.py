"""The identifiers of the house, each with a type of its own so that none stands for another."""

from typing import NewType

PhoneNumberId = NewType("PhoneNumberId", str)
"""Meta's id of a business number, the first segment of every send path. Not a phone number."""

WabaId = NewType("WabaId", str)
"""Meta's id of a WhatsApp Business Account ("Messaging account" since 23 Sep 2026, the same id)."""

PoolId = NewType("PoolId", str)
"""What shares one messaging limit: a portfolio, or one number alone (the earlier regime)."""

UserId = NewType("UserId", str)
"""Who receives: wa_id digits (E.164 without the plus), a BSUID, or a group id."""

Wamid = NewType("Wamid", str)
"""Meta's id of one message; opaque."""
