// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// CLI11 parses; what it says of an error is written anew here.
#include "cli/CommandLine.h"
#include "cli/Nearest.h"
#include "cli/Version.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace dpcrt {
namespace {
// Whole numbers as people write them: the library takes -1 for the largest one.
std::string checkWhole(const std::string &text) {
  bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  bool fits = digits && (text.size() < 20 || (text.size() == 20 && text <= "18446744073709551615"));
  return fits ? ""
              : "'" + text + "' is not a whole number of at least 0" +
                    (digits ? " that fits 64 bits" : "");
}
std::string checkInteger(const std::string &text) {
  std::string digits = !text.empty() && text[0] == '-' ? text.substr(1) : text;
  bool good = !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos &&
              digits.size() < 19;
  return good ? "" : "'" + text + "' is not a whole number";
}
std::string checkNumber(const std::string &text) {
  char *end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  return end != text.c_str() && !*end && std::isfinite(value) ? ""
                                                              : "'" + text + "' is not a number";
}

void addChecks(CLI::App &app) {
  for (CLI::Option *option : app.get_options()) {
    const std::string type = option->get_type_name();
    auto check = type.find("UINT") == 0    ? checkWhole
                 : type.find("INT") == 0   ? checkInteger
                 : type.find("FLOAT") == 0 ? checkNumber
                                           : nullptr;
    if (check)
      option->check(CLI::Validator(check, ""));
    // A flag that may be repeated takes one value each time: it would swallow the
    // model's name behind it otherwise.
    if (!option->get_positional() && option->get_expected_max() > 1)
      option->allow_extra_args(false);
  }
}

std::vector<std::string> flagsOf(const CLI::App &app) {
  std::vector<std::string> list;
  for (const CLI::Option *option : app.get_options())
    for (const std::string &name : option->get_lnames())
      list.push_back("--" + name);
  return list;
}

// A flag that there is not would swallow the word behind it or leave it over, and the
// message would be about that; so flags are looked at first.
std::string unknownFlag(const CLI::App &app, const std::vector<std::string> &args) {
  std::vector<std::string> known = flagsOf(app);
  for (const std::string &arg : args) {
    if (arg.empty())
      continue;
    if (arg == "--")
      return "";
    std::string flag = arg.substr(0, arg.find('='));
    if (flag.size() < 3 || flag[0] != '-')
      continue;
    bool longForm = flag[1] == '-';
    if (std::find(known.begin(), known.end(), flag) != known.end())
      continue;
    // -ofile is -o; -1 is a number; -lr is --lr with a dash too few.
    if (!longForm && (!std::isalpha(static_cast<unsigned char>(flag[1])) ||
                      std::find(known.begin(), known.end(), "-" + flag) == known.end()))
      continue;
    std::string near = longForm ? nearest(flag, known) : "-" + flag;
    return "there is no flag " + flag + (near.empty() ? "" : "; did you mean " + near + "?");
  }
  return "";
}

std::string inWords(const CLI::ParseError &e, const CLI::App &app) {
  std::string text = e.what();
  if (dynamic_cast<const CLI::ArgumentMismatch *>(&e)) {
    for (const CLI::Option *option : app.get_options())
      if (option->get_items_expected_max() > 0 &&
          option->results().size() > size_t(option->get_items_expected_max()))
        return option->get_name() + " is given more than once: " + option->results()[0] + " and " +
               option->results()[1];
    return text.substr(0, text.find(':')) + " needs a value";
  }
  if (dynamic_cast<const CLI::ExtrasError *>(&e)) {
    std::string list;
    for (const std::string &word : app.remaining(true))
      list += (list.empty() ? "'" : ", '") + word + "'";
    return "not understood: " + (list.empty() ? text : list);
  }
  return text;
}

std::string tomlString(const std::string &text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "\"";
}
} // namespace

std::string configText(const CLI::App &app, bool withDefaults) {
  std::string text;
  for (const CLI::Option *option : app.get_options()) {
    if (!option->get_configurable() ||
        (option->get_lnames().empty() && option->get_single_name().empty()))
      continue;
    std::string name =
        option->get_lnames().empty() ? option->get_single_name() : option->get_lnames().front();
    bool isFlag = option->get_type_size() == 0 || option->get_expected_max() == 0;
    std::vector<std::string> values =
        option->count() ? option->results() : std::vector<std::string>();
    if (values.empty() && (!withDefaults || option->get_default_str().empty()))
      continue;
    if (values.empty())
      values = {option->get_default_str()};
    if (isFlag) {
      text += name + "=" + (values.back() == "false" ? "false" : "true") + "\n";
      continue;
    }
    bool list = values.size() > 1;
    text += name + (list ? "=[" : "=");
    for (size_t i = 0; i < values.size(); ++i)
      text += (i ? ", " : "") + tomlString(values[i]);
    text += list ? "]\n" : "\n";
  }
  return text;
}

std::optional<int> parseCommandLine(CLI::App &app, const std::vector<std::string> &args,
                                    std::ostream &out, std::ostream &err) {
  auto fail = [&](const std::string &what) {
    err << "error: " << what << " (`" << app.get_name() << " --help` lists the flags)\n";
    return 2;
  };
  addChecks(app);
  bool printConfig = false;
  app.set_config("--config", "", "TOML file whose keys are the flags; flags win");
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.add_flag("--print-config", printConfig,
               "print the flags as they were resolved, for --config, and end")
      ->configurable(false);
  app.add_flag("--version", "print the version and end")->configurable(false);
  if (std::find(args.begin(), args.end(), "--version") != args.end()) {
    out << app.get_name() << " " << versionText() << "\n";
    return 0;
  }
  if (std::string wrong = unknownFlag(app, args); !wrong.empty())
    return fail(wrong);
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend()); // as the library takes a vector
    app.parse(reversed);
  } catch (const CLI::CallForHelp &) {
    out << app.help();
    return 0;
  } catch (const CLI::ParseError &e) {
    return fail(inWords(e, app));
  }
  if (printConfig) {
    out << configText(app, true);
    return 0;
  }
  return std::nullopt;
}

} // namespace dpcrt
