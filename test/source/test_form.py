# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How every source file is written: formatted by the tree's .clang-format, and with its
licence in the first line."""
import os
import subprocess

SOURCE = os.environ["DPC_SOURCE_DIR"]
LICENCE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
FORMATTED = (".cpp", ".h", ".c")
# Comments begin so, by the end of a file's name.
COMMENTS = {"// ": (".cpp", ".h", ".c", ".td", ".fbs", ".def", ".js"), "# ": (".py", ".cmake", "CMakeLists.txt")}
SCRIPTS = ("scripts", ".ci")


def files():
    for folder, folders, names in os.walk(SOURCE):
        folders[:] = sorted(name for name in folders if name == ".ci" or not name.startswith((".", "build", "__pycache__")))
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), SOURCE)


def test_formatted():
    paths = [path for path in files() if path.endswith(FORMATTED)]
    assert len(paths) > 400
    done = subprocess.run(["clang-format-22", "--dry-run", "-Werror", "--ferror-limit=1", *paths], cwd=SOURCE, capture_output=True, text=True)
    assert done.returncode == 0, f"`clang-format-22 -i` these:\n{done.stderr[-4000:]}"


def test_licence():
    missing = []
    for path in files():
        comment = next((comment for comment, ends in COMMENTS.items() if path.endswith(ends)), None)
        if comment is None and os.path.dirname(path) in SCRIPTS and "." not in os.path.basename(path):
            comment = "# "
        if comment is None:
            continue
        with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
            lines = [file.readline().rstrip("\n") for _ in range(2)]
        if lines[1 if lines[0].startswith("#!") else 0] != comment + LICENCE:
            missing.append(path)
    assert not missing, f"without the line '{LICENCE}' at the top: {', '.join(missing)}"
