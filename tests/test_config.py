from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config import CONFIG_FILE, Settings, isolated, load, settings_table


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Start in an empty folder, with nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in (*Settings.model_fields, "config"):
        monkeypatch.delenv(f"GATEWAY_{name.upper()}", raising=False)


def wrong(**overrides: object) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        load(**overrides)
    return [str(error["loc"][0]) for error in refused.value.errors()]


def test_without_anything_the_defaults_hold() -> None:
    settings = load()
    assert (settings.host, settings.port, settings.admin_port) == ("127.0.0.1", 8080, 8081)
    assert settings.cloud_url == "https://graph.facebook.com"
    assert settings.sandbox is False
    assert settings.admin_key is None


def test_an_argument_beats_the_environment_which_beats_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gateway.toml").write_text("port = 1\nadmin_port = 2\nwait_s = 3\n")
    monkeypatch.setenv("GATEWAY_PORT", "11")
    monkeypatch.setenv("GATEWAY_ADMIN_PORT", "12")
    settings = load(port=21)
    assert (settings.port, settings.admin_port, settings.wait_s) == (21, 12, 3)


def test_another_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('log_level = "ERROR"\n')
    monkeypatch.setenv(CONFIG_FILE, str(tmp_path / "other.toml"))
    assert load().log_level == "ERROR"


def test_a_word_in_the_file_that_is_no_setting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text("prot = 1\n")
    assert wrong() == ["prot"]


def test_lists_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_APP_SECRETS", '["new", "old"]')
    monkeypatch.setenv("GATEWAY_SHADOW_RULES", '["pair_rate"]')
    settings = load()
    assert [secret.get_secret_value() for secret in settings.app_secrets] == ["new", "old"]
    assert settings.shadow_rules == ("pair_rate",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", -1),
        ("port", 65_536),
        ("port", "many"),
        ("database_connections", 1),
        ("database_timeout_s", 0),
        ("cloud_url", "graph.facebook.com"),
        ("database_url", "mysql://127.0.0.1/gateway"),
        ("database_url", "postgresql://127.0.0.1:port/gateway"),
        ("cloud_timeout_s", 0),
        ("app_secrets", ["one", "two", "three"]),
        ("outage_replies", "maybe"),
        ("wait_s", -0.1),
        ("max_message_bytes", 0),
        ("pair_capacity", 0),
        ("pair_capacity", 46),
        ("log_level", "LOUD"),
        ("nonsense", 1),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: object) -> None:
    assert wrong(**{name: value}) == [name]


def test_every_wrong_setting_is_named_not_only_the_first() -> None:
    assert wrong(port=-1, wait_s=-1) == ["port", "wait_s"]


def test_what_is_on_its_way_is_not_taken_for_lost() -> None:
    with pytest.raises(ValidationError, match="unanswered_s"):
        Settings(wait_s=60, cloud_timeout_s=60, unanswered_s=120)
    assert Settings(wait_s=60, cloud_timeout_s=59, unanswered_s=120).unanswered_s == 120


def test_a_slash_at_the_end_of_the_clouds_address_counts_for_nothing() -> None:
    assert load(cloud_url="http://127.0.0.1:8090//").cloud_url == "http://127.0.0.1:8090"


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    secret = "made-up-secret"
    settings = load(
        database_url=f"postgresql://gateway:{secret}@127.0.0.1/x",
        admin_key=secret,
        app_secrets=[secret],
        verify_token=secret,
        vault_key=secret,
    )
    assert secret not in repr(settings)
    assert secret not in str(settings)


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = load()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc] # what the test is about


def test_isolated_settings_hear_neither_environment_nor_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gateway.toml").write_text("nonsense = 1\n")
    monkeypatch.setenv("GATEWAY_PORT", "no port")
    monkeypatch.setenv("GATEWAY_SHADOW_RULES", '["messaging_limit"]')
    settings = isolated(admin_port=1)
    assert (settings.port, settings.admin_port, settings.shadow_rules) == (8080, 1, ())


def test_the_table_has_a_row_for_every_setting_with_default_and_meaning() -> None:
    rows = settings_table().splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    assert [cell[0] for cell in cells] == [
        f"`GATEWAY_{name.upper()}`" for name in Settings.model_fields
    ]
    assert all(len(cell) == 3 and cell[2].endswith(".") for cell in cells)
    shown = {cell[0]: cell[1] for cell in cells}
    assert shown["`GATEWAY_PORT`"] == "`8080`"
    assert shown["`GATEWAY_SANDBOX`"] == "`false`"
    assert shown["`GATEWAY_ADMIN_KEY`"] == shown["`GATEWAY_APP_SECRETS`"] == "none"
    assert shown["`GATEWAY_DATABASE_URL`"] == "`postgresql://localhost/gateway`"
