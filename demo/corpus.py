# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes train.bin and held-out.bin, one byte a token, out of the source text of
the running Python's standard library. Standard library only; the same Python
gives the same files. Every sixteenth module is held out, so that no file is in
both.
Usage: corpus.py FOLDER
"""
import os
import sys
import sysconfig

TRAIN_BYTES, HELD_OUT_BYTES = 4 << 20, 256 << 10


def sources(root):
    """Paths of modules below root, in a fixed order."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in ("__pycache__", "site-packages", "dist-packages", "test", "tests"))
        for name in sorted(files):
            # Tables that the build of Python generated differ from machine to machine.
            if name.endswith(".py") and not name.startswith("_sysconfigdata"):
                yield os.path.join(folder, name)


def main(folder):
    train, held_out = bytearray(), bytearray()
    root = sysconfig.get_paths()["stdlib"]
    for i, path in enumerate(sources(root)):
        with open(path, "rb") as f:
            (held_out if i % 16 == 15 else train).extend(f.read() + b"\n")
    os.makedirs(folder, exist_ok=True)
    for name, text, limit in (("train.bin", train, TRAIN_BYTES), ("held-out.bin", held_out, HELD_OUT_BYTES)):
        if len(text) < limit // 4:
            sys.exit(f"corpus.py: {root} holds too little source text for {name}: {len(text)} bytes, need {limit // 4}")
        with open(os.path.join(folder, name), "wb") as f:
            f.write(text[:limit])
        print(f"{name}: {min(len(text), limit)} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
