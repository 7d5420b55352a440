// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the doctor finds, part by part: facts of this machine, and reasons why a run would end.
#pragma once
#include "program/format/Status.h"
#include <vector>

namespace dpcrt::doctor {

struct Fact {
  std::string name, text;
};

struct Stop {
  std::string run; // of which runs: "--device cuda"; empty: of all
  Status why;
};

struct Findings {
  std::vector<Fact> facts;
  std::vector<Stop> stops;

  void add(const std::string &name, const std::string &text) { facts.push_back({name, text}); }
  // Nothing if `why` is no error, or has been said of these runs.
  void stop(const std::string &run, const Status &why) {
    for (const Stop &said : stops)
      if (said.run == run && said.why.message() == why.message())
        return;
    if (!why.ok())
      stops.push_back({run, why});
  }
};

// Processor, cores, memory, and limits that the system sets to this process.
void examineMachine(Findings &out);
// Driver, GPUs and libraries of NVIDIA's.
void examineNvidia(Findings &out);
// What started this process, and what could join it with others.
void examineProcesses(Findings &out);

} // namespace dpcrt::doctor
