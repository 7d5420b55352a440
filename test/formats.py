# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""lit's test format for dpc: RUN-line tests, pytest files, GoogleTest binaries and
fuzz targets.

A module of its own because lit sends tests to worker processes by pickling
them, which a class defined inside lit.cfg.py does not survive.
"""
import os
import tempfile

import lit.formats
import lit.Test
import lit.util


class Mixed(lit.formats.ShTest):
    """RUN-line tests, plus pytest files, GoogleTest binaries and fuzz targets as one test each."""

    # Folders whose tests are the binaries of a folder of the build.
    BINARIES = {"unit-run": "unit", "fuzz-run": "fuzz"}
    # Folders of other tests whose inputs fuzz targets start from too.
    MORE_CORPUS = {"fuzz-onnx": ["Import"]}

    def getTestsInDirectory(self, suite, path_in_suite, lit_config, local_config):
        yield from super().getTestsInDirectory(suite, path_in_suite, lit_config, local_config)
        if len(path_in_suite) == 1 and path_in_suite[0] in self.BINARIES:
            binaries = self._binaries(local_config, path_in_suite[0])
            for name in sorted(os.listdir(binaries)) if os.path.isdir(binaries) else []:
                full = os.path.join(binaries, name)
                if os.access(full, os.X_OK) and os.path.isfile(full):
                    yield lit.Test.Test(suite, path_in_suite + (name,), local_config)

    def getTestsForPath(self, suite, path_in_suite, lit_config, local_config):
        if path_in_suite[-1].startswith("test_") and path_in_suite[-1].endswith(".py"):
            yield lit.Test.Test(suite, path_in_suite, local_config)
        else:
            yield from super().getTestsForPath(suite, path_in_suite, lit_config, local_config)

    def execute(self, test, lit_config):
        name = test.path_in_suite[-1]
        if name.startswith("test_") and name.endswith(".py"):
            # A test that has not ended after ten minutes is named, with where it stands.
            command = [test.config.python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=600", test.getSourcePath()]
            return self._run(test.config, command, lit_config)
        if test.path_in_suite[0] == "unit-run":
            return self._run(test.config, [os.path.join(self._binaries(test.config, "unit-run"), name), "--gtest_brief=1"], lit_config)
        if test.path_in_suite[0] == "fuzz-run":
            return self._fuzz(test.config, name, lit_config)
        return super().execute(test, lit_config)

    def _fuzz(self, config, name, lit_config):
        """A fuzz target from its corpus for some seconds; what it finds new is thrown away."""
        folder, source = self._binaries(config, "fuzz-run"), os.path.join(config.dpc_source_dir, "test")
        corpus = os.path.join(source, "fuzz", "corpus", name.removeprefix("fuzz-"))
        more = [os.path.join(source, other) for other in self.MORE_CORPUS.get(name, ())]
        seconds = os.environ.get("DPC_FUZZ_SECONDS", "20")
        with tempfile.TemporaryDirectory() as scratch:
            found = os.path.join(scratch, "found")
            os.mkdir(found)
            command = ["env", f"TMPDIR={scratch}", os.path.join(folder, name), f"-max_total_time={seconds}", "-timeout=30", "-rss_limit_mb=4096",
                       "-print_final_stats=1", f"-artifact_prefix={os.path.join(folder, name)}-"]
            if os.path.exists(corpus + ".dict"):
                command.append(f"-dict={corpus}.dict")
            return self._run(config, [*command, found, corpus, *more], lit_config)

    def _binaries(self, config, folder):
        return os.path.join(config.dpc_build_dir, "test", self.BINARIES[folder])

    @staticmethod
    def _run(config, command, lit_config):
        env = dict(os.environ, PATH=config.environment["PATH"], DPC_SOURCE_DIR=config.dpc_source_dir,
                   DPC_BUILD_DIR=config.dpc_build_dir, PYTHONDONTWRITEBYTECODE="1", DPC_PYTHON=config.python)
        try:
            out, err, code = lit.util.executeCommand(command, env=env, timeout=lit_config.maxIndividualTestTime or 0)
        except lit.util.ExecuteCommandTimeoutException as e:
            return lit.Test.TIMEOUT, f"{e.out}{e.err}\nended after {lit_config.maxIndividualTestTime} seconds: {' '.join(command)}"
        return (lit.Test.PASS if code == 0 else lit.Test.FAIL), out + err
