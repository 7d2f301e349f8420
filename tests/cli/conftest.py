"""Let every test of the commands run them."""

from tests.cli.command import run, start

__all__ = ["run", "start"]
