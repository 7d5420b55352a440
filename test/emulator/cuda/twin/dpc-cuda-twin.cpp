// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dpc-cuda-twin INPUT -o OUTPUT [--emit-llvm]: the twin of device code, from LLVM IR as text
// or bitcode; with --emit-llvm its module as text ("-": to the standard output).
#include "Twin.h"

#include "Target.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"

using namespace llvm;

static Error writeText(const Module &device, StringRef output) {
  Expected<dpc::codegen::Target> target = dpc::codegen::Target::get("cpu:native");
  if (!target)
    return target.takeError();
  auto twin = dpc::emulator::retarget(device, *target->createMachine());
  if (!twin)
    return twin.takeError();
  std::error_code code;
  raw_fd_ostream stream(output, code);
  if (code)
    return createStringError(code, "cannot write " + output);
  (*twin)->print(stream, nullptr);
  return Error::success();
}

int main(int argc, char **argv) {
  InitLLVM init(argc, argv);
  cl::opt<std::string> input(cl::Positional, cl::Required, cl::desc("<device code>"));
  cl::opt<std::string> output("o", cl::Required, cl::desc("Shared object to write"),
                              cl::value_desc("file"));
  cl::opt<bool> emitText("emit-llvm", cl::desc("Write the twin's module instead"));
  cl::ParseCommandLineOptions(argc, argv, "makes device code run on this host\n");
  LLVMContext context;
  SMDiagnostic diagnostic;
  std::unique_ptr<Module> device = parseIRFile(input, diagnostic, context);
  if (!device) {
    diagnostic.print(argv[0], errs());
    return 1;
  }
  Error error = emitText ? writeText(*device, output) : dpc::emulator::writeTwin(*device, output);
  if (error) {
    handleAllErrors(std::move(error), [](const ErrorInfoBase &info) {
      SmallVector<StringRef> lines;
      std::string text = info.message();
      StringRef(text).split(lines, '\n');
      for (StringRef line : lines)
        WithColor::error() << line << '\n';
    });
    return 1;
  }
  return 0;
}
