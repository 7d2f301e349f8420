"""Load the plugins that every test may use."""

pytest_plugins = (
    "tests.postgres",
    "tests.outage",
    "tests.world",
    "tests.gateway_process",
    "tests.browser",
)
