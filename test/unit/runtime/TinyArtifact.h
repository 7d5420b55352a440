// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A whole artifact by hand: y = x w, a loss with ignored rows, SGD. Rank r of R
// takes micro-batches m with m mod R = r; gradients and sums are reduced over all
// ranks, so that the result must not depend on R beyond rounding.
#pragma once
#include "../program/Builder.h"
#include "program/format/KernelTable.h"
#include "session/Manifest.h"
#include <functional>

namespace dpcrt::test {

struct TinyOptions {
  uint32_t ranks = 1, microBatches = 4;
  bool evalStep = false;
  Manifest::InitSource init{7, InitKind::Normal, 0.5};
  // What is done to them before they are written; for files that a compiler never makes.
  std::function<void(fb::ProgramT &)> changeProgram;
  std::function<void(Manifest &)> changeManifest;
  void (*changeKernels)(fb::KernelTableT &) = nullptr;
};

// A change of the programs: their losses become bytes of the step record's header, so
// that a run tells what its programs see there.
void fetchHeaderAsLoss(fb::ProgramT &program, uint64_t offset);

// Writes DIR and returns its manifest. Sums are renewed by sealArtifact.
Manifest writeTinyArtifact(const std::string &directory, const TinyOptions &options);
// (Re)writes XXH128SUMS over what lies in DIR.
void sealArtifact(const std::string &directory);

// A fresh directory below the test's temporary one.
std::string temporaryDirectory(const std::string &name);

} // namespace dpcrt::test
