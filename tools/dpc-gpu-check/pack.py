# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the folder that `scripts/gpu-check pack DIR` promises: the runtime, artifacts, what they should compute, and plan.json, which
says what is done with them (Plan.h). Expected values are those of the CPU target, computed here."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import xxhash
from safetensors.numpy import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "test" / "benchmark"))
import gpt2  # noqa: E402
import wide  # noqa: E402

MODELS = ["gpt2", "llama", "bert", "moe"]
# How far from the CPU's values a run may be; in bf16 a sum in another order rounds otherwise.
FAR = {"f32": {"loss": 1e-5, "gradient": 2e-5, "weight": 1e-5}, "bf16": {"loss": 1e-2, "gradient": 5e-2, "weight": 1e-2}}
LAYOUTS = [(1, "1f1b"), (2, "dualpipe"), (4, "zb-h1")]
TRAIN = ["--data", "synthetic:1", "--steps", "3", "--lr", "0.01"]
LIMIT = 40 << 20


class Packer:
    def __init__(self, build, folder, device, architectures, twins):
        self.build, self.folder, self.device, self.twins = build, folder, device, twins
        self.targets = architectures if device == "cuda" else ["cpu"]
        self.checks = []

    def call(self, *command, **more):
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout}{done.stderr}")

    def compile(self, model, artifact, *flags, targets=None, environment=None):
        path = self.folder / artifact
        path.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as code:
            kept = ["--dump-device-code", code] if self.twins else []
            self.call(self.build / "bin" / "dpc", "compile", model, "-o", path, *flags, *kept, *(f"--target={t}" for t in targets or self.targets),
                      env={**os.environ, **(environment or {})})
            if self.twins:
                self.call(self.build / "bin" / "dpc-cuda-twins", path, code, "-o", self.twins)
        self.slim(path)
        return artifact

    @staticmethod
    def slim(path):
        """Leaves out what only `dpc verify` reads, and PTX where a cubin runs on the GPU in question."""
        manifest = json.loads((path / "manifest.json").read_text())
        needless = {"module.mlirbc", "step.mlirbc"}
        if any(target["file"].endswith(".cubin") for target in manifest["targets"]):
            needless |= {target["file"] for target in manifest["targets"] if target["file"].endswith(".ptx")}
            manifest["targets"] = [target for target in manifest["targets"] if target["file"] not in needless]
            (path / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        for name in needless:
            (path / name).unlink(missing_ok=True)
        kept = [name for _, name in (line.split("  ") for line in (path / "XXH128SUMS").read_text().splitlines()) if name not in needless]
        (path / "XXH128SUMS").write_text("".join(f"{xxhash.xxh3_128_hexdigest((path / name).read_bytes())}  {name}\n" for name in kept))

    def check(self, part, name, kind, **more):
        self.checks.append({"part": part, "name": name, "kind": kind, **more})
        return name

    def add_runtime(self):
        self.call("cmake", "--install", self.build, "--component", "runtime", "--prefix", self.folder, "--strip")
        for unneeded in ("include", "lib/python3", "share"):
            shutil.rmtree(self.folder / unneeded, ignore_errors=True)
        shutil.copy(self.build / "bin" / "dpc-gpu-check", self.folder / "bin")
        self.call("strip", self.folder / "bin" / "dpc-gpu-check")
        run = self.folder / "run"
        run.write_text('#!/bin/sh\n# Checks and measures dpc on the GPU of this machine: run REPORT.json\nexec "$(dirname "$0")/bin/dpc-gpu-check" "$@"\n')
        run.chmod(0o755)

    def add_versions(self):
        self.check("versions", "what the machine has", "versions")

    def expect(self, model, precision, scratch):
        """What the CPU computes: losses, gradients of the first step and weights behind the last."""
        name = f"expected/{model}-{precision}"
        artifact = scratch / "cpu.dpc"
        self.call(self.build / "bin" / "dpc", "compile", ROOT / "test" / "models" / f"{model}.onnx", "-o", artifact, "--force", "--pp", 1,
                  "--micro-batches", 8, "--schedule", "1f1b", "--optimizer", "sgd", "--precision", precision, "--target", "cpu")
        self.call(self.build / "bin" / "dpc-run", artifact, *TRAIN, "--dump", scratch / "dump", "--checkpoint", "none")
        (self.folder / name).mkdir(parents=True)
        for step, left_out in ((1, "param/"), (3, "grad/")):
            file = f"step-{step}.safetensors"
            save_file({key: value for key, value in load_file(scratch / "dump" / file).items() if not key.startswith(left_out)}, self.folder / name / file)
        shutil.rmtree(scratch / "dump")
        return name

    def add_models(self, models, precisions, scratch):
        for precision in precisions:
            for model in models:
                expected = self.expect(model, precision, scratch)
                # In bf16 the ends are enough; the folder has its limit.
                for pp, schedule in LAYOUTS if precision == "f32" else LAYOUTS[::2]:
                    artifact = self.compile(ROOT / "test" / "models" / f"{model}.onnx", f"artifacts/{model}-{precision}-{pp}.dpc", "--pp", pp,
                                            "--micro-batches", 8, "--schedule", schedule, "--optimizer", "sgd", "--precision", precision)
                    self.check("models", f"{model} {precision}, {schedule}, pp {pp}", "run", artifact=artifact, flags=TRAIN, expected=expected,
                               **FAR[precision])

    def add_bits(self, models):
        """Ways to run an artifact that must not change a bit."""
        for model in models:
            as_enqueued, artifact = f"{model} f32, dualpipe, pp 2", f"artifacts/{model}-f32-2.dpc"
            ways = [("bits", "as a graph", ["--cuda-graphs"])]
            if self.device == "cuda":
                ways.append(("bits", "in one queue", ["--seed-order", "0,policy=serial"]))
                ways += [("delays", f"with delays of seed {seed}", ["--seed-order", str(seed)]) for seed in range(1, 5)]
            for part, how, flags in ways:
                self.check(part, f"{as_enqueued}, {how}", "run", artifact=artifact, flags=TRAIN + flags, same_as=as_enqueued)
        if self.device == "cuda":
            artifact = self.compile(ROOT / "test" / "models" / "gpt2.onnx", "artifacts/gpt2-ptx.dpc", "--pp", 2, "--micro-batches", 8, "--schedule",
                                    "dualpipe", "--optimizer", "sgd", targets=["cuda:sm_80"], environment={"DPC_PTXAS": ""})
            self.check("ptx", "gpt2, compiled by the driver", "run", artifact=artifact, flags=TRAIN, expected="expected/gpt2-f32", **FAR["f32"])

    def add_sanitizer(self):
        if self.device != "cuda":
            return
        artifact = self.compile(ROOT / "docs" / "mlp.onnxtxt", "artifacts/mlp.dpc", "--init", "seed:1", "--pp", 2, "--micro-batches", 4, "--schedule",
                                "1f1b", "--optimizer", "sgd")
        for tool in ("memcheck", "racecheck"):
            self.check("sanitizer", f"compute-sanitizer's {tool}", "program", optional=True, seconds=60, needs=20,
                       command=["compute-sanitizer", "--tool", tool, "--error-exitcode", "9", "@bin/dpc-run", "@" + artifact, "--device", "cuda", "--data",
                                "synthetic:1", "--steps", "2", "--lr", "0.1", "--checkpoint", "none"])

    def add_speed(self, size, edge, scratch):
        folder = scratch / "wide"
        folder.mkdir()
        artifact = self.compile(wide.write(folder, edge), "artifacts/wide.dpc", "--pp", 1, "--micro-batches", 1, "--schedule", "1f1b", "--optimizer",
                                "sgd", "--init", "seed:1")
        self.check("rates", f"kernels over {edge} x {edge}, f32", "rates", artifact=artifact, seconds=30, needs=5)
        model = gpt2.write(scratch, size, steps=1)
        what = f"GPT-2 of {size.layers} layers, {size.width} wide, {size.sequence} tokens, {size.batch * size.micro_batches} sequences a step"
        for precision in FAR:
            artifact = self.compile(model, f"artifacts/large-{precision}.dpc", "--pp", 1, "--micro-batches", size.micro_batches, "--schedule", "1f1b",
                                    "--optimizer", "adamw", "--precision", precision, "--init", "seed:1")
            self.check("rates", f"kernels and products of {what}, {precision}", "rates", artifact=artifact, seconds=20, needs=5)
            for how, flags in (("", []), (", as a graph", ["--cuda-graphs"])):
                self.check("steps", f"{what}, {precision}{how}", "step", artifact=artifact, seconds=40, needs=10,
                           flags=["--data", "synthetic:1", "--steps", "12", "--lr", "1e-4", "--trace", "/dev/null", "--trace-steps", "11:12", *flags])
        if self.device != "cuda":
            return
        shutil.copy(ROOT / "tools" / "dpc-gpu-check" / "pytorch.py", self.folder)
        numbers = [str(n) for n in (size.layers, size.width, size.heads, size.sequence, size.vocabulary, size.batch, size.micro_batches)]
        for precision in FAR:
            for how in ("eager", "compiled"):
                self.check("pytorch", f"PyTorch, {how}, {precision}: {what}", "program", optional=True, seconds=60, needs=15,
                           command=["python3", "@pytorch.py", how, precision, *numbers])

    def write(self):
        plan = {"device": self.device, "seconds": 350, "checks": self.checks}
        (self.folder / "plan.json").write_text(json.dumps(plan, indent=1) + "\n")
        size = sum(f.stat().st_size for f in self.folder.rglob("*") if f.is_file())
        print(f"{self.folder}: {size / 1e6:.1f} MB, {len(self.checks)} checks; on the machine with the GPU: {self.folder.name}/run REPORT.json")
        if size > LIMIT:
            sys.exit(f"the folder is larger than {LIMIT / 1e6:.0f} MB")


def main():
    parser = argparse.ArgumentParser(prog="scripts/gpu-check pack", description="Make a folder that checks and measures dpc on a machine with a GPU")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="the build whose runtime and compiler are taken")
    parser.add_argument("--architecture", action="append", help="of the cubins, as in cuda:sm_90, which is the default; PTX is there anyway")
    parser.add_argument("--device", choices=["cuda", "virtual"], default="cuda", help="virtual: to try the folder itself, on any machine")
    parser.add_argument("--twins", type=pathlib.Path, help="folder for what the emulator of dpc's tests executes in place of the device code")
    parser.add_argument("--small", action="store_true", help="one model, and a small one to measure")
    options = parser.parse_args()
    if options.folder.exists():
        sys.exit(f"{options.folder} is there already")
    options.folder.mkdir(parents=True)
    packer = Packer(options.build.resolve(), options.folder.resolve(), options.device, options.architecture or ["cuda:sm_90"],
                    options.twins and options.twins.resolve())
    models, precisions = (["gpt2"], ["f32"]) if options.small else (MODELS, list(FAR))
    size = gpt2.Size(layers=2, width=64, heads=2, sequence=32, vocabulary=256) if options.small else gpt2.Size(layers=12, width=768, heads=12, sequence=1024, vocabulary=50257, batch=4, micro_batches=4)
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        packer.add_runtime()
        packer.add_versions()
        packer.add_models(models, precisions, scratch)
        packer.add_bits([m for m in ("gpt2", "moe") if m in models])
        packer.add_sanitizer()
        packer.add_speed(size, 256 if options.small else 4096, scratch)
        packer.write()


if __name__ == "__main__":
    main()
