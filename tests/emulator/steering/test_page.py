import re

import pytest

from tests.emulator.conftest import Cloud


async def test_the_page_needs_nothing_from_elsewhere(cloud: Cloud) -> None:
    answer = await cloud.client.get("/_emulator/")
    page = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert re.findall(r"(?:https?:)?//[a-z]", page) == []
    assert re.findall(r"<(?:link|img|iframe)|<script src", page) == []


async def test_the_page_is_found_without_its_last_stroke(cloud: Cloud) -> None:
    answer = await cloud.client.get("/_emulator", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, "/_emulator/")


async def test_every_link_leads_to_a_door(cloud: Cloud) -> None:
    page = await (await cloud.client.get("/_emulator/")).text()
    links = [*re.findall(r'href="([^"]+)"', page), *re.findall(r'told\("([^"]+)"\)', page)]
    assert len(links) > 5
    for link in links:
        assert (await cloud.client.get(f"/_emulator/{link}")).status == 200


@pytest.mark.parametrize("table", ["report", "state"])
async def test_the_page_shows_only_what_is_told(cloud: Cloud, table: str) -> None:
    page = await (await cloud.client.get("/_emulator/")).text()
    named = set(re.findall(rf"\b{table}\.(\w+)", page))
    assert named
    assert named <= (await cloud.told(f"/{table}")).keys()
