# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `dpc.export` and `dpc.weights` refuse, and what they keep. Run by hand, where PyTorch is:

    PYTHONPATH=build/python PYTHON -m pytest -q -p no:cacheprovider test/pytorch/test_exporter.py
"""
import copy
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

import dpc
from dpc import _trace

EXPORTERS = ["torchscript"] + (["dynamo"] if _trace.version() >= (2, 6) else [])


@pytest.fixture(params=EXPORTERS)
def exporter(request):
    return request.param


def mlp():
    return nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.Tanh(), nn.LayerNorm(8), nn.Linear(8, 5))


X, Y = torch.randn(4, 8), torch.randint(0, 5, (4,))


def record(path):
    model = onnx.load(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return json.loads(metadata["dpc.state_dict"]), {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def test_equal_parameters_stay_apart(tmp_path, exporter):
    module = mlp()
    made = dpc.export(module, (X, Y), tmp_path / "m.onnx", loss="cross_entropy", exporter=exporter)
    entries, stored = record(tmp_path / "m.onnx")
    assert list(entries) == list(module.state_dict()) == made.parameters
    assert len({entry["initializer"] for entry in entries.values()}) == 8
    for key, value in module.state_dict().items():
        assert np.array_equal(stored[entries[key]["initializer"]], value.numpy())


def test_the_module_is_as_it_was(tmp_path, exporter):
    module = mlp().train()
    kind, state = type(module), copy.deepcopy(module.state_dict())
    dpc.export(module, (X, Y), tmp_path / "m.onnx", loss="cross_entropy", mode="eval", exporter=exporter)
    assert type(module) is kind and module.training and module[1].training
    assert all(torch.equal(state[key], value) for key, value in module.state_dict().items())
    assert module(X).shape == (4, 5)
    with pytest.raises(ValueError):
        dpc.export(module, (X, Y.float()), tmp_path / "m.onnx", loss="mse", exporter=exporter)
    assert type(module) is kind


@pytest.mark.parametrize("loss", [F.cross_entropy, nn.CrossEntropyLoss(), lambda output, target: F.cross_entropy(output, target), "cross_entropy"])
def test_losses(tmp_path, exporter, loss):
    module = mlp()
    made = dpc.export(module, (X, Y), tmp_path / "m.onnx", loss=loss, exporter=exporter)
    assert abs(made.loss - float(F.cross_entropy(module(X), Y))) < 1e-6 and list(made.inputs) == ["input", "labels"]


def test_targets_by_name(tmp_path, exporter):
    made = dpc.export(mlp(), {"input": X, "target": Y}, tmp_path / "m.onnx", loss="cross_entropy", exporter=exporter)
    assert list(made.inputs) == ["input", "target"]


@pytest.mark.parametrize("args, loss, words", [
    ((X,), None, "give loss="),
    ((X, Y), "mean", "there is no loss 'mean'"),
    ((X, Y), None, "takes 1 arguments"),
    ((X,), "cross_entropy", "takes the module's output and 1 targets"),
    ({"input": X, "y": Y}, None, "takes no y"),
    ((X, object()), "cross_entropy", "is a object"),
    ((X, Y), lambda output, target: output, "must be one number"),
    ((X[:, :3], Y), "cross_entropy", "the module fails on these arguments: RuntimeError"),
], ids=str)
def test_what_is_wrong_with_arguments(tmp_path, args, loss, words):
    with pytest.raises(ValueError, match=words):
        dpc.export(mlp(), args, tmp_path / "m.onnx", loss=loss)
    assert not list(tmp_path.iterdir())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.base, self.head, self.spare = nn.Linear(8, 8), nn.Linear(8, 5), nn.Linear(3, 3)
        self.base.requires_grad_(False)
        self.register_buffer("mean", torch.randn(8))
        self.register_buffer("scratch", torch.randn(8), persistent=False)
        self.register_buffer("steps", torch.tensor(7))

    def forward(self, x, labels):
        return {"loss": F.cross_entropy(self.head(torch.tanh(self.base(x - self.mean + self.scratch))), labels)}


def test_frozen_unused_and_buffers_are_recorded(tmp_path, exporter):
    module = Net()
    made = dpc.export(module, (X, Y), tmp_path / "m.onnx", exporter=exporter)
    assert made.parameters == ["head.weight", "head.bias"] and made.frozen == ["base.weight", "base.bias"] and made.unused == ["spare.weight", "spare.bias"]
    entries, stored = record(tmp_path / "m.onnx")
    assert list(entries) == list(module.state_dict())
    assert [key for key, entry in entries.items() if entry["trained"]] == ["head.weight", "head.bias", "spare.weight", "spare.bias"]
    assert [key for key, entry in entries.items() if entry["kind"] == "buffer"] == ["mean", "steps"]
    for key, value in module.state_dict().items():
        assert np.array_equal(stored[entries[key]["initializer"]], value.numpy()), key


def test_dropout_is_refused_and_the_way_out_works(tmp_path, exporter):
    module = nn.Sequential(nn.Linear(8, 5), nn.Dropout(0.5))
    with pytest.raises(ValueError, match="draws random numbers.*--mode eval"):
        dpc.export(module, (X, Y), tmp_path / "m.onnx", loss="cross_entropy", exporter=exporter)
    dpc.export(module, (X, Y), tmp_path / "m.onnx", loss="cross_entropy", mode="eval", exporter=exporter)
    assert "Dropout" not in [node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node] or exporter == "torchscript"


def test_batch_norm_keeps_the_batchs_statistics(tmp_path):
    module = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 5)).train()
    before = copy.deepcopy(module.state_dict())
    dpc.export(module, (X, Y), tmp_path / "m.onnx", loss="cross_entropy")
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())
    norm = next(node for node in onnx.load(tmp_path / "m.onnx").graph.node if node.op_type == "BatchNormalization")
    assert {a.name: a.i for a in norm.attribute}["training_mode"] == 1
    if "dynamo" in EXPORTERS:
        with pytest.raises(ValueError, match="batch"):
            dpc.export(module, (X, Y), tmp_path / "n.onnx", loss="cross_entropy", exporter="dynamo")


def test_convolutions_and_norms_are_not_fused(tmp_path, exporter):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 36, 5)).eval()
    module[1].running_mean.normal_()
    # PyTorch 2.6 cannot write this norm by its newer exporter, so that the choice is left open there.
    made = dpc.export(module, (torch.randn(2, 3, 8, 8), Y[:2]), tmp_path / "m.onnx", loss="cross_entropy", exporter=exporter if exporter == "torchscript" else None)
    assert made.parameters == ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]


def test_a_loss_that_the_exporter_changes_is_found(tmp_path):
    """The dynamo exporter leaves out label smoothing, without a word; the other refuses it."""
    pytest.importorskip("onnxruntime")
    with pytest.raises(ValueError, match="another loss|cannot export"):
        dpc.export(mlp(), (X, Y), tmp_path / "m.onnx", loss=nn.CrossEntropyLoss(label_smoothing=0.3))
    assert not list(tmp_path.iterdir())


def test_folded_parameters_are_named(tmp_path, monkeypatch):
    """With the exporter's optimizer on, which this package turns off, the proof fails."""
    if "dynamo" not in EXPORTERS:
        pytest.skip("the older exporter has no such optimizer")
    export = torch.onnx.export
    monkeypatch.setattr(torch.onnx, "export", lambda *args, **named: export(*args, **{**named, "optimize": True}))
    with pytest.raises(ValueError, match="'3.weight' is not in the graph"):
        dpc.export(mlp(), (X, Y), tmp_path / "m.onnx", loss="cross_entropy", exporter="dynamo")


def test_data_and_samples(tmp_path, exporter):
    from safetensors.numpy import load_file
    rows = [(torch.randn(4, 8), torch.randint(0, 5, (4,))) for _ in range(3)]
    dpc.export(mlp(), rows[0], tmp_path / "m.onnx", loss="cross_entropy", data=tmp_path / "d.safetensors", samples=rows, exporter=exporter)
    data = load_file(tmp_path / "d.safetensors")
    assert data["input"].shape == (3, 4, 8) and data["labels"].shape == (3, 4)
    assert np.array_equal(data["input"][2], rows[2][0].numpy())
    with pytest.raises(ValueError, match=r"samples\[1\]: input is"):
        dpc.export(mlp(), rows[0], tmp_path / "m.onnx", loss="cross_entropy", samples=[rows[0], (torch.randn(3, 8), Y[:3])])


def test_external_data(tmp_path, exporter):
    module = nn.Sequential(nn.Linear(8, 64), nn.Linear(64, 5))
    dpc.export(module, (X, Y), tmp_path / "m.onnx", loss="cross_entropy", external_data=True, exporter=exporter)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.onnx", "m.onnx.data"]
    _, stored = record(tmp_path / "m.onnx")
    assert np.array_equal(stored["0.weight"], module[0].weight.detach().numpy())


def test_a_compiled_module_and_other_objects(tmp_path):
    with pytest.raises(ValueError, match="scripted or traced"):
        dpc.export(torch.jit.trace(mlp(), X), (X, Y), tmp_path / "m.onnx", loss="cross_entropy")
    if hasattr(torch, "compile"):
        with pytest.raises(ValueError, match="torch.compile"):
            dpc.export(torch.compile(mlp()), (X, Y), tmp_path / "m.onnx", loss="cross_entropy")
    with pytest.raises(ValueError, match="not a torch.nn.Module"):
        dpc.export(lambda x: x, (X, Y), tmp_path / "m.onnx", loss="cross_entropy")
    with pytest.raises(ValueError, match="ends in .onnx"):
        dpc.export(mlp(), (X, Y), tmp_path / "m.pb", loss="cross_entropy")


def test_parameters_of_other_types_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"6 parameters are not float32 \('0.weight' is bfloat16\).*module.float\(\)"):
        dpc.export(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 5)).bfloat16(), (X.bfloat16(), Y), tmp_path / "m.onnx", loss="cross_entropy")


def command(*arguments, folder):
    return subprocess.run([sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True, cwd=folder, timeout=300)


def test_the_command(tmp_path):
    (tmp_path / "here.py").write_text("import torch\nfrom torch import nn\ndef make():\n    return nn.Linear(8, 5), (torch.randn(4, 8), torch.randint(0, 5, (4,)))\ndef wrong():\n    return 3\n")
    done = command("dpc.export", "here:make", "-o", "m.onnx", "--loss", "cross_entropy", "--data", "d.safetensors", folder=tmp_path)
    assert done.returncode == 0 and "2 parameters" in done.stdout, done.stderr
    assert (tmp_path / "m.onnx").exists() and (tmp_path / "d.safetensors").exists()
    for source, words in (("here:none", "has no function 'none'"), ("here", "is not package.module:function"), ("there:make", "cannot import 'there'"),
                          ("here:wrong", "returned a int"), ("there.py:make", "there is no file 'there.py'"), ("here:make", "forward takes 1 arguments (input), 2 are given")):
        done = command("dpc.export", source, "-o", "n.onnx", folder=tmp_path)
        assert done.returncode == 3 and words in done.stderr and "Traceback" not in done.stderr, done.stderr


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def test_weights(tmp_path):
    from safetensors.torch import load_file
    tied = nn.Linear(8, 8)
    module = nn.ModuleDict(dict(a=tied, b=tied, c=nn.BatchNorm1d(8)))
    module.half()
    torch.save(module.state_dict(), tmp_path / "w.pt")
    done = command("dpc.weights", "w.pt", "w.safetensors", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = load_file(tmp_path / "w.safetensors")
    assert sorted(module.state_dict()) == sorted(found) and all(torch.equal(found[key], value) for key, value in module.state_dict().items())
    torch.save({"state_dict": module.state_dict(), "epoch": 3}, tmp_path / "c.pt")
    done = command("dpc.weights", "c.pt", "x.safetensors", folder=tmp_path)
    assert done.returncode == 9 and "--key state_dict" in done.stderr
    assert command("dpc.weights", "c.pt", "x.safetensors", "--key", "state_dict", folder=tmp_path).returncode == 0
    torch.save(Evil(), tmp_path / "e.pt")
    done = command("dpc.weights", "e.pt", "y.safetensors", folder=tmp_path)
    assert done.returncode == 9 and "executed" not in done.stdout and "not loaded" in done.stderr
    done = command("dpc.weights", "none.pt", "y.safetensors", folder=tmp_path)
    assert done.returncode == 9 and "none.pt" in done.stderr and not (tmp_path / "y.safetensors").exists()
