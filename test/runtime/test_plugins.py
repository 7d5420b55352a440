# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Devices are plug-ins: programs start without what a device needs, find it beside
themselves wherever they lie, and say what is wrong with one that they cannot use."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

BUILD = pathlib.Path(os.environ["DPC_BUILD_DIR"])
PLUGIN = "libdpcrt-cpu.so"
MODEL = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "docs" / "mlp.onnxtxt"


def call(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    made = tmp_path_factory.mktemp("model") / "m.dpc"
    done = call(BUILD / "bin" / "dpc", "compile", MODEL, "--init", "seed:1", "--optimizer", "sgd", "-o", made)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture
def tree(tmp_path):
    """A program as it is installed, with the plug-in in lib beside bin."""
    done = call("cmake", "--install", BUILD, "--component", "runtime", "--prefix", tmp_path / "tree")
    assert done.returncode == 0, done.stderr
    return tmp_path / "tree"


def train(program, artifact, **options):
    return call(program, artifact, "--data", "synthetic:1", "--lr", "0.1", "--steps", "1", "--checkpoint", "none", **options)


def make_plugin(path, code, *flags):
    path.with_suffix(".c").write_text(code)
    done = call("cc", "-shared", "-fPIC", "-o", path, path.with_suffix(".c"), *flags)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", ["dpc", "dpc-run"])
def test_programs_need_no_library_of_a_device(program):
    needed = set(re.findall(r"^\s*(\S+)", call("ldd", BUILD / "bin" / program).stdout, re.MULTILINE))
    assert not [name for name in needed if re.match(r"lib(dnnl|gomp|omp|OpenCL|ze_|sycl)", name)]
    if program == "dpc-run":
        own = {"linux-vdso", "libstdc++", "libm", "libgcc_s", "libc", "/lib64/ld-linux-x86-64"}
        assert {name.split(".so")[0] for name in needed} <= own


@pytest.mark.parametrize("plugin", sorted(path.name for path in (BUILD / "lib").glob("libdpcrt-*.so")))
def test_a_plugin_shows_its_one_function_and_is_installed(plugin, tree):
    lines = call("nm", "-D", "--defined-only", BUILD / "lib" / plugin).stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["dpcrt_engine_plugin" if "-mpi-" in plugin else "dpcrt_device_plugin"]
    assert (tree / "lib" / plugin).exists()


def test_an_installed_program_finds_it(tree, artifact, tmp_path):
    (tmp_path / "link").symlink_to(tree / "bin" / "dpc-run")
    path = dict(os.environ, PATH=f"{tree}/bin:{os.environ['PATH']}")
    for program, options in [(tree / "bin" / "dpc-run", {}), (tmp_path / "link", {}), ("dpc-run", {"env": path}), ("../tree/bin/dpc-run", {})]:
        (tmp_path / "cwd").mkdir(exist_ok=True)
        done = train(program, artifact, cwd=tmp_path / "cwd", **options)
        assert done.returncode == 0, done.stderr


def test_it_is_found_beside_the_program_first(tree, artifact):
    shutil.move(tree / "lib" / PLUGIN, tree / "bin" / PLUGIN)
    assert train(tree / "bin" / "dpc-run", artifact).returncode == 0
    (tree / "lib" / PLUGIN).write_text("not loaded")
    assert train(tree / "bin" / "dpc-run", artifact).returncode == 0


def test_it_is_found_where_the_loader_looks(tree, artifact, tmp_path):
    shutil.move(tree / "lib" / PLUGIN, tmp_path / PLUGIN)
    done = train(tree / "bin" / "dpc-run", artifact, env=dict(os.environ, LD_LIBRARY_PATH=str(tmp_path)))
    assert done.returncode == 0, done.stderr


def test_an_absent_one_is_named_with_its_places(tree, artifact):
    (tree / "lib" / PLUGIN).unlink()
    done = train(tree / "bin" / "dpc-run", artifact)
    assert done.returncode == 10
    assert f"device 'cpu': there is no plug-in '{PLUGIN}': it is none of '{tree}/bin/{PLUGIN}', '{tree}/bin/../lib/{PLUGIN}'," in done.stderr
    assert call(tree / "bin" / "dpc-run", "--help").returncode == 0


def test_a_library_that_it_lacks_is_named_with_its_package(tree, artifact, tmp_path):
    make_plugin(tmp_path / "libdnnl.so", "", "-Wl,-soname,libdnnl.so.99")
    (tree / "lib" / PLUGIN).unlink()
    make_plugin(tree / "lib" / PLUGIN, "", "-Wl,--no-as-needed", f"-L{tmp_path}", "-ldnnl")
    done = train(tree / "bin" / "dpc-run", artifact)
    assert done.returncode == 10
    assert re.search(rf"device 'cpu': cannot load the plug-in '{tree}/bin/../lib/{PLUGIN}': libdnnl.so.99: cannot open shared object file: "
                     r"No such file or directory; it needs oneDNN and GNU OpenMP \(on Debian and Ubuntu: apt install libdnnl\d+ libgomp1\)", done.stderr)


def test_one_of_another_build_is_refused_with_both_versions(tree, artifact):
    (tree / "lib" / PLUGIN).unlink()
    make_plugin(tree / "lib" / PLUGIN, "static struct { unsigned version; void *kind; } p = {0x12345}; void *dpcrt_device_plugin(void) { return &p; }")
    done = train(tree / "bin" / "dpc-run", artifact)
    assert done.returncode == 10
    assert re.search(r"is of version 00012345, where this program needs [0-9a-f]{8}; both must come from one build", done.stderr)


def test_what_is_no_plugin_is_refused(tree, artifact):
    (tree / "lib" / PLUGIN).unlink()
    make_plugin(tree / "lib" / PLUGIN, "int x;")
    done = train(tree / "bin" / "dpc-run", artifact)
    assert done.returncode == 10
    assert "is no plug-in of a device: it has no function dpcrt_device_plugin" in done.stderr
