import pytest

from gateway.cli import demo
from tests.builders import envelope, signature
from tests.web.asking import ask
from tests.world import MIDDLE, PORTFOLIO, SHARED, SMALL, World

ANA, BEN = "+34600000001", "+34600000002"


async def test_the_journal_is_paged_newest_first_without_gaps_or_repeats(world: World) -> None:
    sent = [
        (await world.template(number, user)).headers["Gateway-Message-Id"]
        for number in (SMALL, MIDDLE, *SHARED)
        for user in (ANA, BEN)
    ]
    found: list[str] = []
    following: str | None = None
    for _ in range(len(sent)):
        before = f"&before={following}" if following else ""
        page = await world.admin(f"/messages?limit=3{before}")
        found += [each["message_id"] for each in page["messages"]]
        following = page["next"]
        if following is None:
            break
    assert found == sorted(sent, reverse=True)


async def test_the_journal_is_filtered(world: World) -> None:
    first = await world.template(SMALL, ANA)
    await world.template(SHARED[0], ANA)
    refused = await world.template(SMALL, BEN, "winter_offer")
    await world.state_of(first, "delivered")
    ours, theirs = (answer.headers["Gateway-Message-Id"] for answer in (first, refused))
    user = ANA.lstrip("+")
    for query, expected in {
        f"phone_number_id={SMALL}": [theirs, ours],
        f"pool_id={PORTFOLIO}": 1,
        f"user_id={user}": 2,
        f"user_id={user}&phone_number_id={SMALL}": [ours],
        "state=turned_away": [theirs],
        f"state=delivered&pool_id={SMALL}": [ours],
        "decision=reject": [theirs],
        "decision=defer": 0,
        "rule=template": [theirs],
        "rule=nothing": 0,
    }.items():
        found = [
            each["message_id"] for each in (await world.admin(f"/messages?{query}"))["messages"]
        ]
        assert (len(found) if isinstance(expected, int) else found) == expected, query


async def test_the_story_of_a_message_tells_verdict_outcome_and_statuses(world: World) -> None:
    answer = await world.template(SMALL, ANA)
    await world.flush()
    story = await world.state_of(answer, "delivered")
    assert story["app_name"] == demo.APP
    assert (story["verdict"]["decision"], story["verdict"]["objections"]) == ("admit", [])
    assert story["outcome"]["wamid"] == answer.json["messages"][0]["id"]
    assert [each["status"] for each in story["statuses"]] == ["sent", "delivered"]
    assert story["hold"] == "settled"
    refused = await world.message(await world.text(SMALL, BEN))
    (objection,) = refused["verdict"]["objections"]
    assert (objection["rule"], objection["code"]) == ("service_window", 131047)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/messages?limit=0", "limit"),
        ("/messages?limit=501", "limit"),
        ("/messages?limit=²", "limit"),
        ("/messages?limit=" + "9" * 5000, "limit"),
        ("/messages?limit=", "limit"),
        ("/messages?before=x", "before"),
        ("/messages?colour=red", "colour"),
        ("/messages/x", "id"),
        ("/inbox/problems?before=²", "before"),
        ("/inbox/problems?before=-1", "before"),
        ("/inbox/problems?before=" + "9" * 30, "before"),
    ],
)
async def test_a_question_that_makes_no_sense_is_400_and_says_why(
    world: World, path: str, names: str
) -> None:
    answer = await ask(world, "GET", path)
    assert (answer.status, names in answer.json["error"]["message"]) == (400, True), answer


async def test_deliveries_that_could_not_be_read_are_shown_newest_first(world: World) -> None:
    for body in (b"first", b"second", envelope("messages", {})):
        headers = signature(world.keys.app_secret, body)
        await world.call("POST", f"{world.data_url}/webhooks/whatsapp", data=body, headers=headers)
    await world.flush()
    shown = await world.admin("/inbox/problems")
    problems = shown["problems"]
    assert shown["waiting"] == 0
    bodies = [each["body"] for each in problems]
    assert bodies[-2:] == ["second", "first"]
    older = await world.admin(f"/inbox/problems?before={problems[-2]['delivery_id']}")
    assert [each["body"] for each in older["problems"]] == ["first"]
