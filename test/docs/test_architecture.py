# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The IR of docs/Architecture.md is what its model gives: every piece occurs in the
dump of the phase whose section it stands in."""
import os
import re
import subprocess

import pytest

from pages import SOURCE, code_blocks, missing, without_locations

PAGE = os.path.join(SOURCE, "docs", "Architecture.md")
PHASES = ["import", "partition", "autodiff", "kernels", "schedule", "lower"]


def sections():
    """The page's sections by their heading."""
    with open(PAGE, encoding="utf-8") as file:
        parts = re.split(r"^##? (.*)\n", file.read(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def command():
    """The compile command that the page gives, as arguments."""
    with open(PAGE, encoding="utf-8") as file:
        text = re.search(r"^\$ (dpc compile docs/mlp\.onnxtxt .*?[^\\])$", file.read(), re.MULTILINE | re.DOTALL).group(1)
    return text.replace("\\\n", " ").split()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the page's command makes: texts by section."""
    folder = tmp_path_factory.mktemp("architecture")
    (folder / "docs").symlink_to(os.path.join(SOURCE, "docs"))
    subprocess.run(command(), cwd=folder, check=True)
    texts = {}
    for number, phase in enumerate(PHASES):
        texts[phase] = [(folder / "phases" / f"{number}-{phase}.mlir").read_text()]
    show = [["dpc-opt", "phases/3-kernels.mlir", f"--codegen-show-kernels=form={form}"] for form in ("linalg", "loops")]
    show.append(["dpc", "schedule", "show", "dualpipe", "--pp", "2", "--micro-batches", "4"])
    linalg, loops, schedule = (subprocess.run(s, cwd=folder, check=True, capture_output=True, text=True).stdout for s in show)
    texts["codegen"] = [linalg, loops]
    texts["schedule"].append(schedule)
    texts["artifact"] = [(folder / "mlp.dpc" / "manifest.json").read_text()]
    run = ["dpc", "run", "mlp.dpc", "--data", "synthetic:1", "--lr", "0.1", "--steps", "3"]
    assert "$ " + " ".join(run) in sections()["runtime"]
    subprocess.run(run, cwd=folder, check=True)
    return {section: [without_locations(text) for text in of] for section, of in texts.items()}


def pieces():
    for section, text in sections().items():
        for language in ("mlir", "json", "text"):
            for number, code in enumerate(code_blocks(text, language)):
                yield pytest.param(section, code, id=f"{section}_{language}_{number}")


@pytest.mark.parametrize("section, code", list(pieces()))
def test_piece(made, section, code):
    lines = [missing(code, text) for text in made[section]]
    assert None in lines, (f"docs/Architecture.md, {section}: '{lines[0].strip()}' does not follow what stands before it in the "
                           "dump of its phase; run the page's command and correct the page")


def test_every_phase_shows_its_ir():
    shown = {param.values[0] for param in pieces()}
    assert shown == {*PHASES, "codegen", "artifact"}
