"""HTTP/1.1 connections that all probes of a process share. They are kept open for the next request to the same host.

The standard library's client does the talking: for a range of 64 KiB it takes two thirds of the CPU of urllib3's pool,
and it lets us connect to the very address that the guard has checked. Its sockets are ours
(`beam_tuning.media.stores.sockets`): they end reads in time and count every byte.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import socket
import ssl
import threading
from collections import OrderedDict
from typing import Any, cast

from beam_tuning.media.info import FailureKind
from beam_tuning.media.stores.budget import ReadLimits
from beam_tuning.media.stores.dialect import Endpoint, HttpRequest, one_line
from beam_tuning.media.stores.guard import AddressGuard, SocketAddress
from beam_tuning.media.stores.retry import Clock, TransientError
from beam_tuning.media.stores.sockets import MAX_HEAD_BYTES, HeadTooLongError, TcpSocket, TlsSocket, next_wait_s
from beam_tuning.media.stores.store import StoreError

#: How many addresses of one host are tried before the connection counts as failed.
_ADDRESSES_TRIED = 4
#: Sizes are stored as signed 64-bit integers; a server that claims a larger size is taken to have told none.
MAX_SIZE_BYTES = 2**63 - 1


class _Connection(http.client.HTTPConnection):
    """One connection, opened by `Transport`; it carries one request at a time."""

    auto_open = 0
    sock: Any  # a TcpSocket or a TlsSocket; None when it is closed

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self.endpoint = endpoint
        if endpoint.tls:
            self.default_port = http.client.HTTPS_PORT  # Host names the port only when it is another

    def is_idle(self) -> bool:
        """Whether the connection is open and nothing, above all no end, came since the last answer."""
        if self.sock is None:
            return False
        readable = select.poll()  # select() has no room for file descriptors above 1023
        readable.register(self.sock, select.POLLIN)
        return not readable.poll(0)


class Transport:
    """Opens and keeps connections. Thread-safe."""

    def __init__(self, guard: AddressGuard, clock: Clock, *, connect_timeout_s: float, max_idle: int) -> None:
        self.clock = clock
        self._guard = guard
        self._connect_timeout_s = connect_timeout_s
        self._max_idle = max_idle
        self._idle: OrderedDict[Endpoint, list[_Connection]] = OrderedDict()
        self._idle_count = 0
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None

    def send(self, request: HttpRequest, limits: ReadLimits) -> Exchange:
        """Sends a request; `Exchange.receive` waits for the answer.

        Raises:
          TransientError: the connection failed.
          StoreError: the address is blocked, or the host's certificate is not valid.
        """
        connection = self._take_idle(request.endpoint)
        while connection is not None:
            try:
                return Exchange(self, connection, request, limits, reused=True)
            except TransientError:  # the server had closed it
                connection = self._take_idle(request.endpoint)
        return Exchange(self, self.connect(request.endpoint, limits), request, limits, reused=False)

    def connect(self, endpoint: Endpoint, limits: ReadLimits) -> _Connection:
        """A new connection to an address that the guard has passed."""
        try:
            addresses = self._guard.addresses(endpoint.host, endpoint.port, guarded=endpoint.guarded)
            connection = _Connection(endpoint)
            connection.sock = self._dial(endpoint, addresses, limits)
        except (OSError, UnicodeError) as error:
            raise _fault(error, endpoint, limits, self.clock) from None
        return connection

    def _dial(self, endpoint: Endpoint, addresses: list[SocketAddress], limits: ReadLimits) -> TcpSocket | TlsSocket:
        first_error: OSError | None = None
        for address in addresses[:_ADDRESSES_TRIED]:
            try:
                return self._dial_one(endpoint, address, limits._replace(stall_timeout_s=self._connect_timeout_s))
            except OSError as error:
                first_error = first_error or error
        raise first_error or OSError

    def _dial_one(self, endpoint: Endpoint, address: SocketAddress, limits: ReadLimits) -> TcpSocket | TlsSocket:
        sock: TcpSocket | TlsSocket = TcpSocket(address.family, socket.SOCK_STREAM)
        try:
            sock.settimeout(next_wait_s(self.clock, limits))
            sock.connect(address.address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if endpoint.tls:
                sock.settimeout(next_wait_s(self.clock, limits))
                tls_sock = self._tls_context().wrap_socket(sock, server_hostname=endpoint.host)
                sock = cast("TlsSocket", tls_sock)
        except BaseException:
            sock.close()
            raise
        sock.clock = self.clock
        return sock

    def _tls_context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                # Loading the system's certificate authorities takes tens of milliseconds: once for a process.
                self._tls = ssl.create_default_context()
                self._tls.set_alpn_protocols(["http/1.1"])
                self._tls.sslsocket_class = TlsSocket
            return self._tls

    def _take_idle(self, endpoint: Endpoint) -> _Connection | None:
        while True:
            with self._lock:
                waiting = self._idle.get(endpoint)
                if not waiting:
                    return None
                connection = waiting.pop()  # the last used one is the least likely to be closed
                self._idle_count -= 1
                if not waiting:
                    del self._idle[endpoint]
            if connection.is_idle():
                return connection
            connection.close()

    def keep(self, connection: _Connection) -> None:
        """Takes back a connection whose answer was read to its end."""
        dropped: list[_Connection] = []
        with self._lock:
            self._idle.setdefault(connection.endpoint, []).append(connection)
            self._idle.move_to_end(connection.endpoint)
            self._idle_count += 1
            while self._idle_count > self._max_idle:
                endpoint, waiting = next(iter(self._idle.items()))
                dropped.append(waiting.pop(0))
                self._idle_count -= 1
                if not waiting:
                    del self._idle[endpoint]
        for old in dropped:
            old.close()

    def close(self) -> None:
        """Closes the idle connections."""
        with self._lock:
            idle = [connection for waiting in self._idle.values() for connection in waiting]
            self._idle.clear()
            self._idle_count = 0
        for connection in idle:
            connection.close()


class Exchange:
    """One request and its answer. It ends with `finish` or `close`; both may be called again."""

    def __init__(
        self, transport: Transport, connection: _Connection, request: HttpRequest, limits: ReadLimits, *, reused: bool
    ) -> None:
        self._transport = transport
        self._connection = connection
        self._request = request
        self._limits = limits
        self._reused = reused
        self._response: http.client.HTTPResponse
        self._received = False
        self._ended = False
        self._send()

    def _send(self) -> None:
        connection = self._connection
        self._sock = connection.sock  # the connection forgets it when the server says that it will close
        self._sock.limits = self._limits
        try:
            self._sock.limit_next_wait()
            connection.putrequest("GET", self._request.target, skip_accept_encoding=True)
            for name, value in self._request.headers.items():
                connection.putheader(name, value)
            connection.endheaders()
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise self._fault(error) from None

    def receive(self) -> None:
        """Waits for the status and the headers.

        Raises:
          TransientError: the connection failed, or the answer is not HTTP.
          StoreError: more comes before the answer than any server sends.
        """
        while not self._received:
            try:
                self._sock.head_bytes_left = MAX_HEAD_BYTES
                self._response = self._connection.getresponse()
                self._sock.head_bytes_left = None
                self._received = True
            except HeadTooLongError:
                self._connection.close()
                raise StoreError(
                    FailureKind.SERVER_ERROR, f"{self.host} sends headers without end, and no answer."
                ) from None
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._connection.close()
                if not (self._reused and isinstance(error, ConnectionError)):
                    raise self._fault(error) from None
                # The server closed an idle connection just as the request was on its way: ask again on a new one.
                self._reused = False
                self._connection = self._transport.connect(self._request.endpoint, self._limits)
                self._send()
        if (self.length or 0) > MAX_SIZE_BYTES:
            self.close()
            raise StoreError(
                FailureKind.SERVER_ERROR, f"{self.host} says that its answer is longer than anything that exists."
            )

    @property
    def host(self) -> str:
        return self._request.endpoint.host

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def length(self) -> int | None:
        """Bytes of the body that are left to read; None when only reading to the end tells."""
        return self._response.length

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    def header_list(self, name: str) -> str:
        """The values of a header that may come more than once, joined by commas."""
        return ",".join(self._response.headers.get_all(name) or ())

    def limit(self, limits: ReadLimits) -> None:
        """Sets the time for what is left to read."""
        self._limits = limits
        self._sock.limits = limits

    def read(self, most_bytes: int) -> bytes:
        """The next bytes of the body as they come, before any decoding; empty at its end.

        Raises:
          TransientError: the connection failed or stalled, or the body ended before its declared length.
        """
        try:
            data = self._response.read1(most_bytes)
        except http.client.IncompleteRead:
            raise TransientError(FailureKind.SERVER_ERROR, f"{self.host} ended in the middle of its answer.") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._fault(error) from None
        if not data and most_bytes and self.length:
            raise TransientError(
                FailureKind.SERVER_ERROR, f"{self.host} ended {self.length} bytes before the end of its answer."
            )
        return data

    def finish(self, spare_bytes: int = 0) -> None:
        """Keeps the connection if at most so many bytes of the body are left to read, else closes it."""
        if self._ended:
            return
        with contextlib.suppress(TransientError, StoreError):
            while self.length and self.length <= spare_bytes:
                self.read(self.length)
        reusable = self._connection.sock is not None  # it is None when the server said that it will close
        if reusable and (self.length == 0 or self._response.isclosed()):
            self._response.close()
            self._ended = True
            self._transport.keep(self._connection)
        else:
            self.close()

    def close(self) -> None:
        """Closes the connection, whatever is still on its way."""
        if self._ended:
            return
        self._ended = True
        if self._received:
            self._response.close()
        self._connection.close()

    def _fault(self, error: Exception) -> TransientError | StoreError:
        return _fault(error, self._request.endpoint, self._limits, self._transport.clock)


def _fault(error: Exception, endpoint: Endpoint, limits: ReadLimits, clock: Clock) -> TransientError | StoreError:
    """What a failed system call or a broken answer means. No text that the server sent gets into the message."""
    host = endpoint.host
    if isinstance(error, TimeoutError):
        waited = (
            "did not answer in the time that one read may take"
            if clock.monotonic_s() >= limits.deadline_s
            else "sent nothing for longer than the time that a wait may take"
        )
        return TransientError(FailureKind.TIMED_OUT, f"{host} {waited}.")
    if isinstance(error, socket.gaierror):
        return _unresolved(error, host)
    if isinstance(error, ssl.SSLCertVerificationError):
        return StoreError(
            FailureKind.SERVER_ERROR, f"The certificate of {host} is not valid: {one_line(error.verify_message, 200)}."
        )
    if isinstance(error, OSError) and error.errno:
        reason = os.strerror(error.errno) if not isinstance(error, ssl.SSLError) else "TLS failed"
    elif isinstance(error, ConnectionError):
        reason = "the server closed it"
    else:
        reason = "the answer is not valid HTTP"
    return TransientError(FailureKind.SERVER_ERROR, f"The connection to {host} failed: {reason}.")


def _unresolved(error: socket.gaierror, host: str) -> TransientError | StoreError:
    if error.errno == socket.EAI_AGAIN:
        return TransientError(FailureKind.SERVER_ERROR, f"The name server did not say what address {host} has.")
    # Perhaps a typing error, perhaps our own network: not proof enough to drop an example.
    return StoreError(
        FailureKind.SERVER_ERROR,
        f"There is no host of the name {host}, as far as this machine's name server knows: the URL may be misspelt.",
        transient=True,
    )
