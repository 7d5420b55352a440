// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Roles of arguments and results: how the functions of a body are read.
#include "dpc/Dialect/DualPipe/DualPipe.h"

using namespace mlir;

namespace dpc::dualpipe {

RoleAttr getArgRole(func::FuncOp function, unsigned argument) {
  return function.getArgAttrOfType<RoleAttr>(argument, kRoleAttr);
}
RoleAttr getResultRole(func::FuncOp function, unsigned result) {
  return function.getResultAttrOfType<RoleAttr>(result, kRoleAttr);
}
void setArgRole(func::FuncOp function, unsigned argument, RoleKind kind, unsigned index) {
  function.setArgAttr(argument, kRoleAttr, RoleAttr::get(function.getContext(), kind, index));
}
void setResultRole(func::FuncOp function, unsigned result, RoleKind kind, unsigned index) {
  function.setResultAttr(result, kRoleAttr, RoleAttr::get(function.getContext(), kind, index));
}
int findArg(func::FuncOp function, RoleKind kind, unsigned index) {
  auto role = RoleAttr::get(function.getContext(), kind, index);
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (getArgRole(function, i) == role)
      return i;
  return -1;
}
int findResult(func::FuncOp function, RoleKind kind, unsigned index) {
  auto role = RoleAttr::get(function.getContext(), kind, index);
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (getResultRole(function, i) == role)
      return i;
  return -1;
}

} // namespace dpc::dualpipe
