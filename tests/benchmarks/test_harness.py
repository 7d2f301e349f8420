import asyncio

import pytest

from benchmarks.generator import generate
from benchmarks.harness import Load, free_port, process, read_wrk

REPORT = """Running 4s test @ http://127.0.0.1:1
  1 threads and 64 connections
  Latency Distribution
     50%   30.16ms
     75%   41.00ms
     99%    1.20s
  8072 requests in 4.00s, 1.00MB read
{more}Requests/sec:   2018.25
Transfer/sec:    256.00KB
"""


@pytest.mark.parametrize(
    ("more", "failed"),
    [
        ("", 0),
        ("  Non-2xx or 3xx responses: 7\n", 7),
        ("  Socket errors: connect 1, read 2, write 3, timeout 4\n", 10),
    ],
)
def test_a_report_of_wrk_is_read(more: str, failed: int) -> None:
    figures = read_wrk(REPORT.format(more=more))
    assert (figures.per_second, figures.median_ms, figures.p99_ms) == (2018.25, 30.16, 1200.0)
    assert figures.failed == failed


def test_a_report_that_is_none_is_not_taken_for_figures() -> None:
    with pytest.raises(RuntimeError, match="something else"):
        read_wrk("unable to connect")


async def test_without_wrk_the_generator_sends_to_ever_new_users() -> None:
    port = free_port()
    load = Load(f"http://127.0.0.1:{port}", ["/a", "/b"], {"X-App": "bench"}, '{"to": "+%s"}')
    with process(["benchmarks.sink", str(port)], port):
        figures = await asyncio.to_thread(generate, load, 2, 0.3)
    assert figures.failed == 0
    assert figures.per_second > 0
    assert 0 < figures.median_ms <= figures.p99_ms
