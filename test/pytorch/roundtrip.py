#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a module to a file, to trained weights, and back into the module, held against eager PyTorch.

Run by hand, since it needs PyTorch, transformers, onnx, onnxscript, onnxruntime and safetensors:

    PYTHONPATH=build/python PATH=build/bin:$PATH PYTHON test/pytorch/roundtrip.py [MODEL ...] [--keep FOLDER] [--fixtures]

For each model of models.py: `dpc.export`, `dpc compile`, 20 steps of `dpc run` with AdamW, `dpc verify`, and
`dpc export` as a state dict and as a graph. Then
  - every loss of the 20 steps is within 1e-5 (relative) of float64 PyTorch's, or within four times the
    distance between PyTorch's own float32 and float64;
  - a new module takes the state dict with strict=True, and has the loss that dpc's step 21 has;
  - onnxruntime has the same loss to 1e-5 with the exported graph.
Without transformers (in an old environment) its models are left out. --fixtures writes what the project's
tests use: test/exported/*.
"""
import argparse
import copy
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch

import dpc
import models

STEPS, MICRO_BATCHES, RATE = 20, 4, 1e-3


def command(*arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))}\nexit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def variants(args, count):
    """More micro-batches of the same shapes: integers are shuffled, numbers drawn anew."""
    generator = torch.Generator().manual_seed(1)

    def vary(value):
        if value.is_floating_point():
            return torch.randn(value.shape, generator=generator)
        return value.reshape(-1)[torch.randperm(value.numel(), generator=generator)].reshape(value.shape)

    rows = [args]
    for _ in range(count - 1):
        items = args.items() if isinstance(args, dict) else enumerate(args)
        row = {key: vary(value) for key, value in items}
        if isinstance(args, dict) and "input_ids" in row and torch.equal(args["labels"], args["input_ids"]):
            row["labels"] = row["input_ids"].clone()
        rows.append(row if isinstance(args, dict) else tuple(row.values()))
    return rows


def loss_of(module, args, loss):
    """The loss as the exporter takes it, and how many labels it is a mean over."""
    from dpc import _trace
    inputs = _trace.Inputs(module, args, loss)
    value = inputs.compute(module.forward, inputs.tensors)
    labels = next((tensor for name, tensor in inputs.tensors.items() if name in ("labels", "targets")))
    shifted = "input_ids" in inputs.tensors and not hasattr(module, "bert") and not getattr(getattr(module, "config", None), "is_encoder_decoder", False)
    counted = labels[..., 1:] if shifted else labels
    return value, int((counted >= 0).sum())


def prepared(module):
    from dpc import _trace
    return _trace.trainable_settings(module, None)


def eager_curve(module, rows, loss, dtype):
    """20 steps of AdamW over all micro-batches at once, the mean being over all labels."""
    module = copy.deepcopy(module).to(dtype)
    rows = [{k: v.to(dtype) if v.is_floating_point() else v for k, v in row.items()} if isinstance(row, dict)
            else tuple(v.to(dtype) if v.is_floating_point() else v for v in row) for row in rows]
    optimizer = torch.optim.AdamW(module.parameters(), lr=RATE)
    curve = []
    with prepared(module):
        for _ in range(STEPS):
            optimizer.zero_grad()
            parts = [loss_of(module, row, loss) for row in rows]
            total = sum(value * count for value, count in parts) / sum(count for _, count in parts)
            total.backward()
            optimizer.step()
            curve.append(float(total.detach()))
    return np.array(curve)


def evaluated(module, rows, loss):
    with torch.no_grad(), prepared(module):
        parts = [loss_of(module, row, loss) for row in rows]
    return float(sum(value * count for value, count in parts) / sum(count for _, count in parts))


def by_onnxruntime(path, rows, data, counts):
    import onnxruntime
    from safetensors.numpy import load_file
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    tensors = load_file(data)
    names = [i.name for i in session.get_inputs()]
    values = [float(session.run(None, {name: tensors[name][row] for name in names})[0]) for row in range(len(rows))]
    return sum(v * c for v, c in zip(values, counts)) / sum(counts)


def check(what, found, wanted, bound):
    ok = abs(found - wanted) <= bound
    print(f"  {'ok  ' if ok else 'FAIL'} {what}: {found:.7f} against {wanted:.7f}, {abs(found - wanted):.1e} of at most {bound:.1e}")
    return ok


def roundtrip(name, folder, exporter):
    made = models.MODELS[name]()
    module, args, loss = made if len(made) == 3 else (*made, None)
    rows = variants(args, MICRO_BATCHES)
    for old in folder.glob(f"{name}.*"):  # of an earlier time
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    model, data = folder / f"{name}.onnx", folder / f"{name}.safetensors"
    print(dpc.export(module, args, model, loss=loss, data=data, samples=rows, exporter=exporter))
    f32, f64 = (eager_curve(module, rows, loss, dtype) for dtype in (torch.float32, torch.float64))

    artifact, checkpoints = folder / f"{name}.dpc", folder / f"{name}.checkpoints"
    command("dpc", "compile", model, "-o", artifact, "--optimizer", "adamw", "--pp", 2, "--micro-batches", MICRO_BATCHES)
    command("dpc", "run", artifact, "--data", data, "--lr", RATE, "--steps", STEPS, "--epochs", 0, "--checkpoint", checkpoints, "--report", folder / "run.json")
    curve = np.array(json.loads((folder / "run.json").read_text())["losses"])
    bound = np.maximum(1e-5 * np.abs(f64), 4 * np.abs(f32 - f64))
    worst = int(np.argmax(np.abs(curve - f64) / bound))
    good = check(f"losses of {STEPS} steps, the worst of them (step {worst + 1})", curve[worst], f64[worst], bound[worst])
    said = command("dpc", "verify", artifact, "--data", data).strip().splitlines()
    print(f"  ok   {said[-1]}")

    weights, trained = folder / f"{name}.weights.safetensors", folder / f"{name}.trained.onnx"
    command("dpc", "export", artifact, "--checkpoint", checkpoints, "-o", weights)
    command("dpc", "export", artifact, "--checkpoint", checkpoints, "-o", trained)
    from safetensors.torch import load_file
    fresh = models.MODELS[name]()[0]
    for parameter in fresh.parameters():
        torch.nn.init.normal_(parameter)
    state = load_file(weights)
    assert list(state) == list(fresh.state_dict()), "keys in another order"
    print(f"  ok   load_state_dict(strict=True): {fresh.load_state_dict(state, strict=True)}")
    # What dpc computes with these weights: one more step, that starts from them.
    command("dpc", "run", artifact, "--data", data, "--lr", 0, "--steps", 1, "--init-weights", weights, "--checkpoint", "none", "--report", folder / "run.json")
    own = json.loads((folder / "run.json").read_text())["losses"][0]
    eager = evaluated(fresh, rows, loss)
    good &= check("loss of the loaded module, against dpc's", eager, own, 1e-5 * abs(own))
    with prepared(module):
        counts = [loss_of(module, row, loss)[1] for row in rows]
    good &= check("loss of onnxruntime, against PyTorch's", by_onnxruntime(trained, rows, data, counts), eager, 1e-5 * abs(eager))
    return good, {"losses": [float(x) for x in f64], "lr": RATE, "micro_batches": MICRO_BATCHES,
                  "state_dict": {key: list(value.shape) for key, value in module.state_dict().items()}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(models.MODELS)} (all)")
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for the files, which stay")
    parser.add_argument("--exporter", choices=["dynamo", "torchscript"])
    parser.add_argument("--fixtures", action="store_true", help="write test/exported for the models named")
    flags = parser.parse_args()
    folder = flags.keep or pathlib.Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in flags.models or models.MODELS:
        print(f"{name}, PyTorch {torch.__version__}")
        try:
            good, expected = roundtrip(name, folder, flags.exporter)
        except ModuleNotFoundError as error:
            print(f"  left out: {error}")
            continue
        if not good:
            failed.append(name)
        if flags.fixtures:
            target = pathlib.Path(__file__).parent.parent / "exported"
            target.mkdir(exist_ok=True)
            for file in (f"{name}.onnx", f"{name}.safetensors"):
                shutil.copy(folder / file, target / file)
            (target / f"{name}.json").write_text(json.dumps(expected, indent=1) + "\n")
    if not flags.keep:
        shutil.rmtree(folder)
    print(f"failed: {', '.join(failed)}" if failed else "all hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
