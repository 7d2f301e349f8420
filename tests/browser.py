"""Runs a real browser with one page, which a test uses as an operator would."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.page import PATIENCE_S, Page

CHROMIUM: Final = "chromium"
needs_chromium = pytest.mark.skipif(
    shutil.which(CHROMIUM) is None,
    reason="the console is NOT tested in a browser: install chromium (Debian's package, as root)",
)
FLAGS: Final = (
    *("--headless=new", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu"),
    *("--disable-dev-shm-usage", "--disable-breakpad", "--disable-extensions"),
    # It speaks to this machine and to nobody else.
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
    # Its walls between processes cannot be built by root.
    *(("--no-sandbox",) if os.geteuid() == 0 else ()),
)
LISTENING: Final = b"DevTools listening on "


@asynccontextmanager
async def browsing() -> AsyncIterator[Page]:
    """Run a browser while the context lasts; nothing is left of it afterwards."""
    # It puts a socket there, whose address has to be short; a test's own folder is not.
    home = Path(tempfile.mkdtemp(prefix="gw-"))
    try:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={home}",
            env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # It is many processes, which end together.
            start_new_session=True,
        )
        listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        reader = asyncio.create_task(_read_log(process, listening))
        try:
            async with asyncio.timeout(PATIENCE_S):
                door = urlsplit(await listening).netloc
            async with aiohttp.ClientSession() as http:
                async with http.put(f"http://{door}/json/new?about:blank") as opened:
                    url = (await opened.json())["webSocketDebuggerUrl"]
                async with http.ws_connect(url, max_msg_size=0) as socket, Page(socket) as page:
                    yield page
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            await reader
    finally:
        shutil.rmtree(home)


async def _read_log(process: asyncio.subprocess.Process, listening: asyncio.Future[str]) -> None:
    """Read what the browser says for as long as any of its processes lives.

    It says where it listens; if it never does, what it said is the reason.
    """
    if process.stderr is None:
        raise AssertionError("standard error is a pipe")
    log = []
    async for line in process.stderr:
        log.append(line.decode(errors="replace").strip())
        if line.startswith(LISTENING):
            listening.set_result(line.removeprefix(LISTENING).decode())
    if not listening.done():
        listening.set_exception(AssertionError("\n".join(["no browser:", *log])))


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """Return a page of a browser of its own, in which nothing may go wrong but what is `meant` to.

    Ask for it after the world: it must not outlive what it shows.
    """
    async with browsing() as page:
        yield page
        assert [
            each for each in page.complaints if not any(map(each.__contains__, page.meant))
        ] == []
