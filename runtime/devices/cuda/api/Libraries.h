// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where NVIDIA's libraries lie. They come with the driver, with a toolkit or with packages of
// Python, and a program that is built without them opens them at run time: first as it is told
// to, then as the system would, then as a user of PyTorch has them. What is found first is what
// is used: one that cannot be loaded is an error, for otherwise another one than the one that
// was meant would do the work, and nobody would know.
#pragma once
#include "program/format/Status.h"
#include <string>
#include <vector>

namespace dpcrt::cuda {

// In the order in which they are looked into.
struct LibraryPlaces {
  std::vector<std::string> told;   // folders of DPC_CUDA_LIBRARIES
  bool system = true;              // whether the dynamic loader is asked
  std::vector<std::string> python; // of packages `nvidia` of the active Python environment
};

// By DPC_CUDA_LIBRARIES (folders with colons between them), VIRTUAL_ENV and CONDA_PREFIX.
LibraryPlaces findLibraryPlaces();

struct Library {
  void *handle = nullptr; // stays open as long as the process
  std::string path;       // of the file, links followed
};

// Opens the first of `names` that there is, in the first place that has one of them. Errors have
// code Device; `brings` says who would bring it: "NVIDIA's driver brings it".
Status openLibrary(const LibraryPlaces &places, const std::vector<std::string> &names,
                   const std::string &brings, Library &out);

// A function to be found: its exported name, and where its address goes.
struct Symbol {
  const char *name;
  void **function;
};

// Finds all of them, or names all that the library lacks. `needs`: what a library that has them
// all is, for that message.
Status findSymbols(const Library &library, const std::vector<Symbol> &symbols,
                   const std::string &needs);

// CUDA's own way to count versions: 12040 is "12.4".
std::string cudaVersionText(int version);

} // namespace dpcrt::cuda
