# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every ```mlir example of the generated reference is IR that dpc accepts.

An example of an operation or attribute is parsed and verified. Values that it
does not define are put before it, with the types it uses them at; what belongs
into a program is put into one. An example of a pass begins with the command that runs it (`// dpc-opt --flags`); what stands
before `// becomes` is given to dpc-opt, and what stands after it must be in the
output.
"""
import os
import re
import shlex
import subprocess

import pytest

from pages import SOURCE, code_blocks, missing

PAGES = ["Dialects/NN.md", "Dialects/DualPipe.md", "Dialects/Prog.md", "Passes.md"]


def opt(text, *flags):
    return subprocess.run(["dpc-opt", "-", *flags], input=text, capture_output=True, text=True)


PROGRAM = """prog.program @example entry "train_step" coordinate 0
    streams [#prog<stream compute>, #prog<stream comm>, #prog<stream reduce>]
    micro_batches 8 weighting "mean" optimizer "sgd" {{
  prog.arena @memory stash 65536
  prog.arena @record step_record 320
  {surroundings}
  {declarations}
  prog.order {{
    {commands}
  }}
}}
"""
# Declared for the commands of an example, unless it declares them itself.
SURROUNDINGS = [
    "prog.group @mirror_0_3 [0, 3]",
    "prog.kernel @k_2f01 [!prog.slot<16xf32>, !prog.slot<16xf32>] [#prog<access read>, #prog<access write>]",
    'prog.tensor "input_ids" : tensor<1x128xi64>',
    'prog.tensor output "loss" : tensor<f32>',
]


def within_program(example, prelude):
    """A whole program around declarations or commands."""
    declares = re.match(r"prog\.(arena|group|kernel|parameter|tensor|constant|block)\b", example)
    if declares:
        return PROGRAM.format(surroundings="", declarations=prelude + example, commands="")
    return PROGRAM.format(surroundings="\n  ".join(SURROUNDINGS), declarations="", commands=prelude + example)


def define(name, type):
    if type == "!prog.event":
        return f"%{name} = prog.join on compute\n"
    if type.startswith("!prog.slot"):
        return f"%{name} = prog.slot @memory[0] : {type}\n"
    return f'%{name} = "example.value"() : () -> {type}\n'


def parse(example):
    """dpc-opt's verdict on an example, its free values defined before it."""
    types = {}
    while True:
        prelude = "".join(define(name, type) for name, type in types.items())
        whole = "prog." not in example or "prog.program" in example
        text = prelude + example if whole else within_program(example, prelude)
        done = opt(text, "--allow-unregistered-dialect")
        free = re.search(r"use of undeclared SSA value name|use of value '%(\w+)' expects different type than prior uses: '([^\n]*?)' vs",
                         done.stderr)
        if done.returncode == 0 or not free:
            return done
        if free.group(1) is None:
            name, type = undeclared(example, types), "none"
            if name is None:
                return done
        else:
            name, type = free.groups()
            if types.get(name) != "none":
                return done
        types[name] = type


def undeclared(example, types):
    """The first value that an example uses and neither defines nor has a type for."""
    defined = set(types)
    for line in example.splitlines():
        results = re.match(r"\s*((?:%\w+(?::\d+)?(?:, )?)+) = ", line)
        if results:
            defined |= set(re.findall(r"%(\w+)", results.group(1)))
        if re.match(r"\s*(func\.func|\^bb)", line) or re.search(r"%\w+: ", line):
            defined |= set(re.findall(r"%(\w+):", line))
        for name in re.findall(r"%(\w+)", line):
            if name not in defined:
                return name
    return None


def examples():
    for page in PAGES:
        with open(os.path.join(SOURCE, "docs", page), encoding="utf-8") as file:
            sections = re.split(r"^###+ ", file.read(), flags=re.MULTILINE)
        for section in sections:
            title = re.sub(r"\W+", "_", section.split("\n")[0].split(" (")[0]).strip("_")
            for number, code in enumerate(code_blocks(section, "mlir")):
                yield pytest.param(page == "Passes.md", code, id=f"{title}_{number}")


@pytest.mark.parametrize("of_pass, code", list(examples()))
def test_example(of_pass, code):
    if not of_pass:
        done = parse(code)
        assert done.returncode == 0, f"{done.stderr}\n{code}"
        return
    command, before = code.split("\n", 1)
    assert command.startswith("// dpc-opt "), f"does not begin with its command:\n{code}"
    before, after = before.split("// becomes\n")
    done = opt(before, *shlex.split(command)[2:])
    assert done.returncode == 0, done.stderr
    line = missing(after, done.stdout)
    assert line is None, f"'{line}' is not in the output:\n{done.stdout}"


def test_pages_have_examples():
    assert len(list(examples())) > 60
