// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc doctor`: what is here, and what would stop a run.
#pragma once
#include "dpc-doctor/Findings.h"
#include <ostream>
#include <string>
#include <vector>

namespace dpcrt {

// args: the command line without the program's name. Returns the exit status: 0, or that with
// which every run would end. `examineCompiler` adds what the compiler needs of this machine.
int doctorCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err,
                  void (*examineCompiler)(doctor::Findings &));

} // namespace dpcrt
