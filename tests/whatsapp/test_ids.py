import pytest

from gateway.whatsapp import ids


@pytest.mark.parametrize("name", ["PhoneNumberId", "WabaId", "PoolId", "UserId", "Wamid"])
def test_an_id_is_a_string_with_a_name_of_its_own(name: str) -> None:
    kind = getattr(ids, name)
    assert kind.__name__ == name
    assert kind("1") == "1"
