"""Each wall, run against; and run against once more with the wall taken down, to see it matters.

An attack is a tool that returns what it got hold of: nothing, in front of a wall.
"""

import os
import socket
import subprocess
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import sandbox
from sandbox import Status
from tests.sandbox.conftest import Case, Outcome

ATTEMPT = """
def attempt(deed):
    try:
        got = deed()
    except Exception:
        return None
    return "done" if got is None else str(got) if got else None

def read_by_number(pid, address):
    class Piece(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
    got = ctypes.create_string_buffer(8)
    here, there = Piece(ctypes.addressof(got), 8), Piece(address, 8)
    read = ctypes.CDLL(None).process_vm_readv
    return read(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == 8 and got.raw
"""
# What stands in the way of each; {outside} is a process, {secret} a file, {port} a server there.
ATTACKS = {
    "reads a secret": (["files"], 'open("{secret}").read()'),
    "lists another folder": (["files"], 'os.listdir("{folder}")'),
    "writes outside its scratch folder": (["files"], 'open("{folder}/mark", "w")'),
    "makes a hard link to a secret": (["files"], 'os.link("{secret}", "link")'),
    "reads a secret through a link": (
        ["files"],
        'os.symlink("{secret}", "link") or open("link").read()',
    ),
    "reads a secret through its parent": (
        ["files"],
        'open(os.path.relpath("{secret}")).read()',
    ),
    "starts a program it wrote": (
        ["files"],
        'shutil.copy("/bin/true", "own") and subprocess.check_call(["./own"]) == 0',
    ),
    "connects to a server": (
        ["network"],
        'socket.create_connection(("127.0.0.1", {port}), 1)',
    ),
    "listens": (["network"], 'socket.create_server(("127.0.0.1", 0))'),
    "sends a datagram": (
        ["network"],
        'socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", {port}))',
    ),
    "sees an interface": (
        ["network"],
        '[name for _, name in socket.if_nameindex() if name != "lo"]',
    ),
    "connects to an abstract socket": (
        ["network", "signals"],
        'socket.socket(socket.AF_UNIX).connect("\\0{abstract}")',
    ),
    "connects to a socket file": (
        ["files"],
        'socket.socket(socket.AF_UNIX).connect("{listening}")',
    ),
    "signals a process outside": (["signals", "process_tree"], "os.kill({outside}, 0)"),
    "sees a process outside": (["process_tree"], 'os.path.exists("/proc/{outside}/stat")'),
    "leaves shared memory behind": (
        ["shared_memory", "files"],
        'open("/dev/shm/{mark}", "w")',
    ),
    "opens a thousand files": (["limits"], "[open('/dev/null') for _ in range(1100)] and 'done'"),
    "changes its group": (["privileges"], "os.setgid(65534)"),
    "makes a device": (["privileges", "files"], 'os.mknod("null", 0o020666, os.makedev(1, 3))'),
}
NEVER = {
    "traces a process outside": "ctypes.CDLL(None).ptrace(16, {outside}, 0, 0) == 0 and 'traced'",
    "reads the memory of one": 'open("/proc/{outside}/mem", "rb")',
    "reads the memory of one by process_vm_readv": "read_by_number({outside}, {address})",
    "reads the environment of one": 'open("/proc/{outside}/environ", "rb").read().hex()',
    "takes a namespace of its own and mounts": (
        'subprocess.check_call(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]) == 0'
    ),
    "leaves through a descriptor": '[os.readlink(f"/proc/self/fd/{{n}}") for n in range(3, 200)'
    ' if os.path.lexists(f"/proc/self/fd/{{n}}")'
    ' and not os.readlink(f"/proc/self/fd/{{n}}").startswith(("socket", "/proc"))]',
    "dumps its core": "resource.getrlimit(resource.RLIMIT_CORE)[1]",
    "gains by a set-user-id program": (
        "'1' not in subprocess.check_output(['grep', 'NoNewPrivs', '/proc/self/status'], text=True)"
    ),
    "raises its limits": "resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))",
    "resolves a name": 'socket.getaddrinfo("example.org", 80)',
    "lowers its niceness": "os.nice(-5)",
}


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[dict[str, object]]:
    """Give what is out there to be had: a process, a file, and three kinds of sockets."""
    secret = tmp_path / "outside" / "secret"
    secret.parent.mkdir()
    secret.write_text("the secret")
    victim = subprocess.Popen(["sleep", "60"], env={"KEY": "secret"})
    mark = f"bulkhead-{os.getpid()}-{threading.get_ident()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as listening,
    ):
        abstract.bind(f"\0{mark}")
        abstract.listen()
        listening.bind(str(secret.parent / "s"))
        listening.listen()
        yield {
            "secret": secret,
            "folder": secret.parent,
            "outside": victim.pid,
            "address": int(Path(f"/proc/{victim.pid}/maps").read_text().partition("-")[0], 16),
            "port": server.getsockname()[1],
            "abstract": mark,
            "listening": secret.parent / "s",
            "mark": mark,
        }
    victim.kill()
    victim.wait()
    Path("/dev/shm", mark).unlink(missing_ok=True)


def _attack(case: Case, deed: str, outside: dict[str, object]) -> Outcome:
    code = deed.format(**outside)
    body = f"return attempt(lambda: {code})"
    imports = "import ctypes, resource, shutil, socket\n"
    tool = "@tool\ndef go(self) -> Any:\n" + textwrap.indent(body, "    ")
    return case.run(case.source(tool, before=imports + ATTEMPT), limits={"timeout_seconds": 5.0})


@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody(case: Case, attack: str, outside: dict[str, object]) -> None:
    walls, deed = ATTACKS[attack]
    if missing := sandbox.missing_guards(walls):
        pytest.skip(f"not enforced here: {', '.join(guard.name for guard in missing)}")
    outcome = _attack(case, deed, outside)
    assert outcome.report.status is Status.SUCCEEDED, outcome.report.problem
    if attack == "leaves shared memory behind":
        assert not Path("/dev/shm", str(outside["mark"])).exists()
    else:
        assert not outcome.report.result


@pytest.mark.parametrize("attack", ATTACKS)
def test_without_its_walls_anybody(
    case: Case, attack: str, outside: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("an ordinary user may not do most of this in any case")
    walls, deed = ATTACKS[attack]
    monkeypatch.setattr("sandbox.runner.SWITCHED_OFF", tuple(walls))
    outcome = _attack(case, deed, outside)
    assert outcome.report.result, outcome.report
    switched = [guard for guard in outcome.report.guards if guard.name in walls]
    assert any(guard.state is not sandbox.GuardState.ENFORCED for guard in switched)
    if attack == "leaves shared memory behind":
        assert Path("/dev/shm", str(outside["mark"])).exists()


@pytest.mark.parametrize("attack", NEVER)
def test_nobody_ever(case: Case, attack: str, outside: dict[str, object]) -> None:
    outcome = _attack(case, NEVER[attack], outside)
    assert outcome.report.status is Status.SUCCEEDED, outcome.report.problem
    assert not outcome.report.result


def test_without_the_memory_guard_a_run_takes_what_it_likes(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    greedy = "block = bytearray(400 << 20); time.sleep(0.2); return len(block)"
    limits = {"memory_bytes": 128 << 20}
    assert case.run(greedy, limits=limits).report.status is Status.MEMORY_EXCEEDED
    monkeypatch.setattr("sandbox.runner.SWITCHED_OFF", ("memory", "limits"))
    assert case.run(greedy, limits=limits).report.status is Status.SUCCEEDED


def test_the_network_is_there_for_a_plugin_that_may_use_it(
    case: Case, outside: dict[str, object]
) -> None:
    code = f"""
        @tool
        def go(self) -> str:
            import socket
            return str(socket.create_connection(("127.0.0.1", {outside["port"]}), 2))
    """
    outcome = case.run(case.source(code, network=True))
    assert outcome.report.status is Status.SUCCEEDED, outcome.report.problem
    (guard,) = [guard for guard in outcome.report.guards if guard.name == "network"]
    assert guard.state is sandbox.GuardState.ABSENT
    assert "asks for the network" in guard.why
