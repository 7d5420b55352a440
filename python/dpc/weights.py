# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turns a file of PyTorch weights into a safetensors file that `dpc run --init-weights` takes:

    python -m dpc.weights IN.pt OUT.safetensors [--key state_dict] [--force]

Only tensors are loaded (`torch.load` with `weights_only=True`), so that a file from anywhere runs no
code of its own. Keys, ties included, stay as PyTorch's state dict has them.
"""
import argparse
import sys
from typing import Any, Dict, Mapping, Optional, Sequence

from dpc import _endings, _safetensors

__all__ = ["convert", "main"]


class _TooOld(RuntimeError):
    """Of a PyTorch without what is needed."""


def convert(source: str, target: str, key: Optional[str] = None) -> Dict[str, Any]:
    """Converts a file; the tensors by name. `key` names the state dict within a larger dictionary."""
    import torch
    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except TypeError as error:  # it knows no weights_only
        raise _TooOld("this PyTorch cannot load weights alone; 1.13 or newer can") from error
    except Exception as error:  # of many types, by version
        raise ValueError(f"'{source}' holds more than weights, or is damaged, and is not loaded: {_first_line(error)}. "
                         "Save the state dict alone: torch.save(module.state_dict(), PATH)") from error
    if key is not None:
        if not isinstance(loaded, Mapping) or key not in loaded:
            raise ValueError(f"'{source}' has no '{key}'; it has {_listed(loaded)}")
        loaded = loaded[key]
    if not isinstance(loaded, Mapping):
        raise ValueError(f"'{source}' holds a {type(loaded).__name__}, not a state dict")
    others = [str(name) for name, value in loaded.items() if not isinstance(value, torch.Tensor)]
    inner = [str(name) for name, value in loaded.items() if isinstance(value, Mapping) and value and all(isinstance(v, torch.Tensor) for v in value.values())]
    if others:
        way_out = f"; --key {inner[0]} takes the state dict within" if inner else ""
        raise ValueError(f"'{source}' is no state dict: {_quoted(others)} {'is' if len(others) == 1 else 'are'} no tensor{way_out}")
    for name, tensor in loaded.items():
        if tensor.layout != torch.strided:
            raise ValueError(f"'{name}' is a {tensor.layout} tensor; only dense ones can be kept")
        try:
            _safetensors.dtype_name(tensor)
        except KeyError:
            raise ValueError(f"'{name}' is of type {tensor.dtype}, which safetensors files do not hold") from None
    _safetensors.save(loaded, target, {"format": "pt"})
    return dict(loaded)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _listed(loaded: Any) -> str:
    return _quoted([str(name) for name in loaded]) if isinstance(loaded, Mapping) else f"a {type(loaded).__name__}"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dpc.weights", description="Turn a file of PyTorch weights into a safetensors file; only tensors are loaded.")
    parser.add_argument("source", metavar="IN.pt", help="a state dict saved by torch.save")
    parser.add_argument("target", metavar="OUT.safetensors")
    parser.add_argument("--key", help="the state dict is this entry of the file's dictionary")
    parser.add_argument("--force", action="store_true", help="replace an existing OUT.safetensors")
    flags = parser.parse_args(arguments)
    if _endings.refuses_existing([flags.target], flags.force):
        return _endings.USAGE

    def work() -> None:
        print(f"{len(convert(flags.source, flags.target, flags.key))} tensors in {flags.target}")

    return _endings.run(work, {_TooOld: _endings.NEEDS_PACKAGE, ValueError: 9}, lambda error: 9 if error.filename == flags.source else 11, "torch")


if __name__ == "__main__":
    sys.exit(main())
