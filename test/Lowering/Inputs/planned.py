# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads lowered IR and says of every pair, in a line, what its plan expects."""
import re
import sys

planned = {}
for name, fields in re.findall(r'prog\.block @"?([^" ]+)"? .*?dpc\.planned = \{([^}]*)\}', sys.stdin.read()):
    planned[name] = {key: float(value) for key, value in re.findall(r"(\w+) = ([-+.e0-9]+) : f64", fields)}


def ms(seconds):
    return f"{seconds * 1e3:.1f}".removesuffix(".0") + " ms"


for name, pair in planned.items():
    if "+" not in name:
        continue
    forward, backward = name.split("+")
    backward = backward.removesuffix(".backward")
    apart = sum(planned[task]["seconds"] for task in (forward, f"{backward}.input_half", f"{backward}.weight_half"))
    longer = max(pair["compute"], pair["communication"])
    print(f"{name}: cores {ms(pair['compute'])}, links {ms(pair['communication'])}; planned {ms(pair['seconds'])}, "
          f"{pair['seconds'] / longer * 100:.0f} % of the longer; in the order of the tasks {ms(pair['concatenated'])}, "
          f"forward and backward apart {ms(apart)}")
