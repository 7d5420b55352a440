# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""--target cuda:ARCHITECTURE: what an artifact for NVIDIA GPUs has, on a machine that has none."""
import json
import os
import pathlib
import re

import pytest

from commands import output, refuse
from test_convolution import model as convolution
from test_models import MODELS

MLP = pathlib.Path(os.environ["DPC_SOURCE_DIR"]) / "docs" / "mlp.onnxtxt"
OPTIONS = ["--init", "seed:1", "--optimizer", "adamw", "--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--force"]


def compiled(path, *targets, model=MLP, options=OPTIONS, **more):
    flags = [word for target in targets for word in ("--target", target)]
    said = output("dpc", "compile", model, "-o", path, *options, *flags, **more)
    return said, json.loads((path / "manifest.json").read_text())


@pytest.fixture(scope="module")
def ptxas(tmp_path_factory):
    """Whether this machine has one, as the compiler finds it."""
    return "PTX alone" not in compiled(tmp_path_factory.mktemp("one") / "m.dpc", "cuda:sm_90")[0]


def test_architectures_share_programs_and_one_table(tmp_path, ptxas):
    _, manifest = compiled(tmp_path / "two.dpc", "cuda:sm_80", "cuda:sm_90")
    targets = manifest["targets"]
    assert {t["device"] for t in targets} == {"cuda"} and {t["table"] for t in targets} == {"kernels/cuda.table"}
    # What a device takes first comes first: the newest that it runs, PTX last.
    cubins = ["kernels/sm_90.cubin", "kernels/sm_80.cubin"] if ptxas else []
    assert [t["file"] for t in targets] == [*cubins, "kernels/compute_80.ptx"]
    for cubin in cubins:
        assert (tmp_path / "two.dpc" / cubin).read_bytes()[:4] == b"\x7fELF"
    ptx = (tmp_path / "two.dpc" / "kernels" / "compute_80.ptx").read_text()
    assert ".target sm_80" in ptx and ".version 8.0" in ptx
    # Every kernel of the programs is a function of the code.
    kernels = set(re.findall(r"^  (k_\w+)\(", output("dpc", "inspect", tmp_path / "two.dpc"), re.M))
    assert kernels and all(re.search(rf"\.entry {kernel}(_\w+)?\(", ptx) for kernel in kernels)


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        compiled(tmp_path / f"{name}.dpc", "cuda:sm_90", "cuda:sm_100")
    for file in sorted((tmp_path / "a.dpc" / "kernels").iterdir()):
        assert file.read_bytes() == (tmp_path / "b.dpc" / "kernels" / file.name).read_bytes(), file.name


def test_an_artifact_goes_where_one_works(tmp_path):
    """A path from the working folder means that folder for ptxas' files, too."""
    output("dpc", "compile", MLP, "-o", "m.dpc", *OPTIONS, "--target", "cuda:sm_90", cwd=tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.dpc"]


def test_without_ptxas_there_is_ptx_alone(tmp_path):
    said, manifest = compiled(tmp_path / "ptx.dpc", "cuda:sm_90", env={**os.environ, "DPC_PTXAS": ""})
    assert "no ptxas was found" in said and "compiles at load" in said
    assert [t["file"] for t in manifest["targets"]] == ["kernels/compute_90.ptx"]


def test_inspect_says_how_kernels_are_launched(tmp_path, ptxas):
    compiled(tmp_path / "m.dpc", "cuda:sm_90")
    page = output("dpc", "inspect", tmp_path / "m.dpc", "--rank", 0)
    line = r"^    k_\w+: \d+ blocks? of \d+ threads, [0-9.]+ \w+ shared" + (r"; sm_90 \d+ registers$" if ptxas else "$")
    assert len(re.findall(line, page, re.M)) >= len(re.findall(r"^  k_\w+\(", page, re.M))


def test_sums_of_collectives_are_functions_too(tmp_path, ptxas):
    compiled(tmp_path / "m.dpc", "cuda:sm_90")
    page = output("dpc", "inspect", tmp_path / "m.dpc", "--rank", 0)
    # Mirrors are two ranks, the norm's sum is of all; both are summed in f32.
    assert re.search(r"^sums\n  2 of f32\n    sum_f32_2: 2048 blocks of 256 threads", page, re.M)
    assert ".entry sum_f32_2(" in (tmp_path / "m.dpc" / "kernels" / "compute_90.ptx").read_text()
    # A group is at all coordinates of dp, so it has four members here.
    compiled(tmp_path / "four.dpc", "cuda:sm_90", options=[*OPTIONS, "--dp", 2])
    assert "\n  4 of f32\n    sum_f32_4: " in output("dpc", "inspect", tmp_path / "four.dpc", "--rank", 0)
    # Nothing is summed on processors by such.
    output("dpc", "compile", MLP, "-o", tmp_path / "cpu.dpc", *OPTIONS)
    assert "\nsums\n" not in output("dpc", "inspect", tmp_path / "cpu.dpc", "--rank", 0)


def test_more_ranks_than_a_sum_takes_are_refused(tmp_path):
    options = ["--init", "seed:1", "--optimizer", "sgd", "--pp", 1, "--micro-batches", 1, "--dp", 511, "--force"]
    refuse(3, ["adds the values of 511 ranks, more than the 510 that a CUDA device adds at once"],
           "dpc", "compile", MLP, "-o", tmp_path / "x.dpc", *options, "--target", "cuda:sm_90")


def test_the_output_may_be_named_from_where_one_is(tmp_path):
    output("dpc", "compile", MLP, "-o", "m.dpc", *OPTIONS, "--target", "cuda:sm_90", cwd=tmp_path)
    assert (tmp_path / "m.dpc" / "manifest.json").exists()


@pytest.mark.parametrize("model", ["gpt2", "moe"])
@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_models_use_no_stack_and_spill_nothing(tmp_path, ptxas, model, precision):
    if not ptxas:
        pytest.skip("there is no ptxas")
    loss = json.loads((MODELS / f"{model}.json").read_text())["loss"]
    options = ["--loss", loss, "--optimizer", "adamw", "--pp", 2, "--micro-batches", 4, "--schedule", "dualpipe", "--precision", precision, "--force"]
    compiled(tmp_path / "m.dpc", "cuda:sm_80", "cuda:sm_90", "cuda:sm_100", model=MODELS / f"{model}.onnx", options=options)
    page = output("dpc", "inspect", tmp_path / "m.dpc")
    assert "sm_100" in page and "spilled" not in page


def test_what_cannot_be(tmp_path):
    refuse(2, ["--target cuda:sm_90 and --target cpu", "one kind of device"],
           "dpc", "compile", MLP, "-o", tmp_path / "x.dpc", *OPTIONS, "--target", "cuda:sm_90", "--target", "cpu")
    refuse(2, ["--target cuda", "this build compiles for"], "dpc", "compile", MLP, "-o", tmp_path / "x.dpc", *OPTIONS, "--target", "cuda")
    # cuBLASLt has no convolutions.
    convolution(tmp_path / "conv.onnx", "f32", 2)
    refuse(3, ["node 'stem' is a convolution, which is not computed on CUDA devices", "node 'mid'", "--target cpu"],
           "dpc", "compile", tmp_path / "conv.onnx", "-o", tmp_path / "x.dpc", "--optimizer", "sgd", "--target", "cuda:sm_90")
    assert not (tmp_path / "x.dpc").exists()


def test_a_processor_does_not_run_it(tmp_path):
    compiled(tmp_path / "m.dpc", "cuda:sm_90")
    refuse(10, ["was not compiled for device 'cpu' but for", "cuda"], "dpc", "run", tmp_path / "m.dpc", "--data", "synthetic:1", "--steps", 1, "--lr", 0.1)
