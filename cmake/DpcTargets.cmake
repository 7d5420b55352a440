# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
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
  target_compile_options(dpc_options INTERFACE -fsanitize=${_dpc_sanitize} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(dpc_options INTERFACE -fsanitize=${_dpc_sanitize})
endif()

# dpc_add_library(NAME [MLIR] [HEADERS a.h ...] [SOURCES a.cpp ...] [LINK lib ...]
#                 [DEPENDS target ...])
# MLIR: the library includes MLIR headers; it then shares one precompiled header.
# HEADERS: headers of this folder (or of its mirror in include/) that are this library's
# although no source is called like them, where the folder has several libraries.
# Without sources it is a library of headers alone.
function(dpc_add_library name)
  cmake_parse_arguments(ARG "MLIR" "" "HEADERS;SOURCES;LINK;DEPENDS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC dpc_options ${ARG_LINK})
    dpc_link_alone(${name})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE dpc_options ${ARG_LINK})
  endif()
  if(ARG_MLIR)
    target_link_libraries(${name} PUBLIC dpc_mlir)
    target_precompile_headers(${name} REUSE_FROM dpc_pch)
  endif()
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  dpc_note_layer(${name} "${ARG_HEADERS}" "${ARG_SOURCES}" "${ARG_LINK}")
endfunction()

# Links everything of a library, with what it says it links and nothing else: what it
# uses beyond that is an undefined symbol. The layering test builds `dpc-alone`.
add_custom_target(dpc-alone)
file(WRITE ${PROJECT_BINARY_DIR}/alone.cpp "")
function(dpc_link_alone name)
  if(NOT DPC_BUILD_TESTS OR DPC_SANITIZE)
    return()
  endif()
  add_library(${name}_alone SHARED EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/alone.cpp)
  target_link_libraries(${name}_alone PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,${name}>")
  target_link_options(${name}_alone PRIVATE -Wl,-z,defs)
  set_target_properties(${name}_alone PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/alone)
  add_dependencies(dpc-alone ${name}_alone)
endfunction()

# dpc_add_plugin(NAME OUTPUT file SOURCES a.cpp ... LINK lib ...): a shared object that the
# runtime opens when it is asked for it. What it links stays inside of it: nobody else's
# functions take the place of its own, nor its own of another's.
function(dpc_add_plugin name)
  cmake_parse_arguments(ARG "" "OUTPUT" "SOURCES;LINK" ${ARGN})
  add_library(${name} MODULE ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES OUTPUT_NAME ${ARG_OUTPUT} CXX_VISIBILITY_PRESET hidden)
  target_link_libraries(${name} PRIVATE dpc_options ${ARG_LINK})
  target_link_options(${name} PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/Plugin.map)
  set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/Plugin.map)
  install(TARGETS ${name} LIBRARY DESTINATION lib COMPONENT runtime)
  dpc_note_layer(${name} "" "${ARG_SOURCES}" "${ARG_LINK}")
endfunction()

# Notes a library for dpc_write_layers.
function(dpc_note_layer name headers sources links)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  foreach(list headers sources links)
    list(JOIN ${list} " " ${list})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY DPC_LAYERS "${name}|${folder}|${headers}|${sources}|${links}")
endfunction()

# Writes the libraries, a line each, for the layering test: name, folder, headers,
# sources and what it links, with bars between them.
function(dpc_write_layers)
  get_property(layers GLOBAL PROPERTY DPC_LAYERS)
  set(text "")
  foreach(layer IN LISTS layers)
    string(APPEND text "${layer}\n")
  endforeach()
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/layers.txt CONTENT "${text}")
endfunction()

# An executable shares the libraries' precompiled header if it is compiled as they
# are: as position independent code, not as a position independent executable.
function(dpc_link_mlir name)
  target_link_libraries(${name} PRIVATE dpc_mlir)
  if(DPC_SANITIZE)
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/SanitizerOptions.cpp)
  endif()
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
    dpc_link_mlir(${name})
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
    dpc_link_mlir(${name})
  endif()
  # Plug-ins are found where the dynamic loader looks, which is where they are built.
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/unit
    BUILD_RPATH ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
  add_dependencies(dpc-unit-tests ${name})
endfunction()
add_custom_target(dpc-unit-tests)
