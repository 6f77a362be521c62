"""Behind proxies: whose word about scheme and host is believed."""

from collections.abc import Generator
from contextlib import ExitStack

import pytest

from aoi.adapters.memory import MemoryEngine
from aoi.domain.errors import EngineFailed
from aoi.settings import Settings
from raw_http import ask, body, file_part, head
from sample_images import png
from servers import Home, Server, serving

FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "aoi.example.com", "X-Forwarded-For": "10.1.2.3"}


@pytest.fixture(scope="module")
def servers(home: Home) -> Generator[dict[str, Server]]:
    with ExitStack() as stack:
        yield {
            trusted: stack.enter_context(
                serving(home.application(MemoryEngine()), Settings(port=0, trusted_proxies=trusted))
            )
            for trusted in ("", "127.0.0.1", "10.0.0.0/8", "127.0.0.0/8, ::1", "*")
        }


def address(server: Server, headers: dict[str, str]) -> str:
    """Where an answer says that the input can be downloaded, without its path."""
    answer = server.client.post("/upload", files={"image": ("a.png", png())}, headers=headers)
    assert answer.status_code == 200
    return answer.json()["images"]["input"].partition("/download")[0]


@pytest.mark.parametrize("trusted", ["127.0.0.1", "127.0.0.0/8, ::1", "*"])
def test_a_trusted_proxy_is_believed(servers: dict[str, Server], trusted: str) -> None:
    assert address(servers[trusted], FORWARDED) == "https://aoi.example.com"


@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8"])
def test_nobody_else_is_believed(servers: dict[str, Server], trusted: str) -> None:
    assert address(servers[trusted], FORWARDED) == servers[trusted].url


def test_each_header_counts_by_itself(servers: dict[str, Server]) -> None:
    server = servers["127.0.0.1"]
    assert address(server, {"X-Forwarded-Proto": "https"}) == server.url.replace("http:", "https:")
    assert address(server, {"X-Forwarded-Host": "aoi.example.com:8443"}) == "http://aoi.example.com:8443"
    assert address(server, {"X-Forwarded-Host": "[2001:db8::1]:8443"}) == "http://[2001:db8::1]:8443"
    assert address(server, {}) == server.url


def test_the_word_of_the_nearest_proxy_counts(servers: dict[str, Server]) -> None:
    headers = {"X-Forwarded-Host": "evil.example.com, aoi.example.com"}
    assert address(servers["127.0.0.1"], headers) == "http://aoi.example.com"


@pytest.mark.parametrize("host", ["", "a b", "a/b", "user@host", "host:port", "javascript:1//", "<script>", "x" * 300])
def test_what_is_no_host_is_passed_over(servers: dict[str, Server], host: str) -> None:
    server = servers["127.0.0.1"]
    assert address(server, {"X-Forwarded-Host": host}) == server.url


def test_problems_lead_to_the_same_host(home: Home) -> None:
    with serving(
        home.application(MemoryEngine(error=EngineFailed())), Settings(port=0, trusted_proxies="127.0.0.1")
    ) as server:
        answer = server.client.post("/upload", files={"image": ("a.png", png())}, headers=FORWARDED)
    assert answer.json()["retry_url"].startswith("https://aoi.example.com/images/")


def test_without_a_proxy_the_client_s_own_word_counts(servers: dict[str, Server]) -> None:
    content = body(file_part(png()))
    answer = ask(servers[""].address, head(length=len(content), host="aoi.local:8000") + content)
    assert answer.json()["json_url"].startswith("http://aoi.local:8000/download/json/")
