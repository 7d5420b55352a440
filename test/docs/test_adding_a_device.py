# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""docs/AddingADevice.md can be followed as it stands: its devices and its transport are
compiled, pass the conformance suite, and one trains a model as `--device`."""
import json
import os
import re
import shlex
import subprocess

import pytest

from pages import SOURCE

BUILD = os.environ["DPC_BUILD_DIR"]
SUITE, KINDS = "test/unit/runtime/ConformanceTest.cpp", "runtime/session/DeviceKinds.cpp"
QUEUES = "test/unit/runtime/QueueBackends.cpp"


def page():
    with open(os.path.join(SOURCE, "docs", "AddingADevice.md"), encoding="utf-8") as file:
        return file.read()


def files():
    """The files that the page writes, by path."""
    return dict(re.findall(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", page(), re.MULTILINE | re.DOTALL))


def block(after):
    """The first block behind some words of the page."""
    return re.search(r"```cpp\n(.*?)^```$", page()[page().index(after):], re.MULTILINE | re.DOTALL).group(1)


def with_rows(path, table, rows, headers):
    """A file of the tree with rows added to a table of it, and headers to its first one."""
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        text = file.read()
    end = text.index("\n};", text.index(table)) + 1
    text = text[:end] + rows + text[end:]
    first = text.index("#include")
    return text[:first] + headers + text[first:]


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """Object files of the page's sources and of the two files that it changes, by path."""
    folder = tmp_path_factory.mktemp("plain")
    device, transport = '#include "devices/plain/PlainDevice.h"\n', '#include "transports/plain/PlainTransport.h"\n'
    headers = block("with the two headers")
    assert headers == device + transport
    texts = dict(files())
    texts[SUITE] = with_rows(SUITE, "const Backend backends[]", block("Add three to its"), headers)
    texts[QUEUES] = with_rows(QUEUES, "const QueueBackend backends[]", block("a row of the `backends`"), block("with the header\n"))
    texts[KINDS] = with_rows(KINDS, "const Row rows[]", block("## 4. Choosing it"), block("with the headers"))
    for path, text in texts.items():
        os.makedirs(folder / os.path.dirname(path), exist_ok=True)
        (folder / path).write_text(text)
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        known = {entry["file"]: shlex.split(entry["command"]) for entry in json.load(file)}
    made = {}
    for path in texts:
        if not path.endswith(".cpp"):
            continue
        like = path if path in (SUITE, QUEUES, KINDS) else SUITE
        command = known[os.path.join(SOURCE, like)]
        command[command.index("-c") + 1] = str(folder / path)
        made[path] = command[command.index("-o") + 1] = str(folder / path) + ".o"
        places = [f"-I{folder}/runtime", f"-I{SOURCE}/test/unit/runtime"]
        done = subprocess.run([*command, *places, "-O1", "-Werror"], cwd=BUILD, capture_output=True, text=True)
        assert done.returncode == 0, f"{path}:\n{done.stderr[-4000:]}"
    return made


def link(target, output, objects):
    """A target of the build with further objects in front, which take the place of those in libraries."""
    lines = subprocess.run(["ninja", "-t", "commands", target], cwd=BUILD, check=True, capture_output=True, text=True).stdout
    command = re.sub(r"\S*/(ConformanceTest|QueueBackends)\.cpp\.o", "", lines.splitlines()[-1])
    place = re.search(rf" -o (\S*{target})\b", command)
    command = command[:place.start()] + f" -o {output} " + " ".join(objects) + command[place.end():]
    done = subprocess.run(command, shell=True, cwd=BUILD, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]


def test_the_suite_passes(objects, tmp_path):
    suite = tmp_path / "suite"
    link("conformance-test", suite, [object for path, object in objects.items() if path != KINDS])
    done = subprocess.run([suite, "--gtest_filter=*plain*:*/late_*"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:]
    passed = set(re.findall(r"\[       OK \] Backends/(\w+)\.\w+/(\w+)", done.stdout))
    assert passed == {*(("Conformance", pair) for pair in ("plain_local", "cpu_plain", "plain_plain")), ("QueueConformance", "late_local")}


def test_a_model_trains_on_it(objects, tmp_path):
    run = tmp_path / "dpc-run"
    link("dpc-run", run, [objects[KINDS], objects["runtime/devices/plain/PlainDevice.cpp"],
                          "runtime/devices/cpu/libdpcrt_cpu_features.a"])
    (tmp_path / "libdpcrt-cpu.so").symlink_to(os.path.join(BUILD, "lib", "libdpcrt-cpu.so"))
    (tmp_path / "docs").symlink_to(os.path.join(SOURCE, "docs"))
    compiles, trains = (shlex.split(line) for line in re.findall(r"^\$ (dpc (?:compile|run) .*)$", page(), re.MULTILINE))
    subprocess.run(compiles, cwd=tmp_path, check=True)
    losses = {}
    for device in ("plain", "cpu"):
        assert trains[-2:] == ["--device", "plain"]
        command = [run, *trains[2:-1], device, "--report", f"{device}.json"]
        subprocess.run(command, cwd=tmp_path, check=True)
        losses[device] = json.loads((tmp_path / f"{device}.json").read_text())["losses"]
    assert len(losses["cpu"]) == 3
    assert losses["plain"] == pytest.approx(losses["cpu"], rel=1e-5)
