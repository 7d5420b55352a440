# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What of a module's state dict is where in the graph: found, proven, and written into the file's metadata.

`dpc.state_dict` is a JSON object with an entry for each key of the state dict, in its order:

    {"h.0.weight": {"kind": "parameter", "shape": [4, 8], "dtype": "F32", "trained": true,
                    "initializer": "h.0.weight", "transposed": false, "tie": "another.key"}}

`kind` is parameter or buffer; `trained` is false for buffers and for parameters that need no gradient;
`transposed` tells that the initializer is the transpose of the framework's tensor; `tie` names the first
key of the same tensor. `dpc.parameter_names` maps each trained initializer to its (first) key.
"""
import json
from typing import Any, Dict, List, Optional, Sequence, Set

import numpy as np
import onnx
import torch

from dpc import _safetensors
from dpc._trace import ExportError


class Record:
    """`values` are the graph's inputs; the module must return the loss of these while it is recorded."""

    def __init__(self, module: Any, model: Any, values: Sequence[Any]) -> None:
        self.entries: Dict[str, Dict[str, Any]] = {}
        self.unused: List[str] = []  # trained in the module, but not read by the graph
        self._module, self._model, self._values = module, model, values
        self._initializers = {tensor.name: tensor for tensor in model.graph.initializer}
        self._read = _names_read(model)
        self._state = dict(module.state_dict(keep_vars=True))
        self._parameters = dict(module.named_parameters(remove_duplicate=False)) if _lists_duplicates(module) else _all_parameters(module)
        self._ties = self._find_ties()

    def prove(self) -> "Record":
        """Finds every tensor's place, or says which parameter has none, or shares one with another."""
        taken: Dict[str, str] = {}  # initializer -> key
        later: List[str] = []
        for key in self._state:
            if self._ties.get(key, key) != key:
                continue
            name = self._by_name(key)
            if name is None:
                later.append(key)
            else:
                taken[name] = key
                self._enter(key, name, False)
        wrong: List[str] = []
        absent: List[str] = []
        for key in later:
            if key not in self._parameters:
                self._enter(key, None, False)
                continue
            candidates = [(name, turned) for name in self._initializers if name not in taken and name in self._read
                          for turned in (False, True) if self._equal(key, name, turned)]
            if len(candidates) == 1:
                taken[candidates[0][0]] = key
                self._enter(key, *candidates[0])
            elif candidates:
                wrong.append(f"'{key}' could be any of the initializers {', '.join(name for name, _ in candidates)}, which are equal")
            else:
                absent.append(key)
        if absent:
            gradients = self._gradients()
            for key in absent:
                if gradients is None or gradients[key]:
                    wrong.append(f"'{key}' is not in the graph, or not with its values: the exporter folded, merged or fused it")
                else:
                    self._enter(key, None, False)
        for name in self._initializers:
            if name in self._parameters and name not in taken and self._ties.get(name, name) == name:
                wrong.append(f"'{name}' is in the graph with other values than the module's")
        if wrong:
            raise ExportError("the module's parameters are not those of the graph:\n  " + "\n  ".join(sorted(set(wrong))))
        self._finish()
        return self

    def write(self) -> None:
        """Stores what the graph does not hold, so that the file has the whole state dict, and the metadata."""
        for key, entry in self.entries.items():
            if entry["initializer"] is None and "tie" not in entry:
                name = key if key not in self._initializers else f"state_dict/{key}"
                tensor = self._state[key]
                self._model.graph.initializer.append(onnx.helper.make_tensor(
                    name, _onnx_type(key, tensor), list(tensor.shape), _safetensors.tensor_bytes(tensor), raw=True))
                self._initializers[name] = self._model.graph.initializer[-1]
                entry["initializer"] = name
        for entry in self.entries.values():
            if "tie" in entry:
                entry["initializer"], entry["transposed"] = (self.entries[entry["tie"]][k] for k in ("initializer", "transposed"))
        names = {entry["initializer"]: key for key, entry in self.entries.items() if entry["trained"] and "tie" not in entry and entry["initializer"] in self._read}
        for key, value in (("dpc.state_dict", self.entries), ("dpc.parameter_names", names)):
            self._model.metadata_props.append(onnx.StringStringEntryProto(key=key, value=json.dumps(value, ensure_ascii=False)))

    def trained(self) -> List[str]:
        return [key for key, entry in self.entries.items() if entry["trained"] and "tie" not in entry and key not in self.unused]

    def frozen(self) -> List[str]:
        return [key for key, entry in self.entries.items() if entry["kind"] == "parameter" and not entry["trained"]]

    def ties(self) -> Dict[str, str]:
        return {key: entry["tie"] for key, entry in self.entries.items() if "tie" in entry}

    def _find_ties(self) -> Dict[str, str]:
        """Every further key of a tensor, to its first."""
        first: Dict[Any, str] = {}
        ties: Dict[str, str] = {}
        for key, tensor in self._state.items():
            if not isinstance(tensor, torch.Tensor):
                raise ExportError(f"the state dict's '{key}' is no tensor, but a {type(tensor).__name__}; dpc cannot keep it")
            if tensor.is_meta or tensor.layout != torch.strided:
                raise ExportError(f"'{key}' has no values in memory" if tensor.is_meta else f"'{key}' is a {tensor.layout} tensor; dpc keeps dense ones")
            place = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype)
            identity: Any = place if tensor.numel() else id(tensor)
            if identity in first:
                ties[key] = first[identity]
            else:
                first[identity] = key
        return ties

    def _by_name(self, key: str) -> Optional[str]:
        """An initializer under one of the tensor's names that holds its values."""
        names = [key] + [other for other, to in self._ties.items() if to == key]
        return next((name for name in names if name in self._initializers and self._equal(key, name, False)), None)

    def _equal(self, key: str, name: str, turned: bool) -> bool:
        tensor, stored = self._state[key], self._initializers[name]
        shape = list(stored.dims)
        if turned and (tensor.dim() != 2 or list(tensor.shape) == shape and bool((tensor == tensor.t()).all())):
            return False
        wanted = tensor.t() if turned else tensor
        if list(wanted.shape) != shape or _onnx_type(key, tensor) != stored.data_type:
            return False
        bytes_ = stored.raw_data if stored.HasField("raw_data") else np.ascontiguousarray(onnx.numpy_helper.to_array(stored)).tobytes()
        return bytes_ == _safetensors.tensor_bytes(wanted)

    def _enter(self, key: str, name: Optional[str], transposed: bool) -> None:
        tensor = self._state[key]
        parameter = key in self._parameters
        self.entries[key] = {"kind": "parameter" if parameter else "buffer", "shape": list(tensor.shape), "dtype": _dtype(key, tensor),
                             "trained": parameter and tensor.requires_grad, "initializer": name, "transposed": transposed}

    def _finish(self) -> None:
        for key, first in self._ties.items():
            self.entries[key] = {**self.entries[first], "kind": "parameter" if key in self._parameters else "buffer", "tie": first}
        self.entries = {key: self.entries[key] for key in self._state}  # the state dict's order
        self.unused = [key for key, entry in self.entries.items() if entry["trained"] and "tie" not in entry and entry["initializer"] not in self._read]

    def _gradients(self) -> Optional[Dict[str, bool]]:
        """Whether each parameter gets a gradient; None if the module cannot say."""
        try:
            loss = self._module(*self._values)
            trained = {key: tensor for key, tensor in self._parameters.items() if tensor.requires_grad}
            found = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
        except RuntimeError:
            return None
        gradients = dict(zip(trained, (g is not None for g in found)))
        return {key: gradients.get(key, False) for key in self._parameters}


def _lists_duplicates(module: Any) -> bool:
    import inspect
    return "remove_duplicate" in inspect.signature(module.named_parameters).parameters


def _all_parameters(module: Any) -> Dict[str, Any]:
    """named_parameters with every name of a tied one; PyTorch 1.13 lists only the first."""
    found: Dict[str, Any] = {}
    for path, part in module.named_modules(remove_duplicate=False):
        for name, parameter in part._parameters.items():
            if parameter is not None:
                found[f"{path}.{name}" if path else name] = parameter
    return found


def _names_read(model: Any) -> Set[str]:
    read: Set[str] = {value.name for value in model.graph.output}

    def visit(nodes: Any) -> None:
        for node in nodes:
            read.update(node.input)
            for attribute in node.attribute:
                for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                    visit(graph.node)
    visit(model.graph.node)
    for function in model.functions:
        visit(function.node)
    return read


def _dtype(key: str, tensor: Any) -> str:
    try:
        return _safetensors.dtype_name(tensor)
    except KeyError:
        raise ExportError(f"'{key}' is of type {tensor.dtype}, which dpc does not keep") from None


def _onnx_type(key: str, tensor: Any) -> int:
    T = onnx.TensorProto
    return {"F64": T.DOUBLE, "F32": T.FLOAT, "F16": T.FLOAT16, "BF16": T.BFLOAT16, "I64": T.INT64, "I32": T.INT32, "I16": T.INT16, "I8": T.INT8,
            "U64": T.UINT64, "U32": T.UINT32, "U16": T.UINT16, "U8": T.UINT8, "BOOL": T.BOOL}[_dtype(key, tensor)]
