// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is checked on a machine with a GPU, in order: plan.json, which `scripts/gpu-check pack`
// writes into the folder that it makes. Paths are of that folder.
#pragma once
#include "program/format/Status.h"
#include <map>
#include <string>
#include <vector>

namespace dpcrt::gpucheck {

struct Check {
  enum class Kind {
    Versions, // what the machine has, as `dpc doctor` says it
    Program,  // a program that ends with 0 where all is well
    Run,      // training whose losses, gradients and weights are compared
    Rates,    // of an artifact's kernels and products, one at a time
    Step,     // training whose steps are timed
  };
  std::string part, name; // the name is the only one
  Kind kind = Kind::Versions;
  // Least time that must be left for it to begin, and the most that it may take.
  double needs = 1, seconds = 60;

  std::vector<std::string> command;               // Program
  std::map<std::string, std::string> environment; // Program: set for it
  bool isOptional = false;        // Program: where it is not there, nothing is wrong
  std::string artifact;           // Run, Rates, Step
  std::vector<std::string> flags; // Run, Step: of dpc-run
  // Run: a folder of dumps (of --dump) that is compared with, and how far losses, gradients and
  // weights may be off (Differences.h); or an earlier run that has the same bits.
  std::string expected, sameAs;
  double loss = 0, gradient = 0, weight = 0;
};

struct Plan {
  std::string device = "cuda";
  double seconds = 350; // that all of it may take
  std::vector<Check> checks;
};

// Errors of code Usage name the key.
Status readPlan(const std::string &path, Plan &out);

} // namespace dpcrt::gpucheck
