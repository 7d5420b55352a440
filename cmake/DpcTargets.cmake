# How a library, a tool and a unit test of dpc are declared. Three functions, so
# that flags, include paths and precompiled headers are decided in one place.

add_library(dpc_options INTERFACE)
target_include_directories(dpc_options INTERFACE
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
target_compile_options(dpc_options INTERFACE
  -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers
  -ffp-contract=off)      # DESIGN: no contraction across operations, also in our own C++ oracles
if(DPC_ASSERTIONS)
  target_compile_options(dpc_options INTERFACE -UNDEBUG)
endif()
if(DPC_SANITIZE)
  string(REPLACE ";" "," _dpc_sanitize "${DPC_SANITIZE}")
  target_compile_options(dpc_options INTERFACE -fsanitize=${_dpc_sanitize} -fno-omit-frame-pointer)
  target_link_options(dpc_options INTERFACE -fsanitize=${_dpc_sanitize})
endif()

# dpc_add_library(NAME [MLIR] SOURCES a.cpp ... [LINK lib ...] [DEPENDS target ...])
# MLIR: the library includes MLIR headers; it then shares one precompiled header.
function(dpc_add_library name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC dpc_options ${ARG_LINK})
  if(ARG_MLIR)
    target_link_libraries(${name} PUBLIC dpc_mlir)
    target_precompile_headers(${name} REUSE_FROM dpc_pch)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# An executable shares the libraries' precompiled header if it is compiled as they
# are: as position independent code, not as a position independent executable.
function(dpc_reuse_pch name)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  target_precompile_headers(${name} REUSE_FROM dpc_pch)
endfunction()

# dpc_add_tool(NAME [MLIR] SOURCES ... LINK ...)
function(dpc_add_tool name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE dpc_options ${ARG_LINK})
  if(ARG_MLIR)
    target_link_libraries(${name} PRIVATE dpc_mlir)
    dpc_reuse_pch(${name})
  endif()
endfunction()

# dpc_add_unit_test(NAME [MLIR] SOURCES ... LINK ...): a GoogleTest binary under
# build/test/unit that lit finds and runs.
function(dpc_add_unit_test name)
  cmake_parse_arguments(ARG "MLIR" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE dpc_options ${ARG_LINK} GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE DPC_TEST_DIR="${PROJECT_SOURCE_DIR}/test")
  if(ARG_MLIR)
    target_link_libraries(${name} PRIVATE dpc_mlir)
    dpc_reuse_pch(${name})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/unit)
  add_dependencies(dpc-unit-tests ${name})
endfunction()
add_custom_target(dpc-unit-tests)
