from gateway.emulator.journal import Ending, Journal, Sighting, Violation


def sighting(user: str, ending: Ending) -> Sighting:
    return Sighting("1", user, "text", None, "hello", None, ending)


def test_the_journal_keeps_the_latest_and_counts_all() -> None:
    journal = Journal(keep=2)
    for user in "abc":
        journal.saw(sighting(user, Ending(0.0, "wamid.x")))
        journal.blame(Violation(0.0, "1", user, "pair_rate", 131056, "why", None))
    assert [each.user for each in journal.sends] == ["b", "c"]
    assert [each.user for each in journal.violations] == ["b", "c"]
    assert (journal.sends_seen, journal.violations_seen) == (3, 3)


def test_the_journal_can_begin_anew() -> None:
    journal = Journal(keep=2)
    journal.saw(sighting("a", Ending(0.0, "wamid.x")))
    journal.forget_sends()
    journal.forget_violations()
    assert (len(journal.sends), journal.sends_seen) == (0, 0)


def test_counting_goes_on_when_the_lists_are_cleared_or_full() -> None:
    journal = Journal(keep=1)
    for _ in range(3):
        journal.weighed(("1", "text", None, True, False, "accepted"))
        journal.saw(sighting("a", Ending(0.0, "wamid.x")))
        journal.blame(Violation(0.0, "1", "a", "pair_rate", 131056, "why", None))
    journal.forget_sends()
    journal.forget_violations()
    assert journal.judged == {("1", "text", None, True, False, "accepted"): 3}
    assert journal.broken == {"pair_rate": 3}


def test_accepted_is_what_has_a_wamid() -> None:
    accepted = sighting("a", Ending(0.0, "wamid.x", fails_with=131047)).as_json()
    assert (accepted["outcome"], accepted["code"], accepted["fails_with"]) == (
        "accepted",
        None,
        131047,
    )
    refused = sighting("a", Ending(0.0, code=131056)).as_json()
    assert (refused["outcome"], refused["wamid"], refused["code"]) == ("refused", None, 131056)
    assert refused["at"] == "1970-01-01T00:00:00+00:00"
