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
