"""The commands an operator types."""

import typer

from gateway.cli import check, emulate, migrate, outbox, preflight, rules, sandbox, serve

app = typer.Typer(
    name="gateway",
    help="Outbound message gateway between business apps and Meta's WhatsApp Cloud API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("sandbox")(sandbox.sandbox)
app.command("migrate")(migrate.migrate)
app.command("emulate")(emulate.emulate)
app.command("check")(check.check)
app.command("preflight")(preflight.preflight)
app.command("outbox")(outbox.outbox)
app.command("rules")(rules.rules)


def main() -> None:
    """Run the command line."""
    app()
