# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Four processes on four machines (network namespaces) behind a relay that delays: the same
bits as threads have; and when a machine is cut off, the end that is documented."""
import os
import time

import pytest

from commands import succeed
from launchers import begin, finish, needs, telling, told
from network import Network, address, needs_namespaces
from test_processes import MODELS, command, dumps, metrics, threads

ALL = bool(os.environ.get("DPC_TEST_ALL"))
LOST, MACHINES = 5, 4


@pytest.fixture(params=["openmpi", "mpich"])
def mpi(request):
    needs_namespaces()
    return needs(request.param)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("compiled"), {}

    def compile_(model, schedule):
        if (model, schedule) not in made:
            made[model, schedule] = folder / f"{len(made)}.dpc"
            succeed("dpc", "compile", MODELS / f"{model}.onnx", "-o", made[model, schedule], "--pp", MACHINES, "--micro-batches", 2 * MACHINES, "--schedule", schedule, "--optimizer", "sgd")
        return made[model, schedule]

    return compile_


def launch(mpi, network, folder, *command, **options):
    """A process on each machine, started from the first."""
    agent, hosts = network.agent(folder), ",".join(map(address, range(MACHINES)))
    if mpi == "openmpi":
        flags = ["mpirun.openmpi", "--host", hosts, "--mca", "plm_rsh_agent", agent, "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "tun0", "--mca", "oob_tcp_if_include", "tun0"]
    else:
        flags = ["mpiexec.mpich", "-launcher", "ssh", "-launcher-exec", agent, "-iface", "tun0", "-hosts", hosts, "-genv", "UCX_TLS", "tcp,self", "-genv", "UCX_NET_DEVICES", "tun0"]
    return begin([*network.inside(0), *map(str, [*flags, "-n", MACHINES, *command])], **options)


CASES = [("gpt2", "dualpipe", 0.002)]
MORE = [(model, schedule, delay) for model in ("gpt2", "llama", "bert", "moe") for schedule in ("1f1b", "zb-h1", "dualpipe", "dualpipev") for delay in (0.002, 0.03)]


@pytest.mark.parametrize("model, schedule, delay", MORE if ALL else CASES)
def test_machines_compute_what_threads_compute(tmp_path, compiled, mpi, model, schedule, delay):
    artifact = compiled(model, schedule)
    folder, spread = threads(artifact, tmp_path), tmp_path / "spread"
    spread.mkdir()
    with Network(MACHINES, delay) as network:
        status, said = finish(launch(mpi, network, tmp_path, *command(artifact, spread)), 120)
        assert status == 0, said
        # Nothing has found another way: a micro-batch goes through all machines and back.
        assert all(m["step_s"] > 2 * (MACHINES - 1) * delay for m in metrics(spread) if "step_s" in m)
    assert dumps(spread) == dumps(folder)


@pytest.mark.skipif(not ALL, reason="a minute for each; test_processes.py stops processes in every run")
@pytest.mark.parametrize("machine", [0, 2])
def test_a_machine_that_is_cut_off_ends_all(tmp_path, compiled, mpi, machine):
    words = f"process {machine} has given no sign of life for"

    def until(is_so, seconds):
        end = time.time() + seconds
        while not is_so() and time.time() < end:
            time.sleep(0.1)
        return is_so()

    with Network(MACHINES, 0.002) as network, open(tmp_path / "said", "w+") as said:
        def heard():
            return (tmp_path / "said").read_text()

        launched = launch(mpi, network, tmp_path, *telling(tmp_path, "dpc-run", compiled("gpt2", "dualpipe"), "--data", "synthetic:1", "--steps", 1000000, "--lr", 0.01, "--threads", 1, "--timeout", "6s",
                                                          "--checkpoint", tmp_path / "kept", "--metrics", tmp_path / "metrics.jsonl"), said=said)
        try:
            assert until(lambda: (tmp_path / "metrics.jsonl").exists() and len(metrics(tmp_path)) > 3, 60), heard()
            network.cut(machine)
            cut = time.time()
            until(lambda: len(told(tmp_path)) == MACHINES, 30)
            # Launchers may wait for ever for a machine that does not answer; what is cut off cannot be heard.
            assert machine == 0 or until(lambda: words in heard(), 30), heard()
        finally:
            launched.kill()
            launched.wait()
        ended = told(tmp_path)
    # A launcher that ends all as soon as one has ended may have been faster than the last of them.
    assert {status for status, _ in ended.values()} == {LOST} and len(ended) >= MACHINES - 1, heard()
    assert all(at - cut < 20 for _, at in ended.values()), "long after the time-out"
    assert not list((tmp_path / "kept").glob("step-*")), "it saved though the world was broken"
