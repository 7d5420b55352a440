// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A search through folders, and the loader's own.
#include "devices/cuda/api/Libraries.h"
#include <algorithm>
#include <climits>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <link.h>
#include <sstream>
#include <unistd.h>

namespace dpcrt::cuda {
namespace {
namespace fs = std::filesystem;

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

// What a folder holds, in the order of names; nothing of one that cannot be read.
std::vector<fs::path> entries(const fs::path &folder) {
  std::vector<fs::path> list;
  std::error_code failure;
  for (fs::directory_iterator at(folder, failure), end; !failure && at != end;
       at.increment(failure))
    list.push_back(at->path());
  std::sort(list.begin(), list.end());
  return list;
}

// Adds the folders `lib` under `folder`, which packages of NVIDIA's keep their libraries in:
// nvidia/cublas/lib, nvidia/cu13/lib. Links to folders are not followed, so this ends.
void addLibFolders(const fs::path &folder, std::vector<std::string> &out) {
  for (const fs::path &entry : entries(folder)) {
    std::error_code failure;
    if (!fs::is_directory(fs::symlink_status(entry, failure)))
      continue;
    if (entry.filename() == "lib")
      out.push_back(entry.string());
    else
      addLibFolders(entry, out);
  }
}

void addPythonFolders(const std::string &environment, std::vector<std::string> &out) {
  if (environment.empty())
    return;
  for (const fs::path &entry : entries(fs::path(environment) / "lib"))
    if (entry.filename().string().rfind("python", 0) == 0)
      addLibFolders(entry / "site-packages" / "nvidia", out);
}

// The file that was opened, which the loader alone knows if it was asked for a name.
std::string pathOf(void *handle, const std::string &asked) {
  link_map *map = nullptr;
  std::string path = asked;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map && map->l_name && *map->l_name)
    path = map->l_name;
  char real[PATH_MAX];
  return realpath(path.c_str(), real) ? real : path;
}

enum class Found { No, Yes, Broken };

// `file`: a path, or a name for the loader to look for.
Found tryToOpen(const std::string &file, Library &out, Status &failure) {
  bool isPath = file.find('/') != std::string::npos;
  if (isPath && access(file.c_str(), F_OK) != 0)
    return Found::No;
  if (void *handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    out.handle = handle;
    out.path = pathOf(handle, file);
    return Found::Yes;
  }
  std::string why = dlerror();
  // The loader begins with the name of the file that it misses: this one, or one that it needs.
  if (!isPath && why.rfind(file + ": cannot open shared object file", 0) == 0)
    return Found::No;
  failure = error(Code::Device, "cannot load the library '", file, "': ", why);
  return Found::Broken;
}

std::string quoted(const std::vector<std::string> &names, const char *between) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "'" : between + std::string("'")) + name + "'";
  return text;
}

Status absent(const LibraryPlaces &places, const std::vector<std::string> &names,
              const std::string &brings) {
  std::vector<std::string> where;
  if (!places.told.empty())
    where.push_back("in " + quoted(places.told, ", ") + " (DPC_CUDA_LIBRARIES)");
  if (places.system)
    where.push_back("where the dynamic loader looks");
  if (!places.python.empty())
    where.push_back("in the active Python environment");
  std::ostringstream out;
  out << "there is no " << quoted(names, " or ");
  for (size_t i = 0; i < where.size(); ++i)
    out << (i == 0 ? " " : i + 1 < where.size() ? ", " : " or ") << where[i];
  out << "; " << brings;
  if (places.told.empty())
    out << ", and DPC_CUDA_LIBRARIES may name its folder";
  return Status(Code::Device, out.str());
}
} // namespace

LibraryPlaces findLibraryPlaces() {
  LibraryPlaces places;
  std::istringstream told(environment("DPC_CUDA_LIBRARIES"));
  for (std::string folder; std::getline(told, folder, ':');)
    if (!folder.empty())
      places.told.push_back(folder);
  for (const char *name : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    addPythonFolders(environment(name), places.python);
  return places;
}

Status openLibrary(const LibraryPlaces &places, const std::vector<std::string> &names,
                   const std::string &brings, Library &out) {
  std::vector<std::string> folders;
  for (const std::string &folder : places.told)
    folders.push_back(folder + "/");
  if (places.system)
    folders.push_back("");
  for (const std::string &folder : places.python)
    folders.push_back(folder + "/");
  for (const std::string &folder : folders)
    for (const std::string &name : names) {
      Status failure;
      Found found = tryToOpen(folder + name, out, failure);
      if (found != Found::No)
        return failure;
    }
  return absent(places, names, brings);
}

Status findSymbols(const Library &library, const std::vector<Symbol> &symbols,
                   const std::string &needs) {
  std::string missing;
  for (const Symbol &symbol : symbols)
    if (!(*symbol.function = dlsym(library.handle, symbol.name)))
      missing += (missing.empty() ? "" : ", ") + std::string(symbol.name);
  if (missing.empty())
    return {};
  return error(Code::Device, "the library '", library.path, "' lacks ", missing, "; ", needs,
               " has all that is needed");
}

std::string cudaVersionText(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

} // namespace dpcrt::cuda
