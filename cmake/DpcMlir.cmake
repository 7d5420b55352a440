# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# The compiler's only contact with LLVM's build system. libMLIR.so and libLLVM.so
# are the only parts of LLVM that are linked: a static archive beside them would
# give every type a second TypeID.
find_package(MLIR REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "dpc is written against LLVM/MLIR 22; ${MLIR_DIR} is version ${LLVM_VERSION_MAJOR}. Run scripts/setup.")
endif()
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
set(MLIR_BINARY_DIR ${PROJECT_BINARY_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include_directories(${PROJECT_SOURCE_DIR}/include ${MLIR_INCLUDE_DIRS})  # for TableGen, which reads the directory property

add_library(dpc_mlir INTERFACE)
target_include_directories(dpc_mlir SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_link_libraries(dpc_mlir INTERFACE MLIR LLVM)
target_link_options(dpc_mlir INTERFACE -Wl,-rpath,${LLVM_LIBRARY_DIR})
if(NOT LLVM_ENABLE_RTTI)
  target_compile_options(dpc_mlir INTERFACE -fno-rtti)
endif()

# One precompiled header for all MLIR code; parsing MLIR's headers is most of a
# compilation otherwise.
file(WRITE ${PROJECT_BINARY_DIR}/pch.cpp "")
add_library(dpc_pch STATIC ${PROJECT_BINARY_DIR}/pch.cpp)
target_link_libraries(dpc_pch PUBLIC dpc_options dpc_mlir)
target_precompile_headers(dpc_pch PRIVATE ${PROJECT_SOURCE_DIR}/cmake/MlirPrecompiled.h)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(dpc_pch PRIVATE -fpch-instantiate-templates)
endif()

# dpc_tablegen_dialect(FOLDER NAME dialect-name): the headers of one dialect, from
# include/dpc/Dialect/FOLDER/{NAMEDialect,NAMEOps}.td and, where they exist,
# NAMEInterfaces.td, NAMEAttrs.td and NAMEEnums.td. Target: DPC<NAME>Gen.
function(dpc_tablegen_dialect folder name dialect)
  set(LLVM_TARGET_DEFINITIONS ${name}Ops.td)
  mlir_tablegen(${name}Dialect.h.inc -gen-dialect-decls -dialect=${dialect})
  mlir_tablegen(${name}Dialect.cpp.inc -gen-dialect-defs -dialect=${dialect})
  mlir_tablegen(${name}Ops.h.inc -gen-op-decls -dialect=${dialect})
  mlir_tablegen(${name}Ops.cpp.inc -gen-op-defs -dialect=${dialect})
  mlir_tablegen(${name}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${dialect})
  mlir_tablegen(${name}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${dialect})
  mlir_tablegen(${name}Types.h.inc -gen-typedef-decls -typedefs-dialect=${dialect})
  mlir_tablegen(${name}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${dialect})
  mlir_tablegen(${name}Enums.h.inc -gen-enum-decls)
  mlir_tablegen(${name}Enums.cpp.inc -gen-enum-defs)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${name}Interfaces.td)
    set(LLVM_TARGET_DEFINITIONS ${name}Interfaces.td)
    mlir_tablegen(${name}Interfaces.h.inc -gen-op-interface-decls)
    mlir_tablegen(${name}Interfaces.cpp.inc -gen-op-interface-defs)
  endif()
  add_public_tablegen_target(DPC${name}Gen)
  add_dependencies(dpc-tablegen DPC${name}Gen)
endfunction()

# dpc_tablegen_passes(PREFIX): Passes.td of a phase, in its include folder.
function(dpc_tablegen_passes name)
  set(LLVM_TARGET_DEFINITIONS Passes.td)
  mlir_tablegen(Passes.h.inc -gen-pass-decls -name ${name})
  add_public_tablegen_target(DPC${name}PassGen)
  add_dependencies(dpc-tablegen DPC${name}PassGen)
endfunction()
add_custom_target(dpc-tablegen)
