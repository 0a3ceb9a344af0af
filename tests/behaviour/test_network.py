"""Certificates of one's own, client certificates, proxies: tried on loopback with an authority."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trustme

from streaming_code_generator.core.engine.generator import GenerationPolicy
from streaming_code_generator.core.results import GenerationResult
from streaming_code_generator.errors import APIError, ConfigurationError, StreamingError
from streaming_code_generator.providers.openai.openai_provider import OpenAIProvider
from streaming_code_generator.providers.openai.sdk import Network
from streaming_code_generator.settings import Secret
from streaming_code_generator.testing.openai_replies import answer
from streaming_code_generator.testing.openai_server import OpenAIServer
from support.connect_proxy import connect_proxy
from support.generations import result_of

ONCE = GenerationPolicy(max_retries=0)
ELSEWHERE = "https://llm.example/v1"
"""An endpoint that only a proxy finds."""


class Site:
    """An authority that is trusted by nothing yet, and endpoints with its certificates."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.authority = trustme.CA()
        self.ca_bundle = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(str(self.ca_bundle))

    async def endpoint(
        self, *names: str, client_authority: trustme.CA | None = None
    ) -> OpenAIServer:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(*(names or ("127.0.0.1",))).configure_cert(context)
        if client_authority is not None:
            client_authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return await self._stack.enter_async_context(OpenAIServer(answer("a"), tls=context))

    async def result(self, base_url: str, **network: object) -> GenerationResult:
        provider = OpenAIProvider(
            api_key="canary-key",
            base_url=base_url,
            model="m",
            network=Network(**network),  # type: ignore[arg-type]  # fields by name
            connect_timeout_s=20,
        )
        self._stack.push_async_callback(provider.aclose)
        return await result_of(provider, ONCE)

    async def failure(self, base_url: str, **network: object) -> StreamingError:
        with pytest.raises(StreamingError) as caught:
            await self.result(base_url, **network)
        return caught.value


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    async with AsyncExitStack() as stack:
        yield Site(tmp_path, stack)


async def test_an_authority_of_ones_own_is_trusted_by_its_file(site: Site) -> None:
    server = await site.endpoint()
    assert (await site.result(server.base_url, ca_bundle=site.ca_bundle)).text == "a"


async def test_without_it_the_message_says_what_to_set(site: Site) -> None:
    server = await site.endpoint()
    failure = await site.failure(server.base_url)

    assert isinstance(failure, APIError)
    assert failure.attempts == 1
    assert "`caBundle`" in failure.message
    assert server.requests == []


async def test_a_certificate_for_another_host_is_no_matter_of_trust(site: Site) -> None:
    server = await site.endpoint("other.example")
    failure = await site.failure(server.base_url, ca_bundle=site.ca_bundle)

    assert "another host" in failure.message
    assert "`caBundle`" not in failure.message


def client_files(site: Site, authority: trustme.CA) -> tuple[Path, Path]:
    issued = authority.issue_cert("me@example.org")
    certificate, key = site.folder / "me.pem", site.folder / "me.key"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    return certificate, key


async def test_client_certificate_is_shown_to_an_endpoint_that_wants_one(site: Site) -> None:
    server = await site.endpoint(client_authority=site.authority)
    certificate, key = client_files(site, site.authority)
    together = site.folder / "both.pem"
    together.write_bytes(certificate.read_bytes() + key.read_bytes())

    for files in (
        {"client_certificate": certificate, "client_key": key},
        {"client_certificate": together},
    ):
        result = await site.result(server.base_url, ca_bundle=site.ca_bundle, **files)
        assert result.text == "a"


async def test_endpoint_that_misses_a_client_certificate_names_the_setting(site: Site) -> None:
    server = await site.endpoint(client_authority=site.authority)
    failure = await site.failure(server.base_url, ca_bundle=site.ca_bundle)

    assert "`clientCertificate`" in failure.message
    assert server.requests == []


async def test_client_certificate_of_another_authority_is_named(site: Site) -> None:
    server = await site.endpoint(client_authority=site.authority)
    certificate, key = client_files(site, trustme.CA())
    failure = await site.failure(
        server.base_url,
        ca_bundle=site.ca_bundle,
        client_certificate=certificate,
        client_key=key,
    )
    assert "`clientCertificate`" in failure.message


@pytest.mark.parametrize("setting", ["ca_bundle", "client_certificate"])
@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_file_that_cannot_be_used_is_named(
    site: Site, setting: str, content: str | None
) -> None:
    file = site.folder / "broken.pem"
    if content is not None:
        file.write_text(content)
    failure = await site.failure("https://127.0.0.1:9/v1", **{setting: file})

    assert isinstance(failure, ConfigurationError)
    assert f"`{file}`" in failure.message
    assert ("`caBundle`" if setting == "ca_bundle" else "`clientCertificate`") in failure.message


async def test_a_certificate_without_its_key_is_named(site: Site) -> None:
    certificate, _ = client_files(site, site.authority)
    failure = await site.failure("https://127.0.0.1:9/v1", client_certificate=certificate)
    assert "`clientKey`" in failure.message


async def test_proxy_that_is_set_leads_to_the_endpoint(site: Site) -> None:
    server = await site.endpoint("llm.example")
    async with connect_proxy(server.port) as proxy:
        url = proxy.url.replace("//", "//me:canary-pw@")
        result = await site.result(ELSEWHERE, proxy=Secret(url), ca_bundle=site.ca_bundle)

        assert result.text == "a"
        assert proxy.asked == ["CONNECT llm.example:443 HTTP/1.1"]
        assert len(proxy.authorizations) == 1
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer canary-key"
    assert "proxy-authorization" not in request.headers


async def test_proxy_of_the_environment_leads_to_the_endpoint(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await site.endpoint("llm.example")
    async with connect_proxy(server.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert (await site.result(ELSEWHERE, ca_bundle=site.ca_bundle)).text == "a"
        assert proxy.asked


async def test_proxy_that_is_set_is_not_asked_for_this_machine(site: Site) -> None:
    server = await site.endpoint()
    proxy = Secret("http://127.0.0.1:9")
    result = await site.result(server.base_url, proxy=proxy, ca_bundle=site.ca_bundle)
    assert result.text == "a"


async def test_proxy_that_opens_connections_is_answered_with_what_to_set(site: Site) -> None:
    server = await site.endpoint("llm.example")
    async with connect_proxy(server.port) as proxy:
        failure = await site.failure(ELSEWHERE, proxy=Secret(proxy.url))
    assert "`caBundle`" in failure.message


@pytest.mark.parametrize("is_listening", [True, False])
async def test_proxy_that_does_not_let_through_is_named_without_its_password(
    site: Site, *, is_listening: bool
) -> None:
    async with connect_proxy(1, refuses=True) as proxy:
        url = proxy.url.replace("//", "//me:canary-pw@")
        if is_listening:
            failure = await site.failure(ELSEWHERE, proxy=Secret(url))
    if not is_listening:
        failure = await site.failure(ELSEWHERE, proxy=Secret(url))

    assert "canary" not in f"{failure.message} {failure.__cause__!r}"
    assert failure.kind == "connection"
    assert "`proxy`" in failure.message


async def test_nothing_goes_past_a_proxy_to_find_out_whether_tls_is_spoken(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    past: list[str] = []

    async def record(base_url: str) -> bool:
        past.append(base_url)
        return True

    where = "streaming_code_generator.providers.openai.openai_provider.accepts_connections"
    monkeypatch.setattr(where, record)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent, connect_proxy(silent.sockets[0].getsockname()[1]) as proxy:
        provider = OpenAIProvider(
            api_key=None,
            base_url=ELSEWHERE,
            model="m",
            network=Network(proxy=Secret(proxy.url)),
            connect_timeout_s=0.3,
        )
        with pytest.raises(APIError) as caught:
            await result_of(provider, ONCE)
        await provider.aclose()
    assert caught.value.kind == "timeout"
    assert past == []
