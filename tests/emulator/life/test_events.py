from tests.emulator.conftest import WABA, Cloud, Receiver, flushed


async def test_a_restriction_is_told_with_its_end(told: tuple[Cloud, Receiver]) -> None:
    """Source: W-ACC, 21 May 2026 (R§6.2)."""
    cloud, receiver = told
    kind = "RESTRICTED_BIZ_INITIATED_MESSAGING"
    answer = await cloud.steer("/restrictions", waba_id=WABA, restriction_type=kind, duration_s=60)
    await flushed(cloud)
    info = receiver.values("account_update")[0]["restriction_info"][0]
    assert info == {"restriction_type": kind, "expiration": answer["expiration"]}
    assert answer["expiration"] == int(cloud.clock.now().timestamp()) + 60
