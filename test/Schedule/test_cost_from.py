# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`--cost-from MODEL.dpc`: a model's costs out of its artifact, and what is no artifact."""
import copy
import json
import subprocess

import pytest


def schedule(*arguments, status=0):
    done = subprocess.run(["dpc", "schedule", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


MANIFEST = {
    "format": "dpc-artifact",
    "format_version": [4, 0],
    "forecast": {"step_s": 1, "costs": {
        "ranks": 2,
        "stages": [
            {"name": "s0", "forward_s": 0.001, "input_s": 0.001, "weight_s": 0.001, "output_bytes": 1000, "gradient_bytes": 0,
             "activation_bytes": 4000, "weight_bytes": 3000},
            {"name": "s1", "forward_s": 0.003, "input_s": 0.004, "weight_s": 0.002, "output_bytes": 0, "gradient_bytes": 1000,
             "activation_bytes": 8000, "weight_bytes": 5000},
        ],
    }},
}


def artifact(folder, manifest=MANIFEST, name="model.dpc"):
    path = folder / name
    path.mkdir(exist_ok=True)
    (path / "manifest.json").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return path


def changed(*keys, value=None, remove=False):
    manifest = copy.deepcopy(MANIFEST)
    at = manifest
    for key in keys[:-1]:
        at = at[key]
    if remove:
        del at[keys[-1]]
    else:
        at[keys[-1]] = value
    return manifest


def simulate(path, name, ranks, micro_batches, *arguments):
    return json.loads(schedule("simulate", name, "--pp", ranks, "--micro-batches", micro_batches, "--cost-from", path, "--format", "json", *arguments))


def test_the_stages_cost_what_the_model_says(tmp_path):
    got = simulate(artifact(tmp_path), "gpipe", 2, 3)
    # The second rank begins after the first forward and is never idle again.
    assert got["makespan"] == pytest.approx(0.001 + 3 * 0.003 + 3 * 0.006 + 0.002)
    assert got["peak_bytes"] == [3 * 4000, 3 * 8000]


def test_another_number_of_stages_divides_the_model(tmp_path):
    path = artifact(tmp_path)
    assert simulate(path, "1f1b", 1, 5)["makespan"] == pytest.approx(5 * 0.012)
    # One micro-batch goes through all of the model, however it is cut.
    for ranks in (2, 3, 4, 5):
        assert simulate(path, "1f1b", ranks, 1)["makespan"] == pytest.approx(0.012)
    # Four stages: two halves of the first and two of the second.
    idle = simulate(path, "1f1b", 4, 1)["idle"]
    assert idle == pytest.approx([0.012 - 0.0015] * 2 + [0.012 - 0.0045] * 2)


def test_links_and_pairs(tmp_path):
    path = artifact(tmp_path, changed("forecast", "costs", "link", value={"latency_s": 0.01, "bytes_per_s": 1e6}))
    assert simulate(path, "1f1b", 2, 1)["makespan"] == pytest.approx(0.012 + 2 * (0.01 + 0.001))
    assert simulate(path, "1f1b", 2, 1, "--link", "latency=0.5")["makespan"] == pytest.approx(0.012 + 2 * 0.5)
    quick = artifact(tmp_path, changed("forecast", "costs", "pairs_s", value=[[0.002, 0.005], [0.003, 0.006]]), name="quick.dpc")
    assert simulate(quick, "dualpipe", 2, 8)["makespan"] < simulate(artifact(tmp_path), "dualpipe", 2, 8)["makespan"]
    apart = artifact(tmp_path, changed("forecast", "costs", "pairs_s", value=[[0.003, 0.007], [0.005, 0.009]]), name="apart.dpc")
    assert simulate(apart, "dualpipe", 2, 8)["makespan"] == pytest.approx(simulate(artifact(tmp_path), "dualpipe", 2, 8)["makespan"])


def test_all_schedules_are_compared_with_the_models_costs(tmp_path):
    path = artifact(tmp_path)
    arguments = ["compare", "--pp", 4, "--micro-batches", 8, "--cost-from", path]
    comparison = json.loads(schedule(*arguments, "--format", "json"))
    assert comparison["costs"]["F"] == pytest.approx(0.001) and comparison["costs"]["I"] == pytest.approx(0.00125)
    rows = {row["schedule"]: row for row in comparison["schedules"]}
    for name in ("1f1b", "zb-h1", "dualpipe"):
        assert rows[name]["makespan"] == pytest.approx(simulate(path, name, 4, 8)["makespan"])
        assert rows[name]["peak_bytes"] == pytest.approx(max(simulate(path, name, 4, 8)["peak_bytes"]))
    text = schedule(*arguments)
    assert "all times in milliseconds" in text and "peak in bytes" in text and "  F    1  " in text


NO_ARTIFACT = [
    (changed("format", value="other"), "no manifest of an artifact"),
    ("[1, 2", "no manifest of an artifact"),
    ("[]", "no manifest of an artifact"),
    ("[" * 100000, "no manifest of an artifact"),
    (changed("format_version", value=[1, 0]), "has format version [1,0]; this dpc reads 4.x"),
    (changed("format_version", remove=True), "has format version null"),
    (changed("forecast", "costs", remove=True), "says nothing of costs"),
    (changed("forecast", remove=True), "says nothing of costs"),
    (changed("forecast", value=[]), "says nothing of costs"),
    (changed("forecast", "costs", value=3), "forecast.costs.stages is no list"),
    (changed("forecast", "costs", "stages", value=[]), "forecast.costs.stages is no list"),
    (changed("forecast", "costs", "stages", value=[3]), "forecast.costs.stages[0].forward_s is missing"),
    (changed("forecast", "costs", "stages", 1, "input_s", remove=True), "forecast.costs.stages[1].input_s is missing"),
    (changed("forecast", "costs", "stages", 1, "input_s", value=-1), "forecast.costs.stages[1].input_s is no number of at least 0"),
    (changed("forecast", "costs", "stages", 0, "weight_s", value="1"), "forecast.costs.stages[0].weight_s is no number"),
    (changed("forecast", "costs", "stages", 0, "output_bytes", value=[]), "forecast.costs.stages[0].output_bytes is no number"),
    (changed("forecast", "costs", "pairs_s", value=[[1, 2]]), "forecast.costs.pairs_s has not a time"),
    (changed("forecast", "costs", "pairs_s", value=[[1, 2], [3, None]]), "forecast.costs.pairs_s[1][1] is no number"),
    (changed("forecast", "costs", "link", value=7), "forecast.costs.link.latency_s is missing"),
    (changed("forecast", "costs", "link", value={"latency_s": 0, "bytes_per_s": 0}), "forecast.costs.link.bytes_per_s is 0"),
]


@pytest.mark.parametrize("manifest,words", NO_ARTIFACT)
def test_what_is_no_artifact_is_refused(tmp_path, manifest, words):
    path = artifact(tmp_path, manifest)
    for arguments in (["simulate", "1f1b"], ["compare"]):
        error = schedule(*arguments, "--pp", 2, "--cost-from", path, status=3)
        assert error.startswith("error: --cost-from: ") and words in error and error.count("\n") == 1


def test_a_file_of_costs_does_as_well(tmp_path):
    costs = MANIFEST["forecast"]["costs"]
    (tmp_path / "costs.json").write_text(json.dumps(costs))
    assert simulate(tmp_path / "costs.json", "1f1b", 2, 3) == simulate(artifact(tmp_path), "1f1b", 2, 3)
    for wrong, words in [(dict(costs, stages=[]), "costs.json': stages is no list"), ([costs], "no JSON of costs")]:
        (tmp_path / "costs.json").write_text(json.dumps(wrong))
        assert words in schedule("compare", "--cost-from", tmp_path / "costs.json", status=3)


def test_paths_that_are_no_artifact(tmp_path):
    assert "there is no" in schedule("compare", "--cost-from", tmp_path / "absent.dpc", status=3)
    (tmp_path / "file.dpc").write_text("x")
    assert "is no artifact" in schedule("compare", "--cost-from", tmp_path / "file.dpc", status=3)
    assert "is no artifact" in schedule("compare", "--cost-from", tmp_path, status=3)
    schedule("compare", "--cost-from", tmp_path, "--cost", "F=1", status=2)
