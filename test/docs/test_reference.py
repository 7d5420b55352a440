# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The generated reference in docs/ is what mlir-tblgen makes of the .td files."""
import difflib
import os
import subprocess
import sys

SOURCE = os.environ["DPC_SOURCE_DIR"]


def test_the_reference_is_up_to_date(tmp_path):
    subprocess.run([sys.executable, os.path.join(SOURCE, "scripts", "reference-docs"), str(tmp_path)], check=True)
    stale = []
    for path in sorted(tmp_path.rglob("*.md")):
        name = os.path.join("docs", str(path.relative_to(tmp_path)))
        committed = os.path.join(SOURCE, name)
        old = open(committed, encoding="utf-8").read() if os.path.exists(committed) else ""
        new = path.read_text(encoding="utf-8")
        if old != new:
            difference = list(difflib.unified_diff(old.splitlines(), new.splitlines(), name, "generated", lineterm="", n=1))
            stale.append("\n".join([f"{name} is not what the .td files say:", *difference[:20]]))
    assert not stale, "\n".join([*stale, "run cmake --build build --target dpc-docs"])
