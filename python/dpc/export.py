# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Exports a PyTorch module as an ONNX graph of its loss that dpc trains, and proves that it can.

    import dpc
    dpc.export(model, dict(input_ids=ids, labels=labels), "model.onnx")        # a model that computes its loss
    dpc.export(net, (x, labels), "net.onnx", loss="cross_entropy")             # the last arguments are the loss's

    python -m dpc.export package.module:function -o model.onnx [--data data.safetensors]

where `function()` returns (module, args), or (module, args, loss). The graph's sizes are those of the
arguments: they are one micro-batch.

Nothing is folded, merged or fused; attention is eager and experts are batched where the model offers the
choice. Every one of `named_parameters()` is then found among the graph's initializers, value by value, or
the export fails and names it. The state dict's keys, its ties and buffers are recorded in the file, so that
`dpc export` writes trained weights that `load_state_dict(strict=True)` takes.
"""
import argparse
import os
import sys
import tempfile
import types
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from dpc import _endings

__all__ = ["Exported", "export", "main"]

# Above this the weights lie in a file of their own beside the graph: a message of protobuf has at most 2 GiB.
_INLINE_BYTES = 1536 << 20


class Exported(NamedTuple):
    """What an export wrote; print it for a summary."""

    path: str
    inputs: Dict[str, Tuple[int, ...]]
    parameters: List[str]    # trained, each once
    ties: Dict[str, str]     # further name of a tensor: its first
    frozen: List[str]        # need no gradient
    unused: List[str]        # the loss does not depend on them
    settings: List[str]      # what was set for the export, one line each
    loss: Optional[float]    # by PyTorch, of the arguments
    checked: bool            # onnxruntime computes the same

    def __str__(self) -> str:
        lines = [f"{self.path}: {len(self.parameters)} parameters, each proven to be in the graph with its values"]
        lines += [f"  input {name} {list(shape)}" for name, shape in self.inputs.items()]
        lines += [f"  {line}" for line in self.settings]
        lines += [f"  tied: {name} is {first}" for name, first in self.ties.items()]
        for what, names in (("frozen (no gradient)", self.frozen), ("left alone, the loss does not depend on it", self.unused)):
            lines += [f"  {what}: {name}" for name in names[:10]] + ([f"  ... and {len(names) - 10} more"] if len(names) > 10 else [])
        lines.append(f"  loss of these arguments: {self.loss:.6f}" + (", by onnxruntime too" if self.checked else " (not checked by onnxruntime)"))
        return "\n".join(lines)


def export(module: Any, args: Any, path: Union[str, "os.PathLike[str]"], loss: Union[None, str, Callable[..., Any]] = None, *,
           data: Union[None, str, "os.PathLike[str]"] = None, samples: Optional[Sequence[Any]] = None, mode: Optional[str] = None,
           exporter: Optional[str] = None, opset: Optional[int] = None, external_data: Optional[bool] = None) -> Exported:
    """Exports `module` with `args` (a tensor, a tuple, or a dictionary by name) to the file `path`.

    loss      None: the module returns its loss (alone, as `.loss`, or as the one number of a tuple). A name
              (cross_entropy, causal_lm, mse, bce) or a function of the module's output and its targets: the
              last of `args`, or those that the module's forward does not know by name.
    data      write `args`, or each of `samples` (a list of such arguments), to this file, for `dpc run --data`
    mode      "train" or "eval": the mode to export in; without it, the module's own. dpc draws no random
              numbers, so that a module with dropout is exported in eval mode
    exporter  "dynamo" or "torchscript"; by PyTorch's version if not given
    opset     of ONNX; the exporter's own choice if not given
    external_data  whether weights lie in PATH.data; if not given, where there are more than 1.5 GiB
    """
    from dpc import _record, _trace
    target = os.fspath(path)
    if not target.endswith(".onnx"):
        raise _trace.ExportError(f"'{target}': a graph's file ends in .onnx")
    if mode not in (None, "train", "eval"):
        raise _trace.ExportError(f"there is no mode '{mode}'; modes are train and eval")
    _trace.check_module(module)
    inputs = _trace.Inputs(module, args, loss)
    rows = [_trace.Inputs(module, sample, loss).tensors for sample in samples] if samples is not None else [inputs.tensors]
    _check_rows(rows, inputs.tensors)
    with _trace.trainable_settings(module, mode) as settings:
        exporters = _trace.choose_exporters(module, exporter)
        norms = _trace.training_norms(module)
        with _trace.returning_loss(module, inputs):
            with _trace.keeping_buffers(module):
                value = _eager_loss(module, inputs)
            with _trace.keeping_buffers(module):
                model, chosen = _trace.trace_by_first(module, inputs, exporters, opset)
            record = _record.Record(module, model, list(inputs.tensors.values())).prove()
    _check_graph(model, inputs, norms)
    record.write()
    checked = _check_loss(model, inputs.tensors, value)
    if data is not None:
        _write_data(rows, os.fspath(data))
    _save(model, target, external_data)
    settings = [f"exported by PyTorch's {chosen} exporter"] + settings
    return Exported(target, {name: tuple(tensor.shape) for name, tensor in inputs.tensors.items()}, record.trained(), record.ties(), record.frozen(),
                    record.unused, settings, value, checked)


def _check_rows(rows: Sequence[Mapping[str, Any]], first: Mapping[str, Any]) -> None:
    from dpc._trace import ExportError
    if not rows:
        raise ExportError("samples is empty")
    for i, row in enumerate(rows):
        for name in {**first, **row}:
            if name not in row or name not in first:
                raise ExportError(f"samples[{i}] {'lacks' if name not in row else 'has another argument,'} {name}")
            if row[name].shape != first[name].shape or row[name].dtype != first[name].dtype:
                raise ExportError(f"samples[{i}]: {name} is {row[name].dtype} {list(row[name].shape)}, of args it is {first[name].dtype} {list(first[name].shape)}")


def _eager_loss(module: Any, inputs: Any) -> float:
    import torch
    from dpc._trace import ExportError
    try:
        with torch.no_grad():
            return float(module(*inputs.tensors.values()))
    except ExportError:
        raise
    except Exception as error:  # of the module itself, before an exporter hides it
        raise ExportError(f"the module fails on these arguments: {type(error).__name__}: {error}") from error


def _check_graph(model: Any, inputs: Any, norms: Sequence[str]) -> None:
    from dpc import _trace
    random = _trace.dropouts(model)
    if random:
        raise _trace.ExportError(f"the graph draws random numbers ({', '.join(random[:3])}{', ...' if len(random) > 3 else ''}: dropout?), which dpc does not; "
                                 "export with mode=\"eval\" (--mode eval), and it is trained without dropout")
    found = _trace.shapes(model)
    wanted = [(name, tuple(tensor.shape)) for name, tensor in inputs.tensors.items()]
    if found != wanted:
        missing = [name for name, _ in wanted if name not in dict(found)]
        raise _trace.ExportError(f"the graph's inputs are {found}, the arguments were {wanted}" + (f"; the loss does not depend on {', '.join(missing)}" if missing else ""))
    training = [node for node in model.graph.node if node.op_type == "BatchNormalization"
                and any(a.name == "training_mode" and a.i == 1 for a in node.attribute)]
    if norms and len(training) < len(norms):
        raise _trace.ExportError(f"{len(norms)} batch norms ({', '.join(norms[:3])}{', ...' if len(norms) > 3 else ''}) use the batch's statistics, the exported graph {len(training)}; "
                                 "export with exporter=\"torchscript\", or in eval mode")


def _check_loss(model: Any, tensors: Mapping[str, Any], value: float) -> bool:
    """Whether onnxruntime was there to confirm the loss; what it confirms is the graph as it is written."""
    from dpc._trace import ExportError
    try:
        import onnxruntime
    except ImportError:
        return False
    if _stored_bytes(model) > _INLINE_BYTES:
        return False
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        used = {i.name for i in session.get_inputs()}
        feeds = {name: tensor.cpu().numpy() for name, tensor in tensors.items() if name in used}
        found = float(session.run([model.graph.output[0].name], feeds)[0])
    except Exception:  # an operator or type that onnxruntime lacks says nothing about the graph
        return False
    if not (abs(found - value) <= 1e-4 * max(1.0, abs(value)) or found != found and value != value):
        raise ExportError(f"the exported graph computes another loss than the module: {found:.7g} by onnxruntime, {value:.7g} by PyTorch. The exporter dropped or changed something "
                          "(label smoothing, a training-mode layer?)")
    return True


def _write_data(rows: Sequence[Mapping[str, Any]], path: str) -> None:
    import torch
    from dpc import _safetensors
    stacked = {name: torch.stack([row[name].detach().cpu() for row in rows]) for name in rows[0]}
    _safetensors.save(stacked, path, {"format_version": "1.0"})


def _stored_bytes(model: Any) -> int:
    return sum(len(tensor.raw_data) for tensor in model.graph.initializer)


def _save(model: Any, path: str, external: Optional[bool]) -> None:
    """The graph's file last, so that one that is there has its weights."""
    import onnx
    if external is None:
        external = _stored_bytes(model) > _INLINE_BYTES
    folder, name = os.path.dirname(os.path.abspath(path)), os.path.basename(path)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}.") as temporary:
        made = os.path.join(temporary, name)
        if external:
            onnx.save_model(model, made, save_as_external_data=True, all_tensors_to_one_file=True, location=f"{name}.data", size_threshold=1024)
            if os.path.exists(made + ".data"):
                os.replace(made + ".data", path + ".data")
        else:
            onnx.save_model(model, made)
        os.replace(made, path)
    for written in (path, path + ".data") if external else (path,):
        if os.path.exists(written):
            os.chmod(written, 0o644)


def _load(text: str) -> Any:
    """What `package.module:function` or `file.py:function` returns."""
    import importlib
    import importlib.util
    from dpc._trace import ExportError
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name:
        raise ExportError(f"'{text}' is not package.module:function or file.py:function")
    sys.path.insert(0, os.getcwd())
    if place.endswith(".py"):
        spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(place))[0], place)
        if spec is None or spec.loader is None or not os.path.exists(place):
            raise ExportError(f"there is no file '{place}'")
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = loaded
        spec.loader.exec_module(loaded)
    else:
        try:
            loaded = importlib.import_module(place)
        except ModuleNotFoundError as error:
            raise ExportError(f"cannot import '{place}': {error}") from error
    function = getattr(loaded, name, None)
    if not callable(function):
        raise ExportError(f"'{place}' has no function '{name}'")
    result = function()
    if not isinstance(result, tuple) or len(result) not in (2, 3):
        raise ExportError(f"{text} returned a {type(result).__name__}; it must return (module, args) or (module, args, loss)")
    return result


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dpc.export", description="Export a PyTorch module as an ONNX graph of its loss that dpc trains.")
    parser.add_argument("source", metavar="MODULE:FUNCTION", help="package.module:function or file.py:function; called without arguments, it returns (module, args) or (module, args, loss)")
    parser.add_argument("-o", "--output", metavar="MODEL.onnx", required=True)
    parser.add_argument("--loss", help="cross_entropy, causal_lm, mse or bce of the module's output and the last of args")
    parser.add_argument("--data", metavar="FILE.safetensors", help="write args there, as data for dpc run --data")
    parser.add_argument("--mode", choices=["train", "eval"], help="the module's mode while it is exported (its own)")
    parser.add_argument("--exporter", choices=["dynamo", "torchscript"], help="PyTorch's exporter (by its version)")
    parser.add_argument("--opset", type=int, help="of ONNX (the exporter's choice)")
    parser.add_argument("--external-data", action="store_true", default=None, help="weights in MODEL.onnx.data (where they are more than 1.5 GiB)")
    parser.add_argument("--force", action="store_true", help="replace existing files")
    flags = parser.parse_args(arguments)
    if _endings.refuses_existing([flags.output] + ([flags.data] if flags.data else []), flags.force):
        return _endings.USAGE
    try:
        from dpc._trace import ExportError
    except ModuleNotFoundError as error:
        return _endings.needs_package(error, "torch onnx onnxscript")

    def work() -> None:
        module, args, *loss = _load(flags.source)
        print(export(module, args, flags.output, flags.loss or (loss[0] if loss else None), data=flags.data, mode=flags.mode, exporter=flags.exporter,
                     opset=flags.opset, external_data=flags.external_data))

    return _endings.run(work, {ExportError: 3}, lambda error: 11)


class _Callable(types.ModuleType):
    """`dpc.export` is this module, and `dpc.export(module, args, path)` its function."""

    def __call__(self, *args: Any, **named: Any) -> Exported:
        return export(*args, **named)


sys.modules[__name__].__class__ = _Callable

if __name__ == "__main__":
    sys.exit(main())
