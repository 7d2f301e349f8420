from gateway.emulator.life.people import People, Person
from gateway.emulator.world import User


def test_only_people_with_traits_are_remembered() -> None:
    people = People([User(phone="34600000001", capped=True)], None)
    assert people.get("34600000002") is None
    assert people.get("34600000001") == Person("34600000001", capped=True)


def test_a_person_who_is_known_from_now_on_keeps_what_happens() -> None:
    people = People([], None)
    people.know("34600000001").offline = True
    assert people.know("34600000001").offline
    assert [each.phone for each in people.known()] == ["34600000001"]


def test_who_moves_takes_all_along_and_leaves_a_dead_phone() -> None:
    people = People([User(phone="34600000001", name="Ana Ex", capped=True)], None)
    people.know("34600000001").blocked.add("1")
    people.move("34600000001", "34600000009")
    moved = people.know("34600000009")
    assert (moved.phone, moved.name, moved.capped, moved.blocked) == (
        "34600000009",
        "Ana Ex",
        True,
        {"1"},
    )
    assert people.get("34600000001") == Person("34600000001", "Ana Ex", not_on_whatsapp=True)
