# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`dpc doctor`: a line for what is there, and what would stop a run. NVIDIA's libraries are stood in for (test/unit/cuda)."""
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "test" / "e2e"))
from launchers import OTHERS

BUILD = pathlib.Path(os.environ["DPC_BUILD_DIR"])
FAKES = BUILD / "test" / "cuda"
LEAST_DRIVER, LEAST_CUBLASLT = "the least is driver 525 (CUDA 12.0)", "the least is cuBLASLt 12"


def doctor(*arguments, program=BUILD / "bin" / "dpc", limits=(), **variables):
    """Status, facts (several of one name in a list) and stops."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith((*OTHERS, "CUDA_", "DPC_CUDA_", "VIRTUAL_ENV", "CONDA_"))}

    def limit():
        for kind, value in limits:
            resource.setrlimit(kind, (value, value))

    done = subprocess.run([program, "doctor", *arguments], capture_output=True, text=True, env={**kept, **variables}, preexec_fn=limit)
    assert done.stderr == ""
    text, _, end = done.stdout.partition("\n\n")
    facts = {}
    for line in text.splitlines():
        name, fact = re.fullmatch(r"(\S.*?)  +(\S.*)", line).groups()
        facts.setdefault(name, []).append(fact)
    if end == "nothing would stop a run\n":
        return done.returncode, facts, []
    title, *stops = end.splitlines()
    assert title == "what would stop a run:"
    return done.returncode, facts, [re.fullmatch(r"  (\S.*?)  +(\S.*)", line).groups() for line in stops]


def of_cuda(stops):
    return [why for run, why in stops if run == "--device cuda"]


@pytest.fixture
def nvidia(tmp_path):
    """A folder with a driver and cuBLASLt 12, as a variable says it."""
    file = tmp_path / "nvidia" / "libcuda.so.550.54.15"
    file.parent.mkdir()
    shutil.copy(FAKES / "driver" / "libcuda.so.1", file)
    (file.parent / "libcuda.so.1").symlink_to(file.name)
    shutil.copy(FAKES / "cublaslt" / "libcublasLt.so.12", file.parent)
    return {"DPC_CUDA_LIBRARIES": str(file.parent)}


def test_the_machine():
    status, facts, stops = doctor(limits=[(resource.RLIMIT_NOFILE, 777), (resource.RLIMIT_FSIZE, 3 << 30)])
    assert status == 0
    size = r"\d+(\.\d)? [KMGT]?i?B"
    assert re.match(r"0\.", facts["dpc"][0])
    assert re.search(r"x86-64-v[34]$", facts["processor"][0])
    cores = len(os.sched_getaffinity(0))
    assert re.match(rf"{cores} of \d+ for this process", facts["cores"][0])
    quota = re.search(r"allows the time of (\S+)$", facts["cores"][0])
    assert not quota or 0 < float(quota[1]) < 10000
    assert re.match(rf"{size} of {size} available", facts["memory"][0])
    assert re.match(rf"{size} of {size} available in /dev/shm$", facts["shared memory"][0])
    assert "open files 777, " in facts["limits"][0] and "file size 3.0 GiB, " in facts["limits"][0]
    assert facts["device cpu"] == facts["device virtual"] == ["ready"]
    assert "any" not in dict(stops)


def test_the_affinity_is_the_cores():
    script = f"import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); os.execv('{BUILD}/bin/dpc', ['dpc', 'doctor'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert re.search(r"^cores +1 of ", done.stdout, re.MULTILINE), done.stdout


def test_each_mpi_says_its_version():
    _, facts, stops = doctor()
    for mpi, product in [("openmpi", "Open MPI"), ("mpich", "MPICH")]:
        if (BUILD / "lib" / f"libdpcrt-mpi-{mpi}.so").exists() and shutil.which(f"mpicc.{mpi}"):
            assert re.fullmatch(rf"{product} \d+\.\d+\S*", facts[f"mpi:{mpi}"][0])
        else:
            assert facts[f"mpi:{mpi}"] == ["not ready"]
            assert f"libdpcrt-mpi-{mpi}.so" in dict(stops)[f"--transport mpi:{mpi}"]


def test_a_launcher(tmp_path):
    _, facts, _ = doctor()
    assert facts["started by"] == ["no launcher: all ranks are threads of one process"]
    world = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_LOCAL_SIZE": "4"}
    status, facts, _ = doctor(**world)
    assert (status, facts["started by"]) == (0, ["Open MPI's mpirun: process 1 of 4, joined by --transport mpi:openmpi"])
    # Which would stop every run.
    status, facts, stops = doctor(**{**world, "OMPI_COMM_WORLD_SIZE": "none"})
    assert (status, facts["started by"]) == (2, ["a launcher that is not understood"])
    assert "OMPI_COMM_WORLD_SIZE" in dict(stops)["any"]


def test_without_the_cpu_no_run_can_start(tmp_path):
    shutil.copy(BUILD / "bin" / "dpc", tmp_path)
    status, facts, stops = doctor(program=tmp_path / "dpc")
    assert (status, facts["device cpu"]) == (10, ["not ready"])
    assert "there is no plug-in 'libdpcrt-cpu.so'" in dict(stops)["any"]


def test_nvidia_with_versions_and_files(nvidia):
    folder = nvidia["DPC_CUDA_LIBRARIES"]
    status, facts, stops = doctor(**nvidia, FAKE_CUDA_GPUS="2")
    assert facts["DPC_CUDA_LIBRARIES"] == [folder]
    assert facts["NVIDIA driver"] == [f"CUDA 12.4, driver 550.54.15; {folder}/libcuda.so.550.54.15; {LEAST_DRIVER}"]
    assert facts["GPU 0"] == ["Fake Hopper, sm_90, 40.0 GiB, 116 multiprocessors, GPU-28303840-4850-5860-6870-7880889098a0"]
    assert facts["GPU 1"][0].startswith("Fake Ampere, sm_80, 41.0 GiB, ")
    assert facts["cuBLASLt"] == [f"12.4.5 of CUDA 12.4; {folder}/libcublasLt.so.12; {LEAST_CUBLASLT}"]
    assert (status, of_cuda(stops), facts["device cuda"]) == (0, [], ["ready"])


def test_the_dynamic_loader_finds_a_driver(nvidia, tmp_path):
    folder = nvidia.pop("DPC_CUDA_LIBRARIES")
    _, facts, stops = doctor(LD_LIBRARY_PATH=folder)
    assert facts["NVIDIA driver"] == [f"CUDA 12.4, driver 550.54.15; {folder}/libcuda.so.550.54.15; {LEAST_DRIVER}"]
    assert "DPC_CUDA_LIBRARIES" not in facts
    # What is told comes first, an environment of Python last.
    site = tmp_path / "venv/lib/python3.11/site-packages/nvidia/cublas/lib"
    site.mkdir(parents=True)
    (site / "libcublasLt.so.12").write_text("no library")
    _, facts, stops = doctor(DPC_CUDA_LIBRARIES=f"{tmp_path}/none:{folder}", VIRTUAL_ENV=str(tmp_path / "venv"))
    assert facts["DPC_CUDA_LIBRARIES"] == [f"{tmp_path}/none, which is no folder", folder]
    assert facts["NVIDIA's packages"] == [str(site)]
    assert f"{folder}/libcublasLt.so.12" in facts["cuBLASLt"][0]
    assert of_cuda(stops) == []


def test_a_python_environment_has_the_libraries(nvidia, tmp_path):
    """The driver is of CUDA 12, so whatever cuBLASLt 13 the system has does not serve it; but a cuBLASLt 12 of the system would come first."""
    folder = pathlib.Path(nvidia["DPC_CUDA_LIBRARIES"])
    site = tmp_path / "venv/lib/python3.11/site-packages/nvidia/cublas/lib"
    site.mkdir(parents=True)
    shutil.move(folder / "libcublasLt.so.12", site)
    _, facts, stops = doctor(**nvidia, VIRTUAL_ENV=str(tmp_path / "venv"))
    if "libcublasLt.so.12 " in subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout:
        pytest.skip("the system has a cuBLASLt 12 of its own")
    assert facts["cuBLASLt"] == [f"12.4.5 of CUDA 12.4; {site}/libcublasLt.so.12; {LEAST_CUBLASLT}"]
    assert of_cuda(stops) == []


@pytest.mark.parametrize("said, fact, why", [
    ({"FAKE_CUDA_VERSION": "11080"}, ("NVIDIA driver", f"none that serves; {LEAST_DRIVER}"), r"the driver '.*' is of CUDA 11\.8; the least is driver 525 \(CUDA 12\.0\)"),
    ({"FAKE_CUDA_GPUS": "0"}, ("GPU", "none"), r"the driver '.*' \(CUDA 12\.4, driver 550\.54\.15\) finds no NVIDIA GPU"),
    ({"FAKE_CUDA_GPUS": "0", "CUDA_VISIBLE_DEVICES": ""}, ("GPU", "none"), r"the driver '.*' \(CUDA 12\.4, driver 550\.54\.15\) finds no NVIDIA GPU; CUDA_VISIBLE_DEVICES is ''"),
    ({"FAKE_CUDA_INIT": "999"}, ("GPU", "none"), r"starting the driver '.*': CUDA_ERROR_UNKNOWN, unknown error"),
    ({"FAKE_CUBLASLT_VERSION": "111103"}, ("cuBLASLt", f"none that serves; {LEAST_CUBLASLT}"), r"the library '.*' is cuBLASLt 11\.11\.3; the least is cuBLASLt 12"),
    ({"FAKE_CUBLASLT_CUDA": "13000"}, ("cuBLASLt", f"none that serves; {LEAST_CUBLASLT}"), r"the library '.*' \(cuBLASLt 12\.4\.5\) is of CUDA 13\.0, and the driver of CUDA 12\.4; .*"),
])
def test_what_would_stop_a_run_on_a_gpu(nvidia, said, fact, why):
    status, facts, stops = doctor(**nvidia, **said)
    assert facts[fact[0]] == [fact[1]]
    found = of_cuda(stops)
    assert facts["device cuda"] == ["not ready"]
    # One line, and no reason to stop a run on the CPU.
    assert len(found) == 1 and re.fullmatch(why, found[0]), found
    assert status == 0


def test_ptxas_with_its_version(tmp_path):
    def program(name, *lines):
        file = tmp_path / name
        file.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        file.chmod(0o755)
        return str(file)

    stands_in = program("ptxas", '[ "$1" = --version ] || exit 1', "echo 'ptxas: NVIDIA (R) Ptx optimizing assembler'",
                        "echo 'Cuda compilation tools, release 12.9, V12.9.86'", "echo 'Build cuda_12.9.r12.9/compiler.36037853_0'")
    _, facts, stops = doctor(DPC_PTXAS=stands_in)
    assert facts["ptxas"] == [f"12.9.86; {stands_in}"]
    for silent in (program("silent"), program("failing", "echo 'release 12.9, V12.9.86'", "exit 1")):
        assert doctor(DPC_PTXAS=silent)[1]["ptxas"] == [f"none that serves: {silent} does not say its version"]
    assert doctor(DPC_PTXAS="")[1]["ptxas"] == ["none: dpc compile --target cuda writes PTX alone, which the GPU's driver compiles at load"]
    status, facts, none = doctor(DPC_PTXAS=str(tmp_path / "nowhere"))
    assert facts["ptxas"] == [f"none that serves: DPC_PTXAS is '{tmp_path}/nowhere', which is no program that can be run; dpc compile --target cuda would end with that"]
    # No run needs it.
    assert (status, none) == (0, stops)


def test_missing_functions_are_named(nvidia):
    shutil.copy(FAKES / "driver-lacking" / "libcuda.so.1", pathlib.Path(nvidia["DPC_CUDA_LIBRARIES"]) / "libcuda.so.550.54.15")
    _, _, stops = doctor(**nvidia)
    assert of_cuda(stops)[0].endswith("lacks cuInit, cuStreamWaitValue32_v2, cuGraphLaunch; NVIDIA's driver 525 (CUDA 12.0) or newer has all that is needed")
