"""The web server's address, taken before anything is started and kept while it is restarted."""

import errno
import socket
from typing import Final

import psutil

from plugins_app.supervisor.refusals import StartRefused

BACKLOG: Final = 512
ANY_ADDRESS: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 picks a free one. Raises StartRefused naming the holder."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
    except socket.gaierror as error:
        raise StartRefused(f"--host {host} is no address of this machine: {error}.") from None
    except OSError as error:
        raise StartRefused(_why_not(host, port, error)) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Return where a browser on this machine finds LISTENER."""
    host, port = listener.getsockname()[:2]
    if host in ANY_ADDRESS:
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"{host}:{port} cannot be listened on: {error.strerror}. Choose another --port."
    return f"Port {port} is taken by {_holder(port)}. Stop that, or choose another with --port."


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                return _named(connection.pid)
    except psutil.Error:
        pass
    return _named(None)


def _named(pid: int | None) -> str:
    if pid is None:
        return "a process of another user"
    try:
        words = " ".join(psutil.Process(pid).cmdline())[:80]
    except psutil.Error:
        words = "just gone"
    return f"pid {pid} ({words})"
