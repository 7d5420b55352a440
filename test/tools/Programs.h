// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The programs of a lowered module, to be changed and looked at again.
#pragma once
#include "../../lib/Artifact/WrittenPrograms.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mutants {

using Programs = std::map<unsigned, dpcrt::fb::ProgramT>; // by rank

/// The programs of a module's first entry point, which is training.
struct ProgramSet {
  ProgramSet();
  /// False after an error, which is printed.
  bool load(const std::string &path);
  /// Copies of these ranks' programs, or of all.
  Programs unpack(llvm::ArrayRef<unsigned> ranks) const;
  Programs unpack() const;

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string entry; // its name
  llvm::StringRef constants() const { return written->constants; }
  std::vector<const dpcrt::fb::Program *> programs;

private:
  std::unique_ptr<dpc::artifact::WrittenPrograms> written;
};

std::string pack(const dpcrt::fb::ProgramT &program);

/// Gives every range of a command to `map`, and puts what it returns in its place.
void mapRanges(dpcrt::fb::CommandT &command,
               llvm::function_ref<dpcrt::fb::Ref(const dpcrt::fb::Ref &)> map);

} // namespace mutants
