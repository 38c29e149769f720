"""Where URLs of the dataset may lead: by address, by name, by a name that changes its mind, and by redirect."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import msgspec
import pytest
from fault_server import Answer, FaultServer, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from store_fakes import LOOPBACK, FakeResolver

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.info import FailureKind
from beam_tuning.media.stores import transport
from beam_tuning.media.stores.guard import AddressGuard, SocketAddress, is_public, resolve
from beam_tuning.media.stores.opener import Stores
from beam_tuning.media.stores.store import StoreError

PUBLIC = ["93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::8.8.8.8"]
CLOSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.8.8.8",
    "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.7", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fec0::1", "fc00::1", "fd12::1",
    "ff02::1", "2001::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1",
    "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::808:808", "100::1", "5f00::1", "4000::1",
]  # fmt: skip
METADATA = [
    "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "fd00:ec2::254", "fd20:ce::254",
    "168.63.129.16", "100.100.100.200",
]  # fmt: skip
PUBLIC_ONLY = msgspec.structs.replace(LOOPBACK, allow_private_addresses=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", CLOSED + METADATA)
def test_all_others_do_not(address: str) -> None:
    assert not is_public(ip_address(address))


@given(st.ip_addresses())
@settings(max_examples=300, deadline=None)
def test_nothing_passes_that_the_standard_library_holds_for_private(address: IPv4Address | IPv6Address) -> None:
    if is_public(address) and address not in IPv6Network("64:ff9b::/96"):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize("address", METADATA)
def test_metadata_services_stay_closed_when_private_addresses_are_open(address: str) -> None:
    guard = AddressGuard(allow_private=True, resolver=FakeResolver(address))
    with pytest.raises(StoreError, match="never asked") as caught:
        guard.addresses("media.example", 80)
    assert caught.value.failure.kind is FailureKind.ADDRESS_BLOCKED


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "fe80::1%eth0", "fd12::1"])
def test_private_addresses_can_be_opened(address: str) -> None:
    guard = AddressGuard(allow_private=True, resolver=FakeResolver(address))
    assert [found.address[0] for found in guard.addresses("media.example", 80)] == [address]


def test_of_several_addresses_only_public_ones_are_used() -> None:
    guard = AddressGuard(resolver=FakeResolver(["10.0.0.1", "8.8.8.8", "::1", "fe80::1%2", "2606:4700::1111"]))
    assert [found.address[0] for found in guard.addresses("media.example", 80)] == ["8.8.8.8", "2606:4700::1111"]


def test_the_message_names_host_address_and_remedy() -> None:
    with pytest.raises(StoreError, match=r"media\.example has the address 10\.0\.0\.1.*--allow_private_addresses"):
        AddressGuard(resolver=FakeResolver("10.0.0.1")).addresses("media.example", 80)


class FakeInternet:
    """Leads connections to any address to one loopback port, and remembers the addresses."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connected: list[str] = []

    def connect(self, sock: socket.socket, address: tuple[str, int]) -> None:
        self.connected.append(address[0])
        socket.socket.connect(sock, ("127.0.0.1", self.port))


@pytest.fixture
def internet(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeInternet]:
    fake = FakeInternet(server.port)
    monkeypatch.setattr(transport._TimedSocket, "connect", lambda sock, address: fake.connect(sock, address))
    return fake


def names_and_numbers(names: dict[str, str]) -> Callable[[str, int], list[SocketAddress]]:
    """Resolves these names, and all else (numbers in any spelling) as the system does, without a network."""

    def resolver(host: str, port: int) -> list[SocketAddress]:
        return FakeResolver(names[host])(host, port) if host in names else resolve(host, port)

    return resolver


class TestRebinding:
    """A name that is public when it is checked and private when it is used."""

    def test_the_checked_address_is_the_one_connected_to(
        self, server: FaultServer, internet: FakeInternet, make_stores: Callable[..., Stores]
    ) -> None:
        resolver = FakeResolver("93.184.216.34", "127.0.0.1")
        server.script("/a", Answer(b"x" * 100))
        reader = make_stores(PUBLIC_ONLY, resolver=resolver).reader("http://rebind.example/a")
        assert reader.open(10)[1] == b"x" * 10
        reader.close()
        assert internet.connected == ["93.184.216.34"]
        assert resolver.asked == ["rebind.example"]
        assert server.requests[0].headers["Host"] == "rebind.example"

    def test_every_new_connection_is_checked_anew(
        self, server: FaultServer, internet: FakeInternet, make_stores: Callable[..., Stores]
    ) -> None:
        server.script("/a", Answer(b"x" * 100, headers={"Connection": "close"}))
        reader = make_stores(PUBLIC_ONLY, resolver=FakeResolver("93.184.216.34", "127.0.0.1")).reader(
            "http://rebind.example/a"
        )
        reader.open(10)
        with pytest.raises(StoreError) as caught:
            reader.read([ByteRange(20, 30)])
        reader.close()
        assert caught.value.failure.kind is FailureKind.ADDRESS_BLOCKED
        assert internet.connected == ["93.184.216.34"]
        assert len(server.requests) == 1

    def test_a_retry_is_checked_anew(
        self, server: FaultServer, internet: FakeInternet, make_stores: Callable[..., Stores]
    ) -> None:
        server.script("/a", Answer(b"x" * 100, reset_after=0))
        reader = make_stores(PUBLIC_ONLY, resolver=FakeResolver("93.184.216.34", "169.254.169.254")).reader(
            "http://rebind.example/a"
        )
        with pytest.raises(StoreError) as caught:
            reader.open(10)
        reader.close()
        assert caught.value.failure.kind is FailureKind.ADDRESS_BLOCKED
        assert internet.connected == ["93.184.216.34"]


INSIDE = [
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/",
    "http://localhost/", "http://localhost./", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::]/",
    "http://169.254.169.254/computeMetadata/v1/", "http://[fd00:ec2::254]/latest/", "http://10.0.0.1:8080/",
    "http://inside.example/", "http://0/",
]  # fmt: skip


@pytest.mark.parametrize("url", INSIDE)
class TestRoadsInside:
    NAMES = {"outside.example": "93.184.216.34", "inside.example": "192.168.0.7", "localhost": "127.0.0.1"}  # noqa: RUF012

    def test_directly(
        self, url: str, server: FaultServer, internet: FakeInternet, make_stores: Callable[..., Stores]
    ) -> None:
        reader = make_stores(PUBLIC_ONLY, resolver=names_and_numbers(self.NAMES)).reader(url)
        with pytest.raises(StoreError) as caught:
            reader.open(10)
        assert (caught.value.failure.kind, caught.value.failure.transient) == (FailureKind.ADDRESS_BLOCKED, False)
        assert internet.connected == []

    def test_by_redirect(
        self, url: str, server: FaultServer, internet: FakeInternet, make_stores: Callable[..., Stores]
    ) -> None:
        server.script("/a", refusal(302, Location="http://outside.example/b"))
        server.script("/b", refusal(307, Location=url))
        reader = make_stores(PUBLIC_ONLY, resolver=names_and_numbers(self.NAMES)).reader("http://outside.example/a")
        with pytest.raises(StoreError) as caught:
            reader.open(10)
        reader.close()
        assert caught.value.failure.kind is FailureKind.ADDRESS_BLOCKED
        assert [request.target for request in server.requests] == ["/a", "/b"]
        assert set(internet.connected) == {"93.184.216.34"}
