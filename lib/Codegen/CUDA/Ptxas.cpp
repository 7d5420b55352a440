// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NVIDIA's assembler: where it is, and what it says.
#include "DeviceCode.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

#include <cstdlib>

namespace dpc::codegen {

static llvm::Error error(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

// In the virtual environment that a build has beside its executables' folder.
static std::string findInEnvironment(llvm::StringRef executables) {
  llvm::SmallString<128> folder(llvm::sys::path::parent_path(executables));
  llvm::sys::path::append(folder, "venv", "lib");
  std::vector<std::string> found;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(folder, code), end; !code && it != end;
       it.increment(code)) {
    llvm::SmallString<128> path(it->path());
    llvm::sys::path::append(path, "site-packages", "nvidia", "cuda_nvcc", "bin");
    llvm::sys::path::append(path, "ptxas");
    if (llvm::sys::fs::can_execute(path))
      found.push_back(std::string(path));
  }
  llvm::sort(found);
  return found.empty() ? "" : found.back();
}

llvm::Expected<std::string> findPtxas() {
  if (const char *given = std::getenv("DPC_PTXAS")) {
    llvm::StringRef path(given);
    if (!path.empty() && (llvm::sys::fs::is_directory(path) || !llvm::sys::fs::can_execute(path)))
      return error("DPC_PTXAS is '" + path + "', which is no program that can be run");
    return path.str();
  }
  static const int anchor = 0; // in the executable, whose path is asked for
  std::string executable = llvm::sys::fs::getMainExecutable(nullptr, const_cast<int *>(&anchor));
  llvm::SmallString<128> folder(llvm::sys::path::parent_path(executable));
  llvm::SmallString<128> beside(folder);
  llvm::sys::path::append(beside, "ptxas");
  if (llvm::sys::fs::can_execute(beside))
    return std::string(beside);
  if (std::string found = findInEnvironment(folder); !found.empty())
    return found;
  llvm::ErrorOr<std::string> onPath = llvm::sys::findProgramByName("ptxas");
  return onPath ? *onPath : std::string();
}

std::string readPtxasVersion(llvm::StringRef ptxas) {
  llvm::SmallString<128> file;
  if (llvm::sys::fs::createTemporaryFile("dpc-ptxas", "", file))
    return "";
  llvm::FileRemover remover(file);
  constexpr unsigned kSeconds = 10;
  if (llvm::sys::ExecuteAndWait(ptxas, {ptxas, "--version"}, std::nullopt,
                                {llvm::StringRef(""), llvm::StringRef(file), llvm::StringRef("")},
                                kSeconds) != 0)
    return "";
  auto said = llvm::MemoryBuffer::getFile(file);
  if (!said)
    return "";
  // "Cuda compilation tools, release 12.9, V12.9.86"
  llvm::StringRef rest = (*said)->getBuffer().split(", release ").second.split(", V").second;
  return rest.take_while([](char c) { return llvm::isDigit(c) || c == '.'; }).str();
}

// The number before `words` in a line of ptxas' report.
static std::optional<uint32_t> numberBefore(llvm::StringRef line, llvm::StringRef words) {
  size_t at = line.find(words);
  if (at == llvm::StringRef::npos)
    return std::nullopt;
  llvm::StringRef before = line.take_front(at).rtrim();
  uint32_t number = 0;
  if (before.take_back(before.size() - (before.find_last_not_of("0123456789") + 1))
          .getAsInteger(10, number))
    return std::nullopt;
  return number;
}

// A report names a function, then says in two lines what it needs.
static llvm::StringMap<DeviceFigures> readReport(llvm::StringRef report) {
  llvm::StringMap<DeviceFigures> all;
  DeviceFigures *current = nullptr;
  for (llvm::StringRef line : llvm::split(report, '\n')) {
    llvm::StringRef rest = line;
    if (size_t at = rest.find("Compiling entry function '"); at != llvm::StringRef::npos) {
      llvm::StringRef name = rest.drop_front(at).split('\'').second.split('\'').first;
      current = &all[name];
      current->symbol = name.str();
    } else if (current) {
      if (auto bytes = numberBefore(line, " bytes stack frame"))
        current->stackBytes = *bytes;
      if (auto bytes = numberBefore(line, " bytes spill stores"))
        current->spillBytes += *bytes;
      if (auto bytes = numberBefore(line, " bytes spill loads"))
        current->spillBytes += *bytes;
      if (auto count = numberBefore(line, " registers"))
        current->registers = *count;
      if (auto bytes = numberBefore(line, " bytes smem"))
        current->sharedBytes = *bytes;
    }
  }
  return all;
}

llvm::Error assemble(llvm::StringRef ptxas, llvm::StringRef folder,
                     llvm::ArrayRef<std::string> symbols, CudaImage &image) {
  llvm::SmallString<128> pattern(folder), parts;
  if (folder.empty())
    llvm::sys::path::system_temp_directory(/*erasedOnReboot=*/true, pattern);
  llvm::sys::path::append(pattern, "dpc-" + image.architecture);
  // LLVM would look for a relative one in the system's folder.
  std::error_code code = llvm::sys::fs::make_absolute(pattern);
  if (!code)
    code = llvm::sys::fs::createUniqueDirectory(pattern, parts);
  if (code)
    return llvm::createStringError(code, "cannot write " + pattern + ": " + code.message());
  llvm::scope_exit cleanUp([&] { llvm::sys::fs::remove_directories(parts); });
  auto path = [&](llvm::StringRef name) { return (parts + "/" + name).str(); };
  std::string source = path("kernels.ptx"), result = path("kernels.cubin"),
              messages = path("messages");
  {
    llvm::raw_fd_ostream stream(source, code);
    if (!code) {
      stream << image.ptx;
      stream.close();
      code = stream.error();
    }
    stream.clear_error();
  }
  if (code)
    return llvm::createStringError(code, "cannot write " + source + ": " + code.message());

  std::string architecture = "-arch=" + image.architecture;
  std::string why;
  int status = llvm::sys::ExecuteAndWait(
      ptxas, {ptxas, "-v", "-O3", architecture, source, "-o", result}, std::nullopt,
      {llvm::StringRef(""), llvm::StringRef(messages), llvm::StringRef(messages)}, 0, 0, &why);
  std::string report;
  if (auto buffer = llvm::MemoryBuffer::getFile(messages))
    report = (*buffer)->getBuffer().str();
  auto cubin = llvm::MemoryBuffer::getFile(result);
  if (status != 0 || !cubin) {
    llvm::StringRef words = llvm::StringRef(report).trim();
    if (words.empty())
      words = why.empty() ? llvm::StringRef("it says nothing") : llvm::StringRef(why);
    return error(ptxas + " failed for " + image.architecture + ": " + words);
  }
  image.cubin = (*cubin)->getBuffer().str();
  llvm::StringMap<DeviceFigures> figures = readReport(report);
  for (const std::string &symbol : symbols) {
    auto found = figures.find(symbol);
    if (found == figures.end())
      return error(ptxas + " says nothing of '" + symbol + "' for " + image.architecture);
    image.figures.push_back(found->second);
  }
  return llvm::Error::success();
}

} // namespace dpc::codegen
