import json
from pathlib import Path

import pytest

from gateway.emulator.steering import scenario as scenarios
from gateway.emulator.steering.scenario import BadScenario, Choice, Event, Scenario

NUMBER = """
[[world.numbers]]
phone_number_id = "200000000000001"
display_phone_number = "+1 555-000-1111"
waba_id = "100000000000001"
regime = "per_number"
"""


def test_a_scenario_that_says_nothing_is_an_ordinary_emulator() -> None:
    assert scenarios.parse("", "empty.toml") == Scenario()


@pytest.mark.parametrize(
    ("written", "seconds"),
    [('"2d 3h"', 183_600), ('"90m"', 5400), ('"1.5h"', 5400), ('"1d2h3m4s"', 93_784), ("90", 90)],
)
def test_an_event_may_say_its_time_in_days_hours_minutes_and_seconds(
    written: str, seconds: float
) -> None:
    played = scenarios.parse(f"[[events]]\nat = {written}\ndisarm = true", "x.toml")
    assert played.events[0].at == seconds
    assert played.events[0].kind == "disarm"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("seed = 'x'", "seed: Input should be a valid integer"),
        ("colour = 'red'", "colour: Extra inputs are not permitted"),
        ("speed = -1", "speed: Input should be greater than or equal to 0"),
        ("start = 2026-11-02T09:00:00", "start: Input should have timezone info"),
        ("[knobs]\ndrop_rate = 7", "[knobs] drop_rate: Input should be less than"),
        ("[world]\ncolour = 1", "[world] colour: Extra inputs are not permitted"),
        (NUMBER + "throughput = 0", "[[world.numbers]] 1: throughput: Input should be greater"),
        ("[[faults]]\naction = 'explode'", "[[faults]] 1: action: Input should be 'error'"),
        ("[[events]]\nat = 'soon'\ndisarm = true", "[[events]] 1: at: write seconds, or"),
        ("[[events]]\nat = -1\ndisarm = true", "[[events]] 1: at: Input should be greater"),
        ("[[events]]\nat = 1", "[[events]] 1: exactly one of inbound, number, template"),
        (
            "[[events]]\nat = 1\ndisarm = true\nknobs = {}",
            "[[events]] 1: exactly one of inbound",
        ),
        (
            (
                "[[events]]\nat = 1\ndisarm = true\n[[events]]\nat = 2\n"
                "number = { phone_number_id = '9', status = 'BANNED' }"
            ),
            "[[events]] 2: number.phone_number_id: 9 is not in the world",
        ),
        (
            "[[events]]\nat = 1\ntemplate = { name = 'promo', status = 'PAUSED' }",
            "[[events]] 1: template.name: promo is not in the world",
        ),
        (
            (
                "[[events]]\nat = 1\n[events.restriction]\nwaba_id = '9'\n"
                "restriction_type = 'X'\nduration_s = 1"
            ),
            "[[events]] 1: restriction.waba_id: 9 is not in the world",
        ),
        (
            NUMBER + "[[events]]\nat = 1\n[events.inbound]\n"
            "phone_number_id = '200000000000001'\nfrom = 'nobody'",
            "[[events]] 1: inbound.from: 'nobody' is not a phone number",
        ),
        ("not toml", "Expected '=' after a key"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_table_and_field(text: str, line: str) -> None:
    with pytest.raises(BadScenario) as caught:
        scenarios.parse(text, "mine.toml")
    said = str(caught.value)
    assert said.startswith(f"mine.toml: {line}")
    assert "\n" not in said


@pytest.mark.parametrize("name", scenarios.names())
def test_a_shipped_scenario_can_be_played(name: str) -> None:
    shipped = scenarios.named(name)
    assert shipped.name == name
    assert shipped.description.endswith(".")
    assert shipped.start is not None  # or no two runs of it would be alike
    assert shipped.world.tokens[0].waba_ids == [shipped.world.numbers[0].waba_id]


def test_the_shipped_scenarios_are_known_by_name() -> None:
    assert scenarios.names() == ["lived", "outage", "red-week", "restricted-day"]
    with pytest.raises(BadScenario, match="no such scenario; there are lived, outage"):
        scenarios.shipped("blue-week")


def test_a_shipped_scenario_may_be_named_like_its_file_unless_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert scenarios.named("red-week.toml") == scenarios.shipped("red-week")
    with pytest.raises(BadScenario, match=r"^blue-week.toml: No such file or directory"):
        scenarios.named("blue-week.toml")
    (tmp_path / "red-week.toml").write_text("seed = 7")
    assert scenarios.named("red-week.toml") == Scenario(seed=7)


def test_a_file_is_read_and_one_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("seed = 7")
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    assert scenarios.named(str(tmp_path / "mine.toml")).seed == 7
    with pytest.raises(BadScenario, match=r"^other.toml: No such file or directory"):
        scenarios.named(str(tmp_path / "other.toml"))
    with pytest.raises(BadScenario, match=r"^bytes.toml: "):
        scenarios.read(tmp_path / "bytes.toml")


@pytest.mark.parametrize(
    ("name", "text"), [("w.json", '{"app_id": "7"}'), ("w.toml", "app_id = '7'")]
)
def test_a_world_alone_is_read_from_json_and_toml(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert scenarios.read_world(tmp_path / name).app_id == "7"


@pytest.mark.parametrize(
    ("name", "text"),
    [("w.json", "not JSON"), ("w.toml", "not TOML"), ("w.json", '{"numbers": 7}')],
)
def test_a_bad_world_is_one_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadScenario, match=rf"^{name}: [^\n]+$"):
        scenarios.read_world(tmp_path / name)


def test_a_choice_is_a_name_a_text_or_tables() -> None:
    assert Choice(name="outage").read().name == "outage"
    assert Choice(toml="seed = 7").read().seed == 7
    assert Choice.model_validate({"scenario": {"seed": 7}}).read().seed == 7
    with pytest.raises(ValueError, match="exactly one of name, toml and scenario"):
        Choice(name="outage", toml="")


def test_seed_mode_and_speed_may_be_other_than_the_file_says() -> None:
    changed = scenarios.changed(Scenario(seed=7, speed=2.0), seed=None, mode="observe", speed=0.0)
    assert (changed.seed, changed.mode, changed.speed) == (7, "observe", 0.0)


def test_a_receiver_is_added_to_a_scenario_that_names_none() -> None:
    told = scenarios.telling(Scenario(), "http://one.test/")
    assert told.world.webhook_url == "http://one.test/"
    assert scenarios.telling(told, "http://other.test/") == told
    assert scenarios.telling(told, None) == told


def test_every_kind_of_event_is_described() -> None:
    properties = json.dumps(Event.model_json_schema()["properties"])
    kinds = ("inbound", "number", "template", "restriction", "preference", "user", "fault")
    assert all(f'"{kind}"' in properties for kind in kinds)
