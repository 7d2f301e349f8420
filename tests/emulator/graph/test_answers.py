import orjson

from gateway.emulator.errors import Refusal
from gateway.emulator.graph import answers
from tests.emulator.conftest import state


def test_answers_are_json_with_their_status() -> None:
    answer = answers.json({"a": 1}, 404)
    assert (answer.status, answer.body) == (404, b'{"a":1}')
    assert answer.content_type == "application/json"
    assert answers.success().body == b'{"success":true}'


def test_a_refusal_carries_the_status_of_its_code() -> None:
    answer = answers.refusal(state(), Refusal(368, "why"))
    assert answer.status == 403
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body)["error"]["code"] == 368
