from gateway.emulator.graph.media import (
    ID_LIFE_S,
    RECEIVED_ID_LIFE_S,
    URL_LIFE_S,
    MediaStore,
    largest_of,
)


def test_a_file_is_kept_for_30_days() -> None:
    """Source: MEDIA, 16 Jun 2026 (R§1.3)."""
    store = MediaStore()
    media = store.add("1", "image/png", b"abc", 0.0)
    assert store.get(media.id, ID_LIFE_S - 1) == media
    assert store.get(media.id, ID_LIFE_S) is None


def test_a_ticket_is_good_for_five_minutes() -> None:
    """Source: MEDIA, 16 Jun 2026 (R§1.3)."""
    store = MediaStore()
    media = store.add("1", "image/png", b"abc", 0.0)
    ticket = store.ticket(media.id, 0.0)
    assert store.redeem(ticket, URL_LIFE_S - 1) == media
    assert store.redeem(ticket, URL_LIFE_S) is None
    assert store.redeem("another", 0.0) is None


def test_what_a_user_sent_is_kept_for_7_days() -> None:
    """Source: CHLOG #340, 9 Oct 2025 (R§1.3)."""
    store = MediaStore()
    media = store.add("1", "image/png", b"abc", 0.0, RECEIVED_ID_LIFE_S)
    assert store.get(media.id, RECEIVED_ID_LIFE_S - 1) == media
    assert store.get(media.id, RECEIVED_ID_LIFE_S) is None


def test_the_same_seed_issues_the_same_tickets() -> None:
    issued = {
        seed: [store.ticket("7", 0.0) for store in (MediaStore(seed), MediaStore(seed))]
        for seed in (1, 2)
    }
    assert issued[1][0] == issued[1][1] != issued[2][0]
    store = MediaStore(1)
    assert store.ticket("7", 0.0) != store.ticket("7", 0.0)


def test_a_deleted_file_is_gone() -> None:
    store = MediaStore()
    media = store.add("1", "image/png", b"abc", 0.0)
    ticket = store.ticket(media.id, 0.0)
    store.delete(media.id)
    assert store.redeem(ticket, 0.0) is None


def test_the_store_is_bounded() -> None:
    store = MediaStore()
    first = store.add("1", "image/png", b"", 0.0)
    for _ in range(1000):
        last = store.add("1", "image/png", b"", 0.0)
    assert store.get(first.id, 0.0) is None
    assert store.get(last.id, 0.0) == last


def test_the_largest_upload_depends_on_the_type() -> None:
    """Source: MEDIA, 16 Jun 2026 (R§1.3)."""
    assert largest_of("image/jpeg") < largest_of("video/mp4") < largest_of("application/pdf")
