"""Two Ray nodes in one process, with the replicas of `serve.yaml`, for as long as it is asked to.

`python -m scale.cluster FOLDER REPLICAS` prints a line once its nodes run and a JSON line once it
serves, and ends when standard input does. Each node has a loopback address of its own: Ray turns
127.0.0.1 into the machine's.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEPLOYMENT = Path(__file__).parents[2] / "server/deploy/ray-serve/llama-cpp"
HEAD = "127.0.0.2"
OTHERS = ("127.0.0.3", "127.0.0.4")
PORT = 18_400
END_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoReplicas:
    """The cluster as its clients see it."""

    base_url: str
    key: str
    pids: dict[str, int]
    """Of the replicas' processes, by what `x-replica` calls them."""
    session: int
    """The session of all its processes, by which what is left of them is found."""


@contextmanager
def two_replicas(folder: Path, *, replicas: int = 2) -> Iterator[TwoReplicas | str]:
    """Run the cluster in a process of its own until the end of the block.

    Where Ray itself does not start, say on a machine with too much else to do, the last line that
    it wrote comes instead.

    Raises:
        RuntimeError: The nodes started, and the replicas did not.
    """
    key = secrets.token_hex(16)
    (folder / "keys").write_text(f"# for the tests\n{key}\n", encoding="utf-8")
    log = folder / "cluster.log"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(DEPLOYMENT), str(Path(__file__).parents[1]))),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SERVE_PROXY_PREFER_LOCAL_NODE_ROUTING": "0",
        "RAY_worker_niceness": "0",
    }
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "scale.cluster", str(folder), str(replicas)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=written,
            env=environment,
            start_new_session=True,
        )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = process.stdout.readline()
        if not line:
            yield written_last(log)
            return
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(written_last(log))
        yield TwoReplicas(**json.loads(line), key=key, session=process.pid)
    finally:
        process.stdin.close()
        process.wait(END_WITHIN_S)
        process.stdout.close()


def written_last(log: Path) -> str:
    """Return the last line of a log."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process of the cluster."""

    command: str
    cpu_s: float
    """Of processors' time that it has used."""


def processes_of(session: int) -> list[RunningProcess]:
    """Return all processes of a session that have not ended."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = _stat_fields(process)
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:  # it ended meanwhile
            continue
        state, its_session = fields[3], int(fields[6])
        if its_session == session and state != "Z":
            found.append(RunningProcess(command, _cpu_s(fields)))
    return found


def cpu_s_of(pid: int) -> float:
    """Return the processors' time that a process has used."""
    return _cpu_s(_stat_fields(Path("/proc", str(pid))))


def _stat_fields(process: Path) -> list[str]:
    """Return what `stat` says, with fields numbered from 1.

    Source: proc(5): behind the name in brackets stand the state, as field 3, and more.
    """
    return ["", "", "", *(process / "stat").read_text().rpartition(")")[2].split()]


def _cpu_s(fields: Sequence[str]) -> float:
    user, system = int(fields[14]), int(fields[15])
    return (user + system) / os.sysconf("SC_CLK_TCK")


def wait_ended(session: int) -> list[str]:
    """Wait a while for the last processes of a session, and return those that are left."""
    until_s = time.monotonic() + END_WITHIN_S
    while (left := processes_of(session)) and time.monotonic() < until_s:
        time.sleep(0.1)
    return [process.command for process in left]


def main(folder: Path, replicas: int) -> None:
    """Start, say where it serves, wait for the end of standard input, end all of it."""
    # What Ray prints must not come between: the line is for the parent.
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    import ray  # noqa: PLC0415 - the tests import this module without the extra `scale`
    from ray import serve  # noqa: PLC0415 - the same
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - the same

    cluster = Cluster(initialize_head=True, head_node_args=_node(HEAD, 1))
    for number, address in enumerate(OTHERS[: replicas - 1], start=2):
        cluster.add_node(**_node(address, number))
    ray.init(address=cluster.address, _node_ip_address=HEAD, log_to_driver=False)
    print("nodes", file=answer, flush=True)
    pids = _deploy(serve, folder / "keys", replicas)
    print(json.dumps({"base_url": f"http://127.0.0.1:{PORT}/v1", "pids": pids}), file=answer)
    answer.close()
    sys.stdin.buffer.read()
    serve.shutdown()
    ray.shutdown()
    cluster.shutdown()


def _node(address: str, number: int) -> dict[str, Any]:
    return {
        "node_ip_address": address,
        "num_cpus": 1,
        "object_store_memory": 80_000_000,
        "include_dashboard": False,
        # Processes that add nodes, and print what workers wrote: nobody needs them here.
        "no_monitor": True,
        "include_log_monitor": False,
        # Ranges of their own: on one machine the nodes' ports must differ.
        "min_worker_port": 20_000 + 1_000 * number,
        "max_worker_port": 20_999 + 1_000 * number,
        "dashboard_agent_listen_port": 52_465 + number,
    }


def _deploy(serve: Any, keys: Path, replicas: int) -> dict[str, int]:
    """Deploy what `serve.yaml` says, with these keys, on another port; return the replicas."""
    import yaml  # noqa: PLC0415 - the same
    from llama_replica import LlamaReplica, ReplicaSettings  # noqa: PLC0415 - the same

    class ObservedReplica(LlamaReplica):
        async def which(self) -> tuple[str, int]:
            return self._replica_id, os.getpid()

    config = yaml.safe_load((DEPLOYMENT / "serve.yaml").read_text(encoding="utf-8"))
    (application,) = config["applications"]
    (options,) = application["deployments"]
    serve.start(
        proxy_location=config["proxy_location"],
        http_options={**config["http_options"], "port": PORT},
    )
    settings = ReplicaSettings(**{**application["args"], "api_key_file": keys})
    deployment = serve.deployment(ObservedReplica).options(**{**options, "num_replicas": replicas})
    handle = serve.run(deployment.bind(settings), name=application["name"])
    pids: dict[str, int] = {}
    while len(pids) < replicas:
        replica, pid = handle.which.remote().result()
        pids[replica] = pid
    return pids


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
