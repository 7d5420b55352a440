"""lit's test format for dpc: RUN-line tests, pytest files and GoogleTest binaries.

A module of its own because lit sends tests to worker processes by pickling
them, which a class defined inside lit.cfg.py does not survive.
"""
import os

import lit.formats
import lit.Test
import lit.util


class Mixed(lit.formats.ShTest):
    """RUN-line tests, plus pytest files and GoogleTest binaries as one test each."""

    def getTestsInDirectory(self, suite, path_in_suite, lit_config, local_config):
        yield from super().getTestsInDirectory(suite, path_in_suite, lit_config, local_config)
        source = suite.getSourcePath(path_in_suite)
        for name in sorted(os.listdir(source)) if os.path.isdir(source) else []:
            if name.startswith("test_") and name.endswith(".py"):
                yield lit.Test.Test(suite, path_in_suite + (name,), local_config)
        if path_in_suite == ("unit-run",):
            binaries = self._binaries(local_config)
            for name in sorted(os.listdir(binaries)) if os.path.isdir(binaries) else []:
                full = os.path.join(binaries, name)
                if os.access(full, os.X_OK) and os.path.isfile(full):
                    yield lit.Test.Test(suite, path_in_suite + (name,), local_config)

    def execute(self, test, lit_config):
        name = test.path_in_suite[-1]
        if name.startswith("test_") and name.endswith(".py"):
            # A test that has not ended after ten minutes is named, with where it stands.
            command = [test.config.python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=600", test.getSourcePath()]
            return self._run(test.config, command, lit_config)
        if test.path_in_suite[0] == "unit-run":
            return self._run(test.config, [os.path.join(self._binaries(test.config), name), "--gtest_brief=1"], lit_config)
        return super().execute(test, lit_config)

    @staticmethod
    def _binaries(config):
        return os.path.join(config.dpc_build_dir, "test", "unit")

    @staticmethod
    def _run(config, command, lit_config):
        env = dict(os.environ, PATH=config.environment["PATH"], DPC_SOURCE_DIR=config.dpc_source_dir,
                   DPC_BUILD_DIR=config.dpc_build_dir, PYTHONDONTWRITEBYTECODE="1", DPC_PYTHON=config.python)
        try:
            out, err, code = lit.util.executeCommand(command, env=env, timeout=lit_config.maxIndividualTestTime or 0)
        except lit.util.ExecuteCommandTimeoutException as e:
            return lit.Test.TIMEOUT, f"{e.out}{e.err}\nended after {lit_config.maxIndividualTestTime} seconds: {' '.join(command)}"
        return (lit.Test.PASS if code == 0 else lit.Test.FAIL), out + err
