// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Damaged files are refused or imported, never a crash: bytes flipped and files
// cut at places drawn from a fixed seed.
#include "Model.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

#include <random>

using namespace dpc::test;

static std::string writeTemporary(llvm::StringRef bytes) {
  llvm::SmallString<128> path;
  int descriptor;
  EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("dpc-damage", "onnx", descriptor, path));
  llvm::raw_fd_ostream out(descriptor, /*shouldClose=*/true);
  out << bytes;
  return std::string(path);
}

static void damage(llvm::StringRef name, int rounds, unsigned seed) {
  auto buffer = llvm::MemoryBuffer::getFile(getModelPath(name), false, false);
  ASSERT_TRUE(bool(buffer));
  std::string original = (*buffer)->getBuffer().str();
  std::mt19937 random(seed);
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(name.str() + ", seed " + std::to_string(seed) + ", round " +
                 std::to_string(round));
    std::string bytes = original;
    if (round % 8 == 0)
      bytes.resize(random() % bytes.size());
    else
      for (unsigned i = 0, e = 1 + random() % 8; i < e; ++i)
        // The structure is in the first part and between weights: flip there.
        bytes[random() % (i % 2 ? bytes.size() : bytes.size() / 4)] ^= 1 << random() % 8;
    std::string path = writeTemporary(bytes);
    Imported imported(path);
    if (!imported.module) {
      ++refused;
      EXPECT_FALSE(imported.errors.empty());
    }
    llvm::sys::fs::remove(path);
  }
  EXPECT_GT(refused, 0);
}

TEST(Damage, Transformer) { damage("gpt2.onnx", 160, 1); }
TEST(Damage, UnfoldedGraph) { damage("gpt2_raw.onnx", 80, 2); }
TEST(Damage, MixtureOfExperts) { damage("moe.onnx", 80, 3); }
