"""A real SLURM of two nodes of one CPU each, on this machine, from Debian's slurmctld, slurmd and slurm-client."""

import getpass
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from benchmarks.ports import free_port

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue")
NODES = ("n1", "n2")
MEMORY = 2000
START_SECONDS = 120
# Without munge, cgroups and accounts; a node that is silent for 10 s is dead, and what is requeued starts at once.
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
AuthInfo=cred_expire=5
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=60
SchedulerParameters=sched_interval=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """What a cluster needs and this machine lacks; empty if nothing."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if lacking:
        return f"no {', '.join(lacking)} here: apt-get install slurmctld slurmd slurm-client"
    return "" if os.geteuid() == 0 else "slurmd starts the jobs of others, and so must be root's"


class Slurm:
    """The running daemons; `environment` leads SLURM's programs to them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Write the configuration, and start all daemons."""
        host = platform.node().partition(".")[0]
        text = CONFIGURATION.format(host=host, port=free_port(), user=getpass.getuser(), folder=self._folder)
        nodes = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={free_port()} CPUs=1 RealMemory={MEMORY}\n"
            for name in NODES
        ]
        (self._folder / "state").mkdir()
        (self._folder / "slurm.conf").write_text(text + "".join(nodes), "utf-8")
        self._start("slurmctld", "slurmctld", "-D")
        for node in NODES:
            (self._folder / node).mkdir()
            self.start_node(node)
        self._wait_until_idle()

    def start_node(self, node: str) -> None:
        """Start a node, or start it again."""
        self._start(node, "slurmd", "-D", "-N", node)

    def kill_node(self, node: str) -> None:
        """End a node as a power cut would: its daemon, and everything that runs on it."""
        self._daemons.pop(node).kill()
        tasks = [each for each in psutil.process_iter() if self._is_on(each, node)]
        keepers = [parent for each in tasks for parent in each.parents() if parent.name().startswith("slurmstepd")]
        for process in [*keepers, *tasks]:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def stop(self) -> None:
        """End everything."""
        for node in NODES:
            if node in self._daemons:
                self.kill_node(node)
        self._daemons["slurmctld"].kill()

    def idle(self) -> set[str]:
        """The nodes that run nothing."""
        listing = self.ask("sinfo", "--noheader", "--Node", "--format=%N %T")
        return {name for name, state in (line.split() for line in listing.splitlines()) if state == "idle"}

    def jobs(self) -> dict[str, tuple[str, str]]:
        """Id → state and node of all jobs."""
        listing = self.ask("squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%N")
        return {job: (state, node) for job, state, node in (line.split("|") for line in listing.splitlines())}

    def ask(self, *command: str) -> str:
        """What one of SLURM's programs prints; empty if it fails."""
        environment = os.environ | self.environment
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout

    @retry(wait=wait_fixed(0.1), stop=stop_after_delay(START_SECONDS), retry=retry_if_result(lambda up: not up))
    def _wait_until_idle(self) -> bool:
        return self.idle() == set(NODES)

    def _start(self, name: str, *command: str) -> None:
        with open(self._folder / f"{name}.out", "ab") as log:
            self._daemons[name] = subprocess.Popen(
                command, env=os.environ | self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def _is_on(self, process: psutil.Process, node: str) -> bool:
        try:
            environment = process.environ()
        except psutil.Error:
            return False
        return (environment.get("SLURM_CONF"), environment.get("SLURMD_NODENAME")) == (
            self.environment["SLURM_CONF"],
            node,
        )


@contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """A cluster, with its logs in `folder`; nothing of it outlives the block."""
    cluster = Slurm(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
