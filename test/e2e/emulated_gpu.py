# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs of --device cuda on a machine without a GPU: on the emulated driver and cuBLASLt of test/emulator, which execute the artifact's
device code. No result of it is a GPU's."""
import os
import pathlib
import shutil

import pytest

from commands import output

LIBRARIES = pathlib.Path(os.environ["DPC_BUILD_DIR"]) / "test" / "cuda" / "emulator"
needs_emulator = pytest.mark.skipif(not shutil.which("dpc-cuda-twins"), reason="this build has no emulator")


class EmulatedGpu:
    """Artifacts of a folder, and what executes their device code."""

    def __init__(self, folder, architecture="sm_90"):
        self.folder, self.architecture = folder, architecture
        self.twins = folder / "twins"

    def compile(self, model, artifact, *options):
        """An artifact for the GPU, with what the emulator needs of it."""
        code = self.folder / "code"
        shutil.rmtree(code, ignore_errors=True)
        output("dpc", "compile", model, "-o", artifact, "--force", "--target", f"cuda:{self.architecture}", "--dump-device-code", code, *options)
        output("dpc-cuda-twins", artifact, code, "-o", self.twins)
        return artifact

    def environment(self, *emulator, gpu=None):
        """`emulator`: parts of DPC_CUDA_EMULATOR, as test/emulator/cuda/driver/Options.h lists them."""
        return {**os.environ, "DPC_CUDA_LIBRARIES": str(LIBRARIES), "DPC_CUDA_EMULATOR_TWINS": str(self.twins),
                "DPC_CUDA_EMULATOR": ",".join([f"gpu={gpu or self.architecture}", *map(str, emulator)])}
