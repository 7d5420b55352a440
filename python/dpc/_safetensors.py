"""Writes safetensors files from PyTorch tensors; needs no further package."""
import json
import os
import tempfile
from typing import Any, Dict, Mapping, Optional

_DTYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
           "uint8": "U8", "bool": "BOOL"}


def tensor_bytes(tensor: Any) -> bytes:
    """A tensor's elements, row-major."""
    import torch
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def dtype_name(tensor: Any) -> str:
    """The format's name of a tensor's type; KeyError where it has none."""
    return _DTYPES[str(tensor.dtype).replace("torch.", "")]


def save(tensors: Mapping[str, Any], path: str, metadata: Optional[Mapping[str, str]] = None) -> None:
    """Writes the tensors in their order; the file appears whole or not at all."""
    header: Dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": dtype_name(tensor), "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors are aligned
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=os.path.basename(path) + ".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for tensor in tensors.values():
                file.write(tensor_bytes(tensor))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
