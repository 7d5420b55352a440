// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a plug-in lies, and whether it is one of this build.
#include "plugins/Plugin.h"
#include <climits>
#include <cstdlib>
#include <dlfcn.h>
#include <iomanip>
#include <unistd.h>
#include <vector>

namespace dpcrt {
namespace {
using Function = const Plugin *(*)();

// The folder of a file, symbolic links followed; empty if there is none.
std::string folderOf(const char *path) {
  char real[PATH_MAX];
  if (!path || !realpath(path, real))
    return {};
  std::string file = real;
  return file.substr(0, file.rfind('/'));
}

// Where plug-ins may lie. The loader knows a program by the name that it was called by,
// which says nothing of its folder.
std::vector<std::string> candidates(const std::string &file) {
  std::vector<std::string> folders = {folderOf("/proc/self/exe")};
  Dl_info own = {};
  if (dladdr(reinterpret_cast<void *>(&openPlugin), &own) && own.dli_fname &&
      std::string(own.dli_fname).find('/') != std::string::npos)
    if (std::string folder = folderOf(own.dli_fname); folder != folders[0])
      folders.insert(folders.begin(), folder);
  std::vector<std::string> list;
  for (const std::string &folder : folders)
    if (!folder.empty())
      for (const char *place : {"/", "/../lib/"})
        list.push_back(folder + place + file);
  return list;
}

std::string hex(uint32_t version) {
  std::ostringstream out;
  out << std::hex << std::setw(8) << std::setfill('0') << version;
  return out.str();
}

// What is the same in every plug-in of this build.
Status check(const PluginEntry &entry, void *library, const std::string &path, const void *&kind) {
  auto function = reinterpret_cast<Function>(dlsym(library, entry.function));
  if (!function)
    return error(Code::Device, "'", path, "' is no plug-in of ", entry.of, ": it has no function ",
                 entry.function);
  const Plugin &plugin = *function();
  if (plugin.version != DPCRT_PLUGIN_VERSION)
    return error(Code::Device, "the plug-in '", path, "' is of version ", hex(plugin.version),
                 ", where this program needs ", hex(DPCRT_PLUGIN_VERSION),
                 "; both must come from one build");
  kind = plugin.kind;
  return {};
}
} // namespace

uint32_t pluginVersion() { return DPCRT_PLUGIN_VERSION; }

Status openPlugin(const PluginEntry &entry, const std::string &file, const std::string &needs,
                  const void *&kind) {
  std::string path = file, places;
  for (const std::string &candidate : candidates(file)) {
    if (access(candidate.c_str(), F_OK) == 0) {
      path = candidate;
      break;
    }
    places += (places.empty() ? "'" : ", '") + candidate + "'";
  }
  if (void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))
    return check(entry, library, path, kind);
  std::string why = dlerror();
  // The loader begins with the name of the file that it misses: this one, or one that it needs.
  if (path == file && why.compare(0, file.size() + 1, file + ":") == 0)
    return error(Code::Device, "there is no plug-in '", file, "': it is none of ", places,
                 ", and not where the dynamic loader looks (LD_LIBRARY_PATH)");
  return error(Code::Device, "cannot load the plug-in '", path, "': ", why, "; it needs ", needs);
}

} // namespace dpcrt
