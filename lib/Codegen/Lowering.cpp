// The interfaces of Lowering.h.
#include "dpc/Codegen/Lowering.h"

#include "dpc/Codegen/CodegenInterfaces.cpp.inc"
