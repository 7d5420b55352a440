// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dpc-run as a function, which `dpc run` calls too. It is written on the C
// interface alone.
#pragma once
#include <ostream>
#include <string>
#include <vector>

namespace dpcrt {

// args: the command line without the program's name. Results go to `out`, progress
// and errors to `err`; `terminal`: err is one, and shows a moving line of progress.
// Returns the exit status.
int runCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err,
               bool terminal = false);

// `dpc eval`, in the same way.
int evalCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err);

} // namespace dpcrt
