"""`gateway rules`: prints the rule book from the docstrings of the rules."""

import inspect
from typing import Annotated

import typer

from gateway.policy.decide import RULES


def rules(
    name: Annotated[str | None, typer.Argument(help="One rule; all of them if left out.")] = None,
) -> None:
    """Print what each rule says, where it comes from, and how a refusal looks."""
    if name is not None and name not in RULES:
        raise typer.BadParameter(f"there is no rule {name!r}; there are {', '.join(RULES)}")
    for rule in [name] if name else RULES:
        typer.echo(typer.style(rule, bold=True))
        typer.echo(manual(rule))
        typer.echo()


def manual(rule: str) -> str:
    """Return the manual of one rule: the docstring of its module."""
    module = inspect.getmodule(RULES[rule])
    text = inspect.getdoc(module)
    if text is None:
        raise AssertionError(f"rule {rule} has no manual")
    return text
