"""Reads the named queries from the .sql file beside a module."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def beside(module_file: str) -> Mapping[str, str]:
    """Return the queries of `X.sql` beside `X.py`, by name.

    A query starts at a line `-- name: <name>` and ends at the next one. A file without names, or
    with a name given twice, raises ValueError.
    """
    path = Path(module_file).with_suffix(".sql")
    parts = NAME.split(path.read_text())
    names, bodies = parts[1::2], parts[2::2]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"{path.name}: every query needs a name of its own")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}
