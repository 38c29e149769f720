"""HTTP/1.1 connections, shared by all probes of a process: dialled through the address guard, kept alive, cut in time.

Built on the standard library's client: for a 64 KiB range it takes two thirds of the CPU of urllib3's pool, and leaves
the choice of the address to us.

A socket's time-out bounds one system call, so a server that sends a byte every few seconds could hold a probe for ever.
The sockets here also know the moment at which the whole request must be over.
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
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from beam_tuning.media.info import FailureKind
from beam_tuning.media.stores.guard import AddressGuard, SocketAddress
from beam_tuning.media.stores.retry import Clock, TransientError
from beam_tuning.media.stores.store import StoreError

#: Of a host with many addresses, so many are tried.
_ADDRESSES_TRIED = 4


class Endpoint(NamedTuple):
    """What a connection is to; `guarded` when the host's name comes from the dataset."""

    tls: bool
    host: str
    port: int
    guarded: bool


class Request(NamedTuple):
    """One GET. `target` is the path and query, encoded."""

    endpoint: Endpoint
    target: str
    headers: Mapping[str, str]


class TimeLimits(NamedTuple):
    """The moment of the clock at which a request must be over, and the longest wait for its next bytes."""

    deadline_s: float
    stall_timeout_s: float


class _Timed:
    """What both kinds of sockets below add: each read ends in time."""

    clock: Clock
    limits = TimeLimits(float("inf"), float("inf"))

    def limit_next_wait(self) -> None:
        """Sets the time-out of the next call. Raises TimeoutError when there is no time left."""
        wait_s = _wait_s(self.clock, self.limits)
        if wait_s != self.gettimeout():  # type: ignore[attr-defined]
            self.settimeout(wait_s)  # type: ignore[attr-defined] # a system call, mostly not needed

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.limit_next_wait()
        return super().recv_into(*args, **kwargs)  # type: ignore[misc, no-any-return]


class _TimedSocket(_Timed, socket.socket):
    """A TCP socket with a deadline."""


class _TimedTlsSocket(_Timed, ssl.SSLSocket):
    """A TLS socket with a deadline."""


def _wait_s(clock: Clock, limits: TimeLimits) -> float:
    left_s = limits.deadline_s - clock.monotonic_s()
    if left_s <= 0:
        raise TimeoutError
    return min(left_s, limits.stall_timeout_s)


class _Connection(http.client.HTTPConnection):
    """One connection, opened by `Transport`; it carries one request at a time."""

    auto_open = 0
    sock: Any  # a _TimedSocket or a _TimedTlsSocket; None when it is closed

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

    def send(self, request: Request, limits: TimeLimits) -> Exchange:
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

    def connect(self, endpoint: Endpoint, limits: TimeLimits) -> _Connection:
        """A new connection to an address that the guard has passed."""
        try:
            addresses = self._guard.addresses(endpoint.host, endpoint.port, guarded=endpoint.guarded)
            connection = _Connection(endpoint)
            connection.sock = self._dial(endpoint, addresses, limits)
        except (OSError, UnicodeError) as error:
            raise _fault(error, endpoint, limits, self.clock) from None
        return connection

    def _dial(
        self, endpoint: Endpoint, addresses: list[SocketAddress], limits: TimeLimits
    ) -> _TimedSocket | _TimedTlsSocket:
        first_error: OSError | None = None
        for address in addresses[:_ADDRESSES_TRIED]:
            try:
                return self._dial_one(endpoint, address, TimeLimits(limits.deadline_s, self._connect_timeout_s))
            except OSError as error:
                first_error = first_error or error
        raise first_error or OSError

    def _dial_one(
        self, endpoint: Endpoint, address: SocketAddress, limits: TimeLimits
    ) -> _TimedSocket | _TimedTlsSocket:
        sock: _TimedSocket | _TimedTlsSocket = _TimedSocket(address.family, socket.SOCK_STREAM)
        try:
            sock.settimeout(_wait_s(self.clock, limits))
            sock.connect(address.address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if endpoint.tls:
                sock.settimeout(_wait_s(self.clock, limits))
                tls_sock = self._tls_context().wrap_socket(sock, server_hostname=endpoint.host)
                sock = cast("_TimedTlsSocket", tls_sock)
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
                self._tls.sslsocket_class = _TimedTlsSocket
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
        self, transport: Transport, connection: _Connection, request: Request, limits: TimeLimits, *, reused: bool
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
        """
        while not self._received:
            try:
                self._response = self._connection.getresponse()
                self._received = True
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._connection.close()
                if not (self._reused and isinstance(error, ConnectionError)):
                    raise self._fault(error) from None
                # The server closed an idle connection just as the request was on its way: ask again on a new one.
                self._reused = False
                self._connection = self._transport.connect(self._request.endpoint, self._limits)
                self._send()

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

    def limit(self, limits: TimeLimits) -> None:
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
        with contextlib.suppress(TransientError):
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


def _fault(error: Exception, endpoint: Endpoint, limits: TimeLimits, clock: Clock) -> TransientError | StoreError:
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
        return StoreError(FailureKind.SERVER_ERROR, f"The certificate of {host} is not valid: {error.verify_message}.")
    if isinstance(error, OSError) and error.errno:
        reason = os.strerror(error.errno) if not isinstance(error, ssl.SSLError) else "TLS failed"
    elif isinstance(error, ConnectionError):
        reason = "the server closed it"
    else:
        reason = "the answer is not valid HTTP"
    return TransientError(FailureKind.SERVER_ERROR, f"The connection to {host} failed: {reason}.")


def _unresolved(error: socket.gaierror, host: str) -> TransientError | StoreError:
    message = f"The host name {host} cannot be resolved."
    if error.errno == socket.EAI_AGAIN:
        return TransientError(FailureKind.SERVER_ERROR, message)
    # Perhaps a typing error, perhaps our own network: not proof enough to drop an example.
    return StoreError(FailureKind.SERVER_ERROR, message, transient=True)
