# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From a PyTorch module to an ONNX graph of its loss that can still be trained.

The module's class is swapped for a subclass whose forward returns the loss. A wrapper around the module
would put its own name before every parameter and module path.
"""
import contextlib
import inspect
import os
import tempfile
import warnings
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import torch

Loss = Union[None, str, Callable[..., Any]]


class ExportError(ValueError):
    """What is wrong with a module or its export, in one message."""


class ExporterFailure(Exception):
    """One of PyTorch's exporters cannot take the module."""


def _cross_entropy(output: Any, labels: Any) -> Any:
    logits = _logits(output)
    return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))


def _causal_lm(output: Any, labels: Any) -> Any:
    logits = _logits(output)[..., :-1, :]
    return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels[..., 1:].reshape(-1))


LOSSES: Dict[str, Callable[[Any, Any], Any]] = {
    "cross_entropy": _cross_entropy,
    "causal_lm": _causal_lm,
    "mse": lambda output, target: torch.nn.functional.mse_loss(_logits(output), target),
    "bce": lambda output, target: torch.nn.functional.binary_cross_entropy_with_logits(_logits(output), target),
}


def _logits(output: Any) -> Any:
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(getattr(output, "logits", None), torch.Tensor):
        return output.logits
    if isinstance(output, Mapping) and isinstance(output.get("logits"), torch.Tensor):
        return output["logits"]
    if isinstance(output, (tuple, list)) and output and isinstance(output[0], torch.Tensor):
        return output[0]
    raise ExportError(f"the module returns a {type(output).__name__}, in which no logits are found; give a loss function that takes it")


def _own_loss(output: Any) -> Any:
    """The loss that a module computes itself."""
    found = getattr(output, "loss", None)
    if found is None and isinstance(output, Mapping):
        found = output.get("loss")
    if found is None and isinstance(output, torch.Tensor):
        found = output
    if found is None and isinstance(output, (tuple, list)):
        scalars = [value for value in output if isinstance(value, torch.Tensor) and value.numel() == 1 and value.is_floating_point()]
        found = scalars[0] if len(scalars) == 1 else None
    if not isinstance(found, torch.Tensor) or found.numel() != 1:
        what = f"a tensor of shape {list(found.shape)}" if isinstance(found, torch.Tensor) else f"a {type(output).__name__} without a loss"
        raise ExportError(f"the module returns {what}; pass its labels with the arguments if it computes a loss from them, or give loss=, "
                          f"one of {', '.join(LOSSES)} or a function of the module's output and the targets")
    return found


def check_module(module: Any) -> None:
    if not isinstance(module, torch.nn.Module):
        raise ExportError(f"a {type(module).__name__} is not a torch.nn.Module")
    if isinstance(module, torch.jit.ScriptModule):
        raise ExportError("a scripted or traced module cannot be exported; give the module it was made from")
    if hasattr(module, "_orig_mod"):
        raise ExportError("a module of torch.compile cannot be exported; give the module it was made from")
    others = [(key, tensor.dtype) for key, tensor in module.named_parameters() if tensor.is_floating_point() and tensor.dtype != torch.float32]
    if others:
        raise ExportError(f"{len(others)} parameters are not float32 ('{others[0][0]}' is {str(others[0][1]).replace('torch.', '')}), in which dpc trains; export module.float()")


class Inputs:
    """The graph's inputs: which are the module's, which are the loss's targets, and what is no tensor and stays fixed."""

    def __init__(self, module: Any, args: Any, loss: Loss) -> None:
        self.tensors: Dict[str, Any] = {}  # in the order they are given
        self._fixed: Dict[str, Any] = {}
        self._positional: List[str] = []  # of the module
        self._keywords: List[str] = []
        self._targets: List[str] = []
        self._loss = LOSSES.get(loss) if isinstance(loss, str) else loss
        if isinstance(loss, str) and self._loss is None:
            raise ExportError(f"there is no loss '{loss}'; known are {', '.join(LOSSES)}")
        signature = inspect.signature(module.forward)
        if isinstance(args, Mapping):
            self._take_mapping(signature, args)
        else:
            self._take_sequence(signature, (args,) if isinstance(args, torch.Tensor) else tuple(args))
        if self._loss is None and self._targets:
            raise ExportError(f"{type(module).__name__}.forward takes no {', '.join(self._targets)}; give loss= if they are targets of a loss")
        if not self.tensors:
            raise ExportError("the arguments hold no tensor")

    def _add(self, name: str, value: Any) -> None:
        if name in self.tensors or name in self._fixed:
            raise ExportError(f"two arguments are named {name}")
        if isinstance(value, torch.Tensor):
            self.tensors[name] = value.detach()
        elif value is None or isinstance(value, (bool, int, float, str)):
            self._fixed[name] = value
        else:
            raise ExportError(f"argument {name} is a {type(value).__name__}; arguments are tensors, or numbers, strings and None, which stay as they are")

    def _take_mapping(self, signature: inspect.Signature, args: Mapping[str, Any]) -> None:
        known = {name for name, p in signature.parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        rest = any(p.kind == p.VAR_KEYWORD for p in signature.parameters.values())
        for name, value in args.items():
            if not str(name).isidentifier():
                raise ExportError(f"'{name}' is no name of an argument")
            self._add(name, value)
            # With **kwargs anything could be the module's; what a given loss needs comes last.
            mine = name in known or (rest and self._loss is None)
            (self._keywords if mine else self._targets).append(name)

    def _take_sequence(self, signature: inspect.Signature, args: Tuple[Any, ...]) -> None:
        taken = self._count_targets(signature, len(args)) if self._loss is not None else 0
        names = [name for name, p in signature.parameters.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        variadic = next((name for name, p in signature.parameters.items() if p.kind == p.VAR_POSITIONAL), None)
        count = len(args) - taken
        if count > len(names) and variadic is None:
            raise ExportError(f"the module's forward takes {len(names)} arguments ({', '.join(names)}), {count} are given"
                              + ("" if self._loss else "; give loss= (--loss) if the others are its targets"))
        for i, value in enumerate(args[:count]):
            name = names[i] if i < len(names) else f"{variadic}_{i - len(names)}"
            self._add(name, value)
            self._positional.append(name)
        for i, value in enumerate(args[count:]):
            name = ("labels" if _is_integer(value) else "target") + ("" if taken == 1 else f"_{i}")
            name = name if name not in self.tensors else f"{name}_of_loss"
            self._add(name, value)
            self._targets.append(name)

    def _count_targets(self, signature: inspect.Signature, given: int) -> int:
        """How many of the last arguments are the loss's: as many as it must have beside the module's output."""
        try:
            parameters = inspect.signature(self._loss).parameters.values()  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return 1
        needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        if not needed and any(p.kind == p.VAR_POSITIONAL for p in parameters):
            return 1
        if len(needed) - 1 >= given:
            raise ExportError(f"the loss takes the module's output and {len(needed) - 1} targets; only {given} arguments are given, the module's among them")
        return max(0, len(needed) - 1)

    def compute(self, forward: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """The loss, by the module's own forward."""
        every = {**self._fixed, **values}
        output = forward(*(every[name] for name in self._positional), **{name: every[name] for name in self._keywords})
        loss = _own_loss(output) if self._loss is None else self._loss(output, *(every[name] for name in self._targets))
        if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            what = f"of shape {list(loss.shape)}" if isinstance(loss, torch.Tensor) else f"a {type(loss).__name__}"
            raise ExportError(f"the loss is {what}; it must be one number")
        return loss.reshape(())


def _is_integer(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and not value.is_floating_point()


@contextlib.contextmanager
def returning_loss(module: Any, inputs: Inputs) -> Iterator[None]:
    """While this lasts, calling the module computes the loss of `inputs`, by their names."""
    original = type(module)
    if "forward" in vars(module):
        raise ExportError("the module's forward was replaced on the object itself, so that its class does not say what it computes")
    names = list(inputs.tensors)
    # A forward with the inputs' own names: exporters name the graph's inputs after them.
    space: Dict[str, Any] = {}
    source = f"def forward(self, {', '.join(names)}):\n    return compute(self, dict({', '.join(f'{n}={n}' for n in names)}))\n"
    exec(source, {"compute": lambda self, values: inputs.compute(super(replacement, self).forward, values)}, space)
    replacement = type(original.__name__, (original,), {"forward": space["forward"], "__module__": original.__module__})
    try:
        module.__class__ = replacement
    except TypeError as error:
        raise ExportError(f"a {original.__name__} cannot be exported: {error}") from error
    try:
        yield
    finally:
        module.__class__ = original


@contextlib.contextmanager
def trainable_settings(module: Any, mode: Optional[str]) -> Iterator[List[str]]:
    """What a model offers as a choice, set so that its graph can be trained, and afterwards as it was. Yields what was changed."""
    undo: List[Callable[[], None]] = []
    said: List[str] = []
    outer: List[str] = []
    for path, part in module.named_modules():
        config = getattr(part, "config", None)
        if config is None or any(path == p or path.startswith(p + ".") or p == "" for p in outer):
            continue
        outer.append(path)
        if hasattr(part, "set_attn_implementation"):
            _set_attention(part, undo, said)
        elif getattr(config, "_attn_implementation", "eager") != "eager":
            raise ExportError(f"{type(part).__name__} was made with {config._attn_implementation} attention, and this version of transformers cannot change it; "
                              "make the model with attn_implementation=\"eager\"")
        _set_experts(part, undo, said)
        if getattr(config, "use_cache", False):
            _set(config, "use_cache", False, undo)
    modes = [(part, part.training) for part in module.modules()] if mode else []
    if mode:
        module.train(mode == "train")
    try:
        yield said
    finally:
        for part, training in modes:
            part.training = training
        for change in reversed(undo):
            change()


def _set(holder: Any, name: str, value: Any, undo: List[Callable[[], None]]) -> None:
    before = getattr(holder, name)
    setattr(holder, name, value)
    undo.append(lambda: setattr(holder, name, before))


def _set_attention(part: Any, undo: List[Callable[[], None]], said: List[str]) -> None:
    before = part.config._attn_implementation
    if before == "eager":
        return
    part.set_attn_implementation("eager")
    undo.append(lambda: part.set_attn_implementation(before))
    said.append(f"attention is eager (was {before})")


def _set_experts(part: Any, undo: List[Callable[[], None]], said: List[str]) -> None:
    if not hasattr(part, "set_experts_implementation") or not getattr(part, "_can_set_experts_implementation", lambda: False)():
        return
    before = part.config._experts_implementation
    if before == "batched_mm":
        return
    part.set_experts_implementation("batched_mm")
    undo.append(lambda: part.set_experts_implementation(before))
    said.append(f"experts are batched_mm (were {before})")


@contextlib.contextmanager
def keeping_buffers(module: Any) -> Iterator[None]:
    """Running a module in training mode moves its running statistics; afterwards they are as they were."""
    before = [(buffer, buffer.detach().clone()) for part in module.modules() if part.training for buffer in part.buffers(recurse=False)]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)


def version() -> Tuple[int, int]:
    """PyTorch's major and minor version."""
    major, minor = torch.__version__.split(".")[:2]
    return int(major), int(minor)


def choose_exporters(module: Any, asked: Optional[str]) -> List[str]:
    """Those to try, in this order: dynamo where PyTorch has it in a form that can be relied on, then torchscript."""
    if asked not in (None, "dynamo", "torchscript"):
        raise ExportError(f"there is no exporter '{asked}'; known are dynamo and torchscript")
    has_dynamo = version() >= (2, 6)
    if asked == "dynamo" and not has_dynamo:
        raise ExportError(f"PyTorch {torch.__version__} has no dynamo exporter that dpc relies on; 2.6 or newer has, torchscript works from 1.13 on")
    if asked:
        return [asked]
    return ["dynamo", "torchscript"] if has_dynamo and not training_norms(module) else ["torchscript"]


def training_norms(module: Any) -> List[str]:
    """Batch norms that use the batch's own statistics; the dynamo exporter writes them in their inference form."""
    return [path for path, part in module.named_modules()
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm) and (part.training or part.running_mean is None)]


def trace_by_first(module: Any, inputs: Inputs, exporters: Sequence[str], opset: Optional[int]) -> Tuple[Any, str]:
    """The graph, and the exporter that made it; whatever made it, what is proven of it is the same."""
    failures: List[str] = []
    for exporter in exporters:
        try:
            return trace(module, inputs, exporter, opset), exporter
        except ExporterFailure as failure:
            failures.append(f"the {exporter} exporter: {failure}")
    raise ExportError("PyTorch cannot export the module\n  " + "\n  ".join(failures))


def trace(module: Any, inputs: Inputs, exporter: str, opset: Optional[int]) -> Any:
    """The graph as an onnx.ModelProto. Nothing is folded, merged or fused."""
    import onnx
    names, values = list(inputs.tensors), tuple(inputs.tensors.values())
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = os.path.join(folder, "model.onnx")
        if exporter == "dynamo":
            program = _quietly(lambda: torch.onnx.export(module, values, dynamo=True, optimize=False, verify=False, input_names=names,
                                                         output_names=["loss"], opset_version=opset))
            program.save(path)
        else:
            which = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
            with _unmerged():
                _quietly(lambda: torch.onnx.export(module, values, path, input_names=names, output_names=["loss"], opset_version=opset or 17,
                                                   training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False, keep_initializers_as_inputs=True, **which))
        model = onnx.load(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    given = [value for value in model.graph.input if value.name not in stored]
    del model.graph.input[:]
    model.graph.input.extend(given)
    for node in _nodes(model):  # the stack traces are long, and of nobody's concern
        kept = [entry for entry in node.metadata_props if entry.key != "pkg.torch.onnx.stack_trace"] if hasattr(node, "metadata_props") else None
        if kept is not None and len(kept) < len(node.metadata_props):
            del node.metadata_props[:]
            node.metadata_props.extend(kept)
        node.doc_string = ""
    return model


@contextlib.contextmanager
def _unmerged() -> Iterator[None]:
    """The older exporter merges initializers of equal value unless they are also inputs, and before
    2.0 even then. In training mode it merges those of one storage only: ties."""
    merge = getattr(torch._C, "_jit_pass_onnx_deduplicate_initializers", None)
    if merge is None:
        yield
        return
    torch._C._jit_pass_onnx_deduplicate_initializers = lambda graph, parameters, training: merge(graph, parameters, True)
    try:
        yield
    finally:
        torch._C._jit_pass_onnx_deduplicate_initializers = merge


def _nodes(model: Any) -> Iterator[Any]:
    yield from model.graph.node
    for function in model.functions:
        yield from function.node


def _quietly(export: Callable[[], Any]) -> Any:
    """Runs an exporter; its chatter is shown only if it fails."""
    import io
    import logging
    chatter = io.StringIO()
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(chatter), contextlib.redirect_stderr(chatter):
            return export()
    except ExportError:
        raise
    except Exception as error:
        cause: Optional[BaseException] = error
        while cause is not None and not isinstance(cause, ExportError):
            cause = cause.__cause__ or cause.__context__
        if cause is not None:
            raise cause
        raise ExporterFailure(_reason(error)) from error
    finally:
        logging.disable(before)


def _reason(error: BaseException) -> str:
    """The first line of an exporter's error, and of what caused it, which its pages of advice hide."""
    import re
    root = error
    while root.__cause__ is not None:
        root = root.__cause__
    lines = [(re.sub(r"\x1b\[[0-9;]*m", "", str(e)).strip().splitlines() or [type(e).__name__])[0] for e in (error, root)]
    return lines[0] if lines[0] == lines[1] else f"{lines[0]} ({type(root).__name__}: {lines[1]})"


def dropouts(model: Any) -> List[str]:
    """Nodes of the graph, or of what the exporter recorded, that draw random numbers."""
    import onnx
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer if not tensor.dims or list(tensor.dims) == [1]}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
            constants[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    found = []
    for node in _nodes(model):
        recorded = {entry.key: entry.value for entry in getattr(node, "metadata_props", [])}.get("pkg.torch.onnx.fx_node", "")
        if node.op_type == "Dropout" and len(node.input) > 2 and constants.get(node.input[2], True) and constants.get(node.input[1], 0.5) != 0:
            found.append(node.name)
        elif "scaled_dot_product_attention" in recorded and _attention_dropout(recorded):
            found.append(node.name)
        elif node.op_type.startswith(("Random", "Bernoulli", "Multinomial")):
            found.append(node.name)
    return found


def _attention_dropout(call: str) -> float:
    """The dropout of a recorded call, which the exporter leaves out of the graph."""
    import re
    keyword = re.search(r"dropout_p: ([0-9.e-]+)", call)
    arguments = re.search(r"\(args = \((.*?)\), kwargs", call)
    parts = arguments.group(1).split(", ") if arguments else []
    text = keyword.group(1) if keyword else parts[4] if len(parts) > 4 else "0"
    try:
        return float(text)
    except ValueError:
        return 0.0


def shapes(model: Any) -> Sequence[Tuple[str, Tuple[int, ...]]]:
    """Names and shapes of the graph's inputs."""
    return [(value.name, tuple(d.dim_value for d in value.type.tensor_type.shape.dim)) for value in model.graph.input]
