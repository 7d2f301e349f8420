"""The enum that never breaks on a word Meta has added since this was written."""

from enum import StrEnum
from typing import Self


class MetaEnum(StrEnum):
    """Words of Meta's. Every subclass has a member named UNKNOWN."""

    @classmethod
    def of(cls, raw: object) -> Self:
        """Return the member spelled `raw` in either case, UNKNOWN for the rest; never raises."""
        if isinstance(raw, str):
            for spelling in (raw, raw.strip().upper(), raw.strip().lower()):
                member = cls._value2member_map_.get(spelling)
                if isinstance(member, cls):
                    return member
        return cls["UNKNOWN"]
