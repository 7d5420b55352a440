# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How lit finds and runs dpc's tests.

.mlir, .onnxtxt and .test files are RUN-line tests; test_*.py are pytest files,
one lit test each; every GoogleTest binary under build/test/unit is one test.
"""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(__file__))
import formats

config.name = "dpc"
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.dpc_build_dir, "test")
config.suffixes = [".mlir", ".onnxtxt", ".test"]
config.excludes = ["Inputs", "corpus", "exported", "lit.cfg.py", "models", "pytorch", "schedules", "unit"]
config.test_format = formats.Mixed(execute_external=False)

bin_dir = os.path.join(config.dpc_build_dir, "bin")
path = os.pathsep.join([bin_dir, config.llvm_tools_dir, os.environ.get("PATH", "")])
config.environment["PATH"] = path
config.environment["DPC_BUILD_DIR"] = config.dpc_build_dir
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%source", config.dpc_source_dir))

# Cubins are made where there is a ptxas.
if "DPC_PTXAS" in os.environ:
    config.environment["DPC_PTXAS"] = os.environ["DPC_PTXAS"]
_cuda_test = os.path.join(bin_dir, "dpc-cuda-test")
if os.path.exists(_cuda_test):
    _found = subprocess.run([_cuda_test, "--find-ptxas"], env=dict(os.environ, PATH=path), capture_output=True, text=True)
    if _found.stdout.strip():
        config.available_features.add("ptxas")
