"""Which addresses a URL of the dataset may lead to.

Whoever writes a dataset chooses its URLs, and the machines that read them stand inside somebody's network and hold
credentials. So a host's name is resolved here, each address is checked, and the connection is made to the very address
that was checked: a name that answers differently the next time (DNS rebinding) gains nothing.

Proxies of the environment are not used: a proxy would resolve the name itself, behind the guard's back.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from beam_tuning.media.info import FailureKind
from beam_tuning.media.stores.store import StoreError

#: IPv4 blocks that are not globally reachable (IANA IPv4 Special-Purpose Address Registry, RFC 6890), and multicast.
#: https://www.iana.org/assignments/iana-ipv4-special-registry
_CLOSED_IPV4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
#: Global unicast, the only block from which IANA assigns: https://www.iana.org/assignments/ipv6-address-space
_OPEN_IPV6 = IPv6Network("2000::/3")
#: Parts of it that are not for hosts: protocol assignments (Teredo, ORCHID), documentation, 6to4 (RFC 6890, RFC 9637).
_CLOSED_IPV6 = tuple(IPv6Network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

#: Never media, on nobody's network, whatever the options. Link-local addresses (RFC 3927, RFC 4291 2.5.6) reach the
#: machine that a program runs on and its neighbours. There the clouds keep the services that give credentials to
#: whoever asks: Google, AWS, Azure and others at 169.254.169.254, Amazon ECS at 169.254.170.2
#: (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html), Amazon EKS at 169.254.170.23
#: (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html). The others are outside of these blocks.
_SEALED_IPV4 = tuple(
    IPv4Network(block)
    for block in (
        "169.254.0.0/16",
        # https://learn.microsoft.com/en-us/azure/virtual-network/what-is-ip-address-168-63-129-16
        "168.63.129.16/32",
        # https://docs.cloud-init.io/en/latest/reference/datasources/aliyun.html
        "100.100.100.200/32",
        # https://docs.oracle.com/en/cloud/cloud-at-customer/occ-get-started/retrieve-predefined-instance-metadata.html
        "192.0.0.192/32",
    )
)
_SEALED_IPV6 = tuple(
    IPv6Network(block)
    for block in (
        "fe80::/10",
        # AWS, fd00:ec2::254 and ::23 among others: the page on EKS above and
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
        "fd00:ec2::/32",
        # https://docs.cloud.google.com/compute/docs/metadata/querying-metadata
        "fd20:ce::254/128",
        # https://github.com/oracle/oci-python-sdk, instance_principals_security_token_signer.py
        "fd00:c1::a9fe:a9fe/128",
    )
)

_IPV4_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, 2.5.5.1
_IPV4_TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # RFC 2765, 2.1
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, 2.1
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")  # RFC 8215
#: The interface identifier of ISATAP, with and without the bit for addresses that are unique (RFC 5214, 6.1).
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})


class SocketAddress(NamedTuple):
    """Where to connect: the address family, and what `socket.connect` takes."""

    family: socket.AddressFamily
    address: tuple[str, int] | tuple[str, int, int, int]


Resolver = Callable[[str, int], Sequence[SocketAddress]]


def resolve(host: str, port: int) -> list[SocketAddress]:
    """The addresses of a host by the system's resolver, which bounds its own waiting. Raises socket.gaierror."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [SocketAddress(family, address) for family, _, _, _, address in found]  # type: ignore[arg-type]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address belongs to the public internet, addresses embedded in it included."""
    if is_sealed(address):
        return False
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _CLOSED_IPV4)
    if address.ipv4_mapped is not None or address in _NAT64:
        return is_public(_low_bits(address))
    return address in _OPEN_IPV6 and not any(address in block for block in _CLOSED_IPV6)


def is_sealed(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address, or one embedded in it, is link-local or that of a metadata service: never asked."""
    if isinstance(address, IPv4Address):
        return any(address in block for block in _SEALED_IPV4)
    return any(address in block for block in _SEALED_IPV6) or any(map(is_sealed, embedded_ipv4(address)))


def embedded_ipv4(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that packets to an IPv6 address may be sent on to by a translator or a tunnel."""
    if address.ipv4_mapped is not None:  # RFC 4291, 2.5.5.2
        yield address.ipv4_mapped
    if any(address in block for block in (_IPV4_COMPATIBLE, _IPV4_TRANSLATED, _NAT64)):
        yield _low_bits(address)
    if address in _LOCAL_NAT64:
        yield from _behind_local_nat64(address)
    if address.sixtofour is not None:  # RFC 3056, 2: behind 2002::/16
        yield address.sixtofour
    if address.teredo is not None:  # RFC 4380, 4: the server, and the client with its bits inverted
        yield from address.teredo
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        yield _low_bits(address)


def _behind_local_nat64(address: IPv6Address) -> Iterator[IPv4Address]:
    """Where an IPv4 address stands behind a prefix of 48, 56, 64 or 96 bits, around bits 64 to 71 (RFC 6052, 2.2)."""
    octets = address.packed
    yield IPv4Address(octets[6:8] + octets[9:11])
    yield IPv4Address(octets[7:8] + octets[9:12])
    yield IPv4Address(octets[9:13])
    yield _low_bits(address)


def _low_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


class AddressGuard:
    """Resolves a host and lets only addresses pass that may be connected to.

    `allow_private` opens all but link-local addresses and metadata services.
    """

    def __init__(self, *, allow_private: bool = False, resolver: Resolver = resolve) -> None:
        self._allowed = (lambda address: not is_sealed(address)) if allow_private else is_public
        self._resolver = resolver

    def addresses(self, host: str, port: int, *, guarded: bool = True) -> list[SocketAddress]:
        """The addresses of the host that may be connected to, in the resolver's order; at least one.

        With `guarded=False`, for hosts that no dataset names (Cloud Storage itself), all of them.

        Raises:
          StoreError: ADDRESS_BLOCKED when none may.
          socket.gaierror: when the name has no address.
        """
        found = self._resolver(host, port)
        if not guarded:
            return list(found)
        passed = [each for each in found if self._allowed(_ip_of(each))]
        if not passed:
            raise _blocked(host, found)
        return passed


def _ip_of(found: SocketAddress) -> IPv4Address | IPv6Address:
    return ip_address(found.address[0].partition("%")[0])  # without the name of an interface


def _blocked(host: str, found: Sequence[SocketAddress]) -> StoreError:
    if not found:
        return StoreError(FailureKind.SERVER_ERROR, f"The host {host} has no address.", transient=True)
    if is_sealed(_ip_of(found[0])):
        reason = "which is link-local or gives credentials to machines, and is never asked."
    else:
        reason = "which is not on the public internet. If it is yours, allow it with --allow_private_addresses."
    return StoreError(FailureKind.ADDRESS_BLOCKED, f"The host {host} has the address {found[0].address[0]}, {reason}")
