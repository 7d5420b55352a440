// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The manual's chapter Graph Management.
#include "Emulator.h"
#include "Exports.h"

using namespace dpc::emulator;

template <typename T, typename Handle>
static std::shared_ptr<T> find(Call &c, const Handles<T, Handle> &handles, Handle handle) {
  std::shared_ptr<T> found = handles.find(handle);
  if (!found)
    c.violate("Graph Management", "names " + handles.describe(handle), CUDA_ERROR_INVALID_HANDLE);
  return found;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph handle,
                                     unsigned long long flags) {
  return call("cuGraphInstantiateWithFlags", kPlain, [&](Call &c) {
    std::shared_ptr<Graph> graph = find(c, c.emulator.graphs, handle);
    if (!graph || !executable)
      return CUDA_ERROR_INVALID_VALUE;
    if (flags != 0)
      return CUDA_ERROR_NOT_SUPPORTED;
    std::shared_ptr<GraphExec> exec = c.emulator.scheduler.instantiate(std::move(graph));
    c.note("graph", exec->number);
    *executable = c.emulator.execs.add(std::move(exec));
    return CUDA_SUCCESS;
  });
}

static CUresult refuseInCapture(Call &c, Stream &stream) {
  explain("a graph is launched or uploaded in " + stream.describe() + ", which is captured");
  return c.emulator.captures.refuse(*stream.capture, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

// Ordered as a launch is, and does nothing.
CUresult cuGraphUpload(CUgraphExec handle, CUstream streamHandle) {
  return call("cuGraphUpload", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(streamHandle);
    std::shared_ptr<GraphExec> exec = find(c, c.emulator.execs, handle);
    if (!stream || !exec)
      return CUDA_ERROR_INVALID_HANDLE;
    if (stream->capture)
      return refuseInCapture(c, *stream);
    if (exec->last)
      c.emulator.scheduler.wait(*stream, exec->last);
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphLaunch(CUgraphExec handle, CUstream streamHandle) {
  return call("cuGraphLaunch", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(streamHandle);
    std::shared_ptr<GraphExec> exec = find(c, c.emulator.execs, handle);
    if (!stream || !exec)
      return CUDA_ERROR_INVALID_HANDLE;
    c.note("graph", exec->number);
    if (stream->capture)
      return refuseInCapture(c, *stream);
    if (stream->number == 0)
      if (CUresult wrong = c.emulator.captures.checkLegacy(); wrong != CUDA_SUCCESS)
        return wrong;
    // Memory may have been freed since the capture.
    for (const Node &node : exec->graph->nodes)
      for (uint64_t address : node.work->names)
        if (const Allocation *place = c.emulator.memory.find(address); !place || !place->isLive)
          return c.violate("Graph Management",
                           "graph " + std::to_string(exec->number) + " has " + node.work->name +
                               ", which names " +
                               (place ? place->describe() : hexadecimal(address)),
                           CUDA_ERROR_ILLEGAL_ADDRESS);
    c.emulator.scheduler.launch(*stream, std::move(exec));
    return CUDA_SUCCESS;
  });
}

// What has been launched runs all the same.
CUresult cuGraphExecDestroy(CUgraphExec handle) {
  return call("cuGraphExecDestroy", kPlain, [&](Call &c) {
    if (!find(c, c.emulator.execs, handle))
      return CUDA_ERROR_INVALID_VALUE;
    c.emulator.execs.remove(handle);
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphDestroy(CUgraph handle) {
  return call("cuGraphDestroy", kPlain, [&](Call &c) {
    if (!find(c, c.emulator.graphs, handle))
      return CUDA_ERROR_INVALID_VALUE;
    c.emulator.graphs.remove(handle);
    return CUDA_SUCCESS;
  });
}
