"""Where URLs of the dataset may lead: by address, by name, by a name that changes its mind, and by redirect."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import msgspec
import pytest
from fault_server import Answer, FaultServer, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from store_fakes import LOOPBACK, FakeResolver

from beam_tuning.media.containers.plan import ByteRange
from beam_tuning.media.info import FailureKind
from beam_tuning.media.stores import sockets
from beam_tuning.media.stores.guard import AddressGuard, SocketAddress, is_public, is_sealed, resolve
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
#: Never asked: link-local addresses and metadata services, by themselves and as others carry them.
SEALED_IPV4 = [
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.252", "169.254.0.1", "169.254.255.255",
    "168.63.129.16", "100.100.100.200", "192.0.0.192",
]  # fmt: skip
SEALED = [*SEALED_IPV4, "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fe80::1", "febf::1"]


def carriers(address: str) -> dict[str, IPv6Address]:
    """IPv6 addresses that lead to an IPv4 address, by the standard that says so."""
    inner = int(IPv4Address(address))
    high, low = inner >> 16, inner & 0xFFFF
    octets = inner.to_bytes(4)
    local_nat64 = bytes.fromhex("0064ff9b0001")
    return {
        "IPv4-mapped (RFC 4291)": IPv6Address(f"::ffff:{address}"),
        "IPv4-compatible (RFC 4291)": IPv6Address(f"::{address}"),
        "IPv4-translated (RFC 2765)": IPv6Address(f"::ffff:0:{address}"),
        "NAT64 (RFC 6052)": IPv6Address(f"64:ff9b::{address}"),
        "local NAT64 /48 (RFC 8215)": IPv6Address(local_nat64 + octets[:2] + b"\0" + octets[2:] + bytes(5)),
        "local NAT64 /56": IPv6Address(local_nat64 + b"\x07" + octets[:1] + b"\0" + octets[1:] + bytes(4)),
        "local NAT64 /64": IPv6Address(local_nat64 + b"\x07\x07" + b"\0" + octets + bytes(3)),
        "local NAT64 /96": IPv6Address(local_nat64 + b"\x07\x07" + bytes(4) + octets),
        "6to4 (RFC 3056)": IPv6Address(f"2002:{high:x}:{low:x}::1"),
        "Teredo, server (RFC 4380)": IPv6Address(f"2001:0:{high:x}:{low:x}:0:0:f7f7:f7f7"),
        "Teredo, client (RFC 4380)": IPv6Address(f"2001:0:808:808:0:0:{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}"),
        "ISATAP (RFC 5214)": IPv6Address(f"2606:4700::5efe:{address}"),
        "ISATAP, unique": IPv6Address(f"fd12::200:5efe:{address}"),
    }


CARRIERS = list(carriers("1.1.1.1"))
PUBLIC_ONLY = msgspec.structs.replace(LOOPBACK, allow_private_addresses=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", CLOSED + SEALED)
def test_all_others_do_not(address: str) -> None:
    assert not is_public(ip_address(address))


@given(st.ip_addresses())
@settings(max_examples=300)
def test_nothing_passes_that_the_standard_library_holds_for_private(address: IPv4Address | IPv6Address) -> None:
    if is_public(address) and address not in IPv6Network("64:ff9b::/96"):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize("allow_private", [True, False])
@pytest.mark.parametrize("address", [*SEALED, "fe80::1%eth0"])
def test_link_local_addresses_and_metadata_services_stay_closed_whatever_the_options(
    address: str, allow_private: bool
) -> None:
    guard = AddressGuard(allow_private=allow_private, resolver=FakeResolver(address))
    with pytest.raises(StoreError, match="never asked") as caught:
        guard.addresses("media.example", 80)
    assert caught.value.failure.kind is FailureKind.ADDRESS_BLOCKED


@pytest.mark.parametrize("carrier", CARRIERS)
@given(inner=st.sampled_from(SEALED_IPV4) | st.integers(0, 0xFFFF).map(lambda low: str(IPv4Address(0xA9FE0000 + low))))
@settings(max_examples=40)
def test_no_address_carries_a_closed_one_through(carrier: str, inner: str) -> None:
    address = carriers(inner)[carrier]
    assert is_sealed(address)
    assert not is_public(address)
    guard = AddressGuard(allow_private=True, resolver=FakeResolver(str(address)))
    with pytest.raises(StoreError, match="never asked"):
        guard.addresses("media.example", 80)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_an_address_that_carries_another_is_open_to_who_opens_private_ones(carrier: str) -> None:
    assert not is_sealed(carriers("10.0.0.1")[carrier])


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "::1", "fd12::1", "64:ff9b:1::a00:1"])
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
def internet(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> FakeInternet:
    fake = FakeInternet(server.port)
    monkeypatch.setattr(sockets.TcpSocket, "connect", lambda sock, address: fake.connect(sock, address))
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
