// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The twins of an artifact: dpc-cuda-twins MODEL.dpc CODE -o FOLDER. A device is given an
// image, not its name, so FOLDER has for each image of the artifact a file with the name
// <hash>.so, XXH128 of the image's bytes (runtime/data/Hash.h). CODE is what dpc compile
// --dump-device-code wrote when it made the artifact.
//
// What lies in FOLDER already is kept, unless this program is newer; images of one module
// share one making. So artifacts may share a folder, and processes may fill it at once.
#include "Twin.h"

#include "data/Hash.h"
#include "session/Artifact.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"

#include <map>

using namespace llvm;

namespace {

Error error(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

class Folder {
public:
  Folder(StringRef path, StringRef program) : path(path) {
    sys::fs::file_status status;
    if (!sys::fs::status(program, status))
      programTime = status.getLastModificationTime();
  }

  unsigned made = 0;

  /// The twin of `code`, under the name of the image.
  Error add(const std::string &image, const std::string &code) {
    std::string hash;
    if (dpcrt::Status s = dpcrt::hashFile(image, dpcrt::Code::Artifact, hash); !s.ok())
      return error(s.message());
    std::string output = path + "/" + hash + ".so";
    if (isFresh(output))
      return Error::success();
    auto bitcode = MemoryBuffer::getFile(code);
    if (!bitcode)
      return error("cannot read " + code + ": " + bitcode.getError().message());
    std::string &known = byModule[std::string((*bitcode)->getBuffer())];
    // Under another name first: others see it whole or not at all.
    SmallString<128> draft;
    if (std::error_code e = sys::fs::createUniqueFile(path + "/.%%%%%%%%.so", draft))
      return error("cannot write into " + path + ": " + e.message());
    if (Error e = known.empty() ? make(**bitcode, draft)
                                : errorCodeToError(sys::fs::copy_file(known, draft))) {
      sys::fs::remove(draft);
      return joinErrors(error(code + ":"), std::move(e));
    }
    if (std::error_code e = sys::fs::rename(draft, output))
      return error("cannot make " + output + ": " + e.message());
    known = output;
    return Error::success();
  }

private:
  bool isFresh(const std::string &file) {
    sys::fs::file_status status;
    return !sys::fs::status(file, status) && status.getLastModificationTime() >= programTime;
  }

  Error make(MemoryBufferRef bitcode, StringRef output) {
    LLVMContext context;
    SMDiagnostic diagnostic;
    std::unique_ptr<Module> device = parseIR(bitcode, diagnostic, context);
    if (!device)
      return error(diagnostic.getMessage());
    ++made;
    return dpc::emulator::writeTwin(*device, output);
  }

  std::string path;
  sys::TimePoint<> programTime;
  std::map<std::string, std::string> byModule; // bitcode, and where its twin lies
};

Error makeTwins(const std::string &model, const std::string &code, const std::string &output,
                const char *program) {
  dpcrt::Artifact artifact;
  if (dpcrt::Status s = dpcrt::openArtifact(model, artifact); !s.ok())
    return error(s.message());
  if (std::error_code e = sys::fs::create_directories(output))
    return error("cannot make " + output + ": " + e.message());
  Folder folder(output, sys::fs::getMainExecutable(program, (void *)(intptr_t)&error));
  unsigned images = 0;
  for (const dpcrt::Manifest::Target &target : artifact.manifest.targets) {
    if (target.device != "cuda")
      continue;
    ++images;
    std::string stem = sys::path::stem(target.file).str();
    if (Error e = folder.add(artifact.path(target.file), code + "/" + stem + ".bc"))
      return e;
  }
  if (images == 0)
    return error(model + " has no image for GPUs");
  outs() << images << " images, " << folder.made << " twins made\n";
  return Error::success();
}

} // namespace

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::opt<std::string> model(cl::Positional, cl::Required, cl::desc("<artifact>"));
  cl::opt<std::string> code(cl::Positional, cl::Required, cl::desc("<device code>"));
  cl::opt<std::string> output("o", cl::Required, cl::desc("Folder for the twins"),
                              cl::value_desc("folder"));
  cl::ParseCommandLineOptions(argc, argv, "makes an artifact's device code run on this host\n");
  if (Error failure = makeTwins(model, code, output, argv[0])) {
    logAllUnhandledErrors(std::move(failure), errs(), "error: ");
    return 1;
  }
  return 0;
}
