"""How lit finds and runs dpc's tests.

.mlir, .onnxtxt and .test files are RUN-line tests; test_*.py are pytest files,
one lit test each; every GoogleTest binary under build/test/unit is one test.
"""
import os
import lit.formats

config.name = "dpc"
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.dpc_build_dir, "test")
config.suffixes = [".mlir", ".onnxtxt", ".test"]
config.excludes = ["Inputs", "lit.cfg.py", "models", "schedules", "unit"]

bin_dir = os.path.join(config.dpc_build_dir, "bin")
path = os.pathsep.join([bin_dir, config.llvm_tools_dir, os.environ.get("PATH", "")])


class Mixed(lit.formats.ShTest):
    """RUN-line tests, plus pytest files and GoogleTest binaries as one test each."""

    def getTestsInDirectory(self, suite, path_in_suite, lit_config, local_config):
        yield from super().getTestsInDirectory(suite, path_in_suite, lit_config, local_config)
        source = suite.getSourcePath(path_in_suite)
        for name in sorted(os.listdir(source)) if os.path.isdir(source) else []:
            if name.startswith("test_") and name.endswith(".py"):
                yield lit.Test.Test(suite, path_in_suite + (name,), local_config)
        if path_in_suite == ("unit-run",):
            binaries = os.path.join(config.dpc_build_dir, "test", "unit")
            for name in sorted(os.listdir(binaries)) if os.path.isdir(binaries) else []:
                full = os.path.join(binaries, name)
                if os.access(full, os.X_OK) and os.path.isfile(full):
                    yield lit.Test.Test(suite, path_in_suite + (name,), local_config)

    def execute(self, test, lit_config):
        name = test.path_in_suite[-1]
        if name.startswith("test_") and name.endswith(".py"):
            return self._run([config.python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test.getSourcePath()])
        if test.path_in_suite[0] == "unit-run":
            return self._run([os.path.join(config.dpc_build_dir, "test", "unit", name), "--gtest_brief=1"])
        return super().execute(test, lit_config)

    def _run(self, command):
        env = dict(os.environ, PATH=path, DPC_SOURCE_DIR=config.dpc_source_dir, DPC_BUILD_DIR=config.dpc_build_dir,
                   PYTHONDONTWRITEBYTECODE="1", DPC_PYTHON=config.python)
        out, err, code = lit.util.executeCommand(command, env=env)
        return (lit.Test.PASS if code == 0 else lit.Test.FAIL), out + err


config.test_format = Mixed(True)
config.environment["PATH"] = path
config.environment["DPC_BUILD_DIR"] = config.dpc_build_dir
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%source", config.dpc_source_dir))
