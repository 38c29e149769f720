"""Which addresses a URL of the dataset may lead to.

Whoever writes a dataset chooses its URLs, and the machines that read them stand inside somebody's network and hold
credentials. So a host's name is resolved here, each address is checked, and the connection is made to the very address
that was checked: a name that answers differently the next time (DNS rebinding) gains nothing.

Proxies of the environment are not used: a proxy would resolve the name itself, behind the guard's back.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
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
#: Blocks whose last 32 bits are an IPv4 address that the packet will reach: IPv4-mapped, and NAT64 (RFC 6052).
_IPV4_INSIDE = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
#: Metadata services of cloud machines, which hand credentials to whoever asks. Never media, on nobody's network.
_METADATA = frozenset(
    ip_address(address)
    for address in ("169.254.169.254", "fd00:ec2::254", "168.63.129.16", "100.100.100.200", "fd20:ce::254")
)


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
    if address in _METADATA:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _CLOSED_IPV4)
    if any(address in block for block in _IPV4_INSIDE):
        return is_public(_inner(address))
    return address in _OPEN_IPV6 and not any(address in block for block in _CLOSED_IPV6)


def _is_metadata(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and any(address in block for block in _IPV4_INSIDE):
        return _is_metadata(_inner(address))
    return address in _METADATA


def _inner(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


class AddressGuard:
    """Resolves a host and lets only addresses pass that may be connected to.

    `allow_private` opens all but the metadata services.
    """

    def __init__(self, *, allow_private: bool = False, resolver: Resolver = resolve) -> None:
        self._allowed = (lambda address: not _is_metadata(address)) if allow_private else is_public
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
        passed = [each for each in found if self._allowed(ip_address(each.address[0].partition("%")[0]))]
        if not passed:
            raise _blocked(host, found[0].address[0] if found else "")
        return passed


def _blocked(host: str, address: str) -> StoreError:
    if address and _is_metadata(ip_address(address.partition("%")[0])):
        reason = "which gives credentials to machines and is never asked."
    else:
        reason = "which is not on the public internet. If it is yours, allow it with --allow_private_addresses."
    return StoreError(FailureKind.ADDRESS_BLOCKED, f"The host {host} has the address {address}, {reason}")
