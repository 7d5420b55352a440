// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What all commands share: --help, --version, --config FILE, --print-config, and
// errors in the user's words.
#pragma once
#include <CLI/CLI.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace dpcrt {

// Parses `args` (without the program's name) into what `app` was told. An exit status
// if that ends the command: 0 after --help, --version and --print-config, which write
// to `out`; 2 after an error, which is written to `err`.
std::optional<int> parseCommandLine(CLI::App &app, const std::vector<std::string> &args,
                                    std::ostream &out, std::ostream &err);

// The flags that were given and their values as a TOML text that --config takes.
std::string configText(const CLI::App &app, bool withDefaults);

} // namespace dpcrt
