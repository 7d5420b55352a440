#include "dpc/Dialect/NN/NN.h"
#include "llvm/ADT/TypeSwitch.h"
#include "mlir/IR/DialectImplementation.h"
using namespace mlir;
using namespace dpc::nn;
#include "dpc/Dialect/NN/NNDialect.cpp.inc"
#include "dpc/Dialect/NN/NNEnums.cpp.inc"
#include "dpc/Dialect/NN/NNInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dpc/Dialect/NN/NNAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dpc/Dialect/NN/NNOps.cpp.inc"
