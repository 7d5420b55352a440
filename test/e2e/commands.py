# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Commands that tests run: that they ended as they should, and what they said."""
import subprocess


def call(*command, **more):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, **more)


def said(done):
    return done.stderr + done.stdout


def ended(done, status, *words):
    """Asserts that the command ended with this status and said these words; what it said."""
    assert done.returncode == status, f"{' '.join(done.args)}\nexit {done.returncode}\n{said(done)}"
    for word in words:
        assert word in said(done), f"'{word}' is not in\n{said(done)}"
    return said(done)


def execute(*command, status=0, words=(), **more):
    done = call(*command, **more)
    ended(done, status, *words)
    return done


def output(*command, **more):
    """The standard output alone."""
    return execute(*command, **more).stdout


def expect(*command, **more):
    return said(execute(*command, **more))


def succeed(*command, **more):
    return expect(*command, **more)


def refuse(status, words, *command):
    return expect(*command, status=status, words=words)
