// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parameter values, from files or drawn as the runtime draws them. A model file is outside input:
// its size and time are checked against what import recorded before a byte is believed.
#include "dpc/Reference/Parameters.h"
#include "data/Init.h"
#include "dpc/Dialect/NN/Sharding.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <chrono>

using namespace mlir;
using namespace dpc;
using namespace dpc::reference;

FailureOr<Tensor> reference::readParameter(nn::ParameterOp parameter, nn::FileAttr file) {
  auto fail = [&]() -> InFlightDiagnostic {
    return parameter.emitOpError("cannot be read from '") << file.getPath() << "': ";
  };
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(file.getPath(), status))
    return fail() << error.message();
  if (status.getSize() != file.getSize())
    return fail() << "the file has " << status.getSize() << " bytes, it had " << file.getSize()
                  << " when the model was imported; import it again";
  uint64_t time = std::chrono::duration_cast<std::chrono::nanoseconds>(
                      status.getLastModificationTime().time_since_epoch())
                      .count();
  if (time != file.getTime())
    return fail() << "the file was modified after the model was imported; "
                     "import it again";
  auto buffer =
      llvm::MemoryBuffer::getFileSlice(file.getPath(), file.getLength(), file.getOffset());
  if (!buffer)
    return fail() << buffer.getError().message();
  if ((*buffer)->getBufferSize() != file.getLength())
    return fail() << "bytes " << file.getOffset() << " to " << file.getOffset() + file.getLength()
                  << " could not be read";
  return Tensor::fromBytes(nn::getStoredType(parameter),
                           ArrayRef((*buffer)->getBufferStart(), (*buffer)->getBufferSize()));
}

static dpcrt::InitKind getRuntimeKind(nn::InitKind kind) {
  switch (kind) {
  case nn::InitKind::Zeros:
    return dpcrt::InitKind::Zeros;
  case nn::InitKind::Ones:
    return dpcrt::InitKind::Ones;
  case nn::InitKind::Normal:
    return dpcrt::InitKind::Normal;
  }
  llvm_unreachable("unknown kind of initial values");
}

FailureOr<Tensor> reference::drawParameter(nn::ParameterOp parameter, nn::InitAttr init) {
  Tensor tensor = Tensor::zeros(nn::getStoredType(parameter));
  std::vector<float> values(tensor.floats.size());
  StringRef name = parameter.getSymName();
  dpcrt::fillInit(values.data(), 0, values.size(), init.getSeed(), {name.data(), name.size()},
                  getRuntimeKind(init.getKind()), init.getStddev().getValueAsDouble());
  tensor.floats.assign(values.begin(), values.end());
  return tensor;
}

ParameterSource reference::makeParameterSource(InitGenerator init) {
  auto known = std::make_shared<llvm::StringMap<Tensor>>();
  return [known, init](nn::ParameterOp parameter, int64_t) -> FailureOr<Tensor> {
    auto found = known->find(parameter.getSymName());
    if (found != known->end())
      return found->second;
    FailureOr<Tensor> value = failure();
    if (auto file = dyn_cast<nn::FileAttr>(parameter.getSource()))
      value = readParameter(parameter, file);
    else
      value = init(parameter, cast<nn::InitAttr>(parameter.getSource()));
    if (succeeded(value))
      known->try_emplace(parameter.getSymName(), *value);
    return value;
  };
}
