from gateway.emulator import identity
from tests.emulator.conftest import PORTFOLIO, WABA, Start, template


async def test_a_password_needs_a_phone_number(start: Start) -> None:
    """Source: BSUID, 15 Sep 2026 (R§1.4)."""
    ids = {"AUTHENTICATION": "600000000000001", "UTILITY": "600000000000002"}
    templates = [
        {"id": an_id, "waba_id": WABA, "name": kind.lower(), "category": kind}
        for kind, an_id in ids.items()
    ]
    cloud = await start(templates=templates)
    recipient = {"recipient": identity.bsuid_of("34600000001", PORTFOLIO), "to": None}
    by_bsuid = template(name="authentication") | recipient
    assert (await cloud.send(by_bsuid))["error"]["code"] == 131062
    assert (await cloud.send(template(name="utility") | recipient))["http"] == 200
    assert (await cloud.send(template(name="authentication")))["http"] == 200
