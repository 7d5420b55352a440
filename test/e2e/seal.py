# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Artifacts that a test changed by hand, with their checksums right again."""
import xxhash


def seal(artifact, name="manifest.json"):
    """Records what a file of the artifact has now, as `dpc compile` records it."""
    sums = artifact / "XXH128SUMS"
    digest = xxhash.xxh3_128_hexdigest((artifact / name).read_bytes())
    lines = [f"{digest}  {name}" if line.endswith("  " + name) else line for line in sums.read_text().splitlines()]
    sums.write_text("".join(line + "\n" for line in lines))
