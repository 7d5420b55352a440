# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The direction that the tree promises: a library includes only what it links, links
with nothing else, and nothing goes round."""
import subprocess

from layers import BUILD, Library, Owners, closure, find_cycle, includes, read_libraries, sources

# One file a tool: the tools are above all libraries.
TOOLS = ("tools/dpc/", "tools/dpc-opt/", "tools/dpc-lsp-server/", "tools/dpc-run/dpc-run.cpp")


def test_a_library_includes_only_what_it_links():
    libraries = read_libraries()
    owners = Owners(libraries)
    wrong, owned = [], set()
    for path in sources():
        if path.startswith(TOOLS):
            continue
        owner = owners.of(path)
        if owner is None:
            wrong.append(f"{path} belongs to no library")
            continue
        owned |= {owner, *owners.sharing(path)}
        for included in includes(path):
            other = owners.of(included)
            if other is None:
                wrong.append(f"{path} includes {included}, which belongs to no library")
            elif other not in closure(libraries, owner):
                wrong.append(f"{path} of {owner} includes {included} of {other}, which {owner} does not link")
    assert not wrong, "\n".join(wrong)
    assert owned == set(libraries), f"without any file: {', '.join(set(libraries) - owned)}"


def test_libraries_that_link_each_other_are_found():
    lines = ["A|a||a.cpp|B z", "B|b||b.cpp|C", "C|c||c.cpp|", "D|d||d.cpp|A"]
    libraries = {library.name: library for library in map(Library, lines)}
    assert find_cycle(libraries) == []
    libraries["C"].links.append("A")
    assert find_cycle(libraries) == ["A", "B", "C"]


def test_nothing_goes_round():
    cycle = find_cycle(read_libraries())
    assert not cycle, " links ".join(cycle + cycle[:1])


def test_the_schedules_and_the_runtime_know_no_compiler():
    libraries = read_libraries()
    for name, library in libraries.items():
        below = closure(libraries, name)
        if library.folder.startswith("runtime"):
            assert all(libraries[other].folder.startswith("runtime") for other in below), (name, below)
        if library.folder.startswith("lib/Schedule"):
            assert all(libraries[other].folder.startswith(("lib/Schedule", "runtime/cli")) for other in below), (name, below)
    # What targets share knows none of them.
    assert all(libraries[other].folder not in ("lib/Codegen/CPU", "lib/Codegen/CUDA") for other in closure(libraries, "DPCCodegen"))
    # Phases meet in IR: none links another.
    phases = {"DPCImport", "DPCPartition", "DPCAutodiff", "DPCKernels", "DPCLowering"}
    for name in phases:
        assert closure(libraries, name) & phases == {name}, name


def test_each_library_links_alone():
    done = subprocess.run(["cmake", "--build", BUILD, "--target", "dpc-alone"], capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
