"""Reads the named queries from the .sql file beside a module."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HEAD: Final = re.compile(r"^-- (name|part): (\w+)$", re.MULTILINE)
# Two colons are a cast.
PLACE: Final = re.compile(r"(?<!:):([a-z]\w*)")


def beside(module_file: str) -> Mapping[str, str]:
    """Return the queries of `X.sql` beside `X.py`, by name.

    A query starts at a line `-- name: <name>` and ends at the next such line. What several queries
    have in common is written once, below a line `-- part: <part>`, and stands wherever one of them
    says `:<part>`. A file without names, with a name given twice, or which says a part that it does
    not have, raises ValueError.
    """
    path = Path(module_file).with_suffix(".sql")
    pieces = HEAD.split(path.read_text())
    kinds, names, bodies = pieces[1::3], pieces[2::3], pieces[3::3]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"{path.name}: every query needs a name of its own")
    found: dict[str, dict[str, str]] = {"name": {}, "part": {}}
    for kind, name, body in zip(kinds, names, bodies, strict=True):
        found[kind][name] = body.strip()

    def part(said: re.Match[str]) -> str:
        if said[1] not in found["part"]:
            raise ValueError(f"{path.name}: there is no part {said[1]!r}")
        return found["part"][said[1]]

    return {name: PLACE.sub(part, body) for name, body in found["name"].items()}
