"""A page of a real browser, used as an operator would: by mouse, keyboard and what can be seen.

It is steered in Chromium's own protocol (CDP). Nothing is waited for by time: what is to be seen is
looked for again whenever the page changes, until a deadline.
"""

import asyncio
import itertools
import json
from collections import defaultdict
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import aiohttp

PATIENCE_S: Final = 20.0
KEYS: Final = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, "")}
"""The number that each key has always had in browsers, and what it writes."""
SHIFT: Final = 8
UNTIL: Final = """new Promise((tell, fail) => {
  const changes = new MutationObserver(look);
  const late = setTimeout(() => end(fail, document.body.innerText), %d);
  function look() {
    try {
      const found = %s;
      if (found) end(tell, found);
    } catch (error) {
      end(fail, error);
    }
  }
  function end(how, what) {
    changes.disconnect();
    removeEventListener("focusin", look);
    clearTimeout(late);
    how(what);
  }
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  changes.observe(document, all);
  addEventListener("focusin", look);
  look();
})"""
ANSWERED: Final = """new Promise((tell) => {
  let seen = 0;
  const look = ({ name }) => new URL(name).pathname === %s && (seen += 1) === %d && tell();
  const answers = new PerformanceObserver((list) => list.getEntries().forEach(look));
  answers.observe({ type: "resource", buffered: true });
})"""


class Request(NamedTuple):
    """What a page has asked for."""

    method: str
    path: str
    body: str


class Page:
    """A page.

    `requests`: what it has asked for, in order. `complaints`: what it has thrown or written to its
    console as an error, answers of 400 and above among them; `meant`: parts of what it should.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.meant: list[str] = []
        self._socket = socket
        self._numbers = itertools.count()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._reader = asyncio.create_task(self._read())

    async def __aenter__(self) -> Self:
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            await self.call(f"{domain}.enable")
        await self.call("Page.setLifecycleEventsEnabled", enabled=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._reader

    async def open(self, url: str) -> None:
        """Go to an address; returns when everything there is loaded."""
        gone = await self.call("Page.navigate", url=url)
        async with asyncio.timeout(PATIENCE_S):
            await self._loaded[gone["loaderId"]].wait()

    async def look(self, js: str) -> Any:
        """Return what an expression is in the page; a promise is waited for."""
        found = await self.call(
            "Runtime.evaluate", expression=js, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise AssertionError(_words(found["exceptionDetails"]))
        return found["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait until an expression is true in the page; AssertionError if it never is."""
        try:
            await self.look(UNTIL % (PATIENCE_S * 1000, condition))
        except AssertionError as error:
            told = "\n".join((condition, "is not so:", str(error), *self.complaints))
            raise AssertionError(told) from None

    async def answered(self, path: str, times: int) -> None:
        """Wait until so many requests for a path have been answered."""
        await self.look(ANSWERED % (json.dumps(path), times))

    async def press(self, role: str, name: str) -> None:
        """Press the mouse on the one thing of which a screen reader would tell this."""
        document = await self.call("Runtime.evaluate", expression="document")
        wanted = {"objectId": document["result"]["objectId"], "role": role, "accessibleName": name}
        found = (await self.call("Accessibility.queryAXTree", **wanted))["nodes"]
        nodes = [node["backendDOMNodeId"] for node in found if not node["ignored"]]
        assert len(nodes) == 1, f"{len(nodes)} of {role} {name!r}"
        await self.call("DOM.scrollIntoViewIfNeeded", backendNodeId=nodes[0])
        quads = (await self.call("DOM.getContentQuads", backendNodeId=nodes[0]))["quads"]
        middle = {"x": sum(quads[0][::2]) / 4, "y": sum(quads[0][1::2]) / 4}
        for kind in ("mousePressed", "mouseReleased"):
            button = {"type": kind, "button": "left", "clickCount": 1}
            await self.call("Input.dispatchMouseEvent", **button, **middle)

    async def key(self, name: str, *, shift: bool = False) -> None:
        """Press a key, where the keyboard is."""
        number, text = KEYS[name]
        key = {"key": name, "code": name, "windowsVirtualKeyCode": number}
        key["modifiers"] = SHIFT if shift else 0
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **key)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    async def write(self, text: str) -> None:
        """Write something, where the keyboard is."""
        await self.call("Input.insertText", text=text)

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have the browser do something, by the name that CDP has for it."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(2 * PATIENCE_S):
            said = await answer
        assert "error" not in said, f"{method}: {said['error']}"
        result: dict[str, Any] = said["result"]
        return result

    async def _read(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if "method" in said:
                self._hear(said["method"], said["params"])
            elif not (answer := self._answers.pop(said["id"])).done():
                answer.set_result(said)
        for answer in (answer for answer in self._answers.values() if not answer.done()):
            answer.set_exception(AssertionError("the browser is gone"))

    def _hear(self, event: str, told: dict[str, Any]) -> None:
        match event:
            case "Page.lifecycleEvent" if told["name"] == "load":
                self._loaded[told["loaderId"]].set()
            case "Network.requestWillBeSent":
                asked = told["request"]
                path = urlsplit(asked["url"]).path
                self.requests.append(Request(asked["method"], path, asked.get("postData", "")))
            case "Runtime.exceptionThrown":
                self.complaints.append(_words(told["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if told["type"] in ("error", "assert"):
                self.complaints.append(str([each.get("value") for each in told["args"]]))
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            case "Inspector.targetCrashed":
                self.complaints.append("the page has crashed")
            case _:
                pass


def _words(details: dict[str, Any]) -> str:
    thrown = details.get("exception", {})
    return str(thrown.get("description") or thrown.get("value") or details["text"])
