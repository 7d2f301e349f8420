from gateway.emulator.history import Change, History


def test_changes_are_kept_in_order_and_found_by_subject_and_kind() -> None:
    history = History()
    history.note(Change(1.0, "2", "status", "CONNECTED", "FLAGGED", "the rating is RED"))
    history.note(Change(2.0, "2", "messaging_limit", 1000, 250))
    history.note(Change(3.0, "3", "status", "CONNECTED", "RESTRICTED"))
    assert [each.new for each in history.of("2")] == ["FLAGGED", 250]
    assert [each.new for each in history.of("2", "status")] == ["FLAGGED"]
    assert history.changes[0].as_json() == {
        "at": "1970-01-01T00:00:01+00:00",
        "subject": "2",
        "kind": "status",
        "old": "CONNECTED",
        "new": "FLAGGED",
        "reason": "the rating is RED",
    }


def test_changes_are_sorted_by_whom_they_happened_to() -> None:
    history = History()
    for at, subject in enumerate("232"):
        history.note(Change(at, subject, "throughput", 80, 1000))
    found = history.by_subject()
    assert {subject: [each.at for each in changes] for subject, changes in found.items()} == {
        "2": [0, 2],
        "3": [1],
    }


def test_what_stays_as_it_was_is_no_change() -> None:
    history = History()
    history.note(Change(1.0, "2", "status", "CONNECTED", "CONNECTED"))
    assert not history.changes
