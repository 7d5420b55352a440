# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes safetensors files, from PyTorch tensors or from anything else; needs no further package."""
import contextlib
import json
import os
import tempfile
from typing import Any, BinaryIO, Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Sequence

_DTYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
           "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8", "bool": "BOOL"}


class Entry(NamedTuple):
    """A tensor to come: its bytes are asked for when they are written."""
    dtype: str
    shape: Sequence[int]
    size: int
    content: Callable[[], bytes]


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[BinaryIO]:
    """A file that gets its name when it is complete; until then, and after any error, what was there stays."""
    try:
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=os.path.basename(path) + ".")
    except OSError as error:  # of a name that nobody gave
        raise OSError(error.errno, error.strerror, path) from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def tensor_bytes(tensor: Any) -> bytes:
    """A tensor's elements, row-major."""
    import torch
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def dtype_name(value: Any) -> str:
    """The format's name of the type of a tensor or an array; KeyError where it has none."""
    return _DTYPES[str(getattr(value.dtype, "name", value.dtype)).replace("torch.", "")]


def write(entries: Mapping[str, Entry], path: str, metadata: Optional[Mapping[str, str]] = None) -> None:
    """Writes the entries in their order."""
    header: Dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name, entry in entries.items():
        header[name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [offset, offset + entry.size]}
        offset += entry.size
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors are aligned
    with whole_file(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for entry in entries.values():
            file.write(entry.content())


def save(tensors: Mapping[str, Any], path: str, metadata: Optional[Mapping[str, str]] = None) -> None:
    """Writes PyTorch tensors in their order."""
    write({name: Entry(dtype_name(t), list(t.shape), t.numel() * t.element_size(), lambda t=t: tensor_bytes(t)) for name, t in tensors.items()},
          path, metadata)
