// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values of parameters, from the files or generators that `nn.parameter` names.
#ifndef DPC_REFERENCE_PARAMETERS_H
#define DPC_REFERENCE_PARAMETERS_H

#include "dpc/Reference/Reference.h"

namespace dpc::reference {

/// Draws the values of a parameter whose source is `#nn.init`.
using InitGenerator =
    std::function<mlir::FailureOr<Tensor>(nn::ParameterOp parameter, nn::InitAttr init)>;

/// Reads a byte range of a file, after checking that the file still has the size
/// and modification time recorded; emits an error at the parameter otherwise.
mlir::FailureOr<Tensor> readParameter(nn::ParameterOp parameter, nn::FileAttr file);

/// The values that the runtime draws for a parameter: a function of the seed and
/// the parameter's name, rounded to float.
mlir::FailureOr<Tensor> drawParameter(nn::ParameterOp parameter, nn::InitAttr init);

/// A source that reads files and leaves `#nn.init` to `init`; every member of
/// the mesh gets the same values. Values are kept, so that a parameter is read
/// once however often it is asked for.
ParameterSource makeParameterSource(InitGenerator init = drawParameter);

} // namespace dpc::reference

#endif // DPC_REFERENCE_PARAMETERS_H
