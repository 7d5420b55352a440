// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Hashes of what several ranks hold: each flipped bit changes them, and a sum of floats over
// holders is 0 if and only if they agree.
#include "dpc/Optimizer/MirrorHash.h"

#include "../Codegen/KernelRunner.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/NN/NN.h"

#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using dpc::codegen::test::Bytes;
using dpc::codegen::test::fromBytes;
using dpc::codegen::test::KernelRunner;
using dpc::codegen::test::ParsedModule;
using dpc::codegen::test::toBytes;

namespace dpc::optimizer {
namespace {

// Kernels for a weight of some elements of a type, compiled together.
class Hash {
public:
  Hash(function_ref<Type(MLIRContext *)> element, int64_t elements, unsigned bits = 16,
       std::vector<int64_t> times = {}) {
    ParsedModule parsed("");
    ModuleOp module = *parsed.module;
    module.getContext()->loadDialect<func::FuncDialect, nn::NNDialect, dualpipe::DualPipeDialect>();
    words = hashedWords(element(module.getContext()), elements);
    auto add = [&](int64_t rows, int64_t length) {
      return rows * length > 0 ? buildRowHashes(module, rows, length, words.type).getName().str()
                               : "";
    };
    whole = words.count / kHashRow;
    blocks = add(whole, kHashRow);
    rest = add(1, words.count % kHashRow);
    total = buildHashTotal(module, rows()).getName().str();
    for (int64_t each : times)
      digits[each] = buildMirrorDigits(module, bits, each).getName().str();
    std::string text;
    llvm::raw_string_ostream(text) << module;
    runner = std::make_unique<KernelRunner>(text);
    wordBytes = std::max(1u, words.type.getIntOrFloatBitWidth() / 8);
  }

  uint32_t of(const Bytes &weight, int64_t pieces = 1) const {
    EXPECT_EQ(int64_t(weight.size()), words.count * wordBytes);
    std::vector<uint32_t> hashes;
    auto append = [&](const std::string &kernel, size_t begin, size_t end) {
      if (kernel.empty())
        return;
      Bytes part(weight.begin() + begin, weight.begin() + end);
      for (uint32_t hash : fromBytes<uint32_t>(runner->run(kernel, {part}, pieces).front()))
        hashes.push_back(hash);
    };
    const size_t cut = size_t(whole * kHashRow * wordBytes);
    append(blocks, 0, cut);
    append(rest, cut, weight.size());
    EXPECT_EQ(int64_t(hashes.size()), rows());
    return fromBytes<uint32_t>(runner->run(total, {toBytes(hashes)}).front()).front();
  }

  std::vector<float> digitsOf(uint32_t hash, int64_t times) const {
    return fromBytes<float>(
        runner->run(digits.at(times), {toBytes(std::vector<uint32_t>{hash})}).front());
  }

private:
  int64_t rows() const { return whole + (words.count % kHashRow > 0); }

  HashedWords words;
  int64_t whole = 0;
  unsigned wordBytes = 4;
  std::string blocks, rest, total;
  std::map<int64_t, std::string> digits;
  std::unique_ptr<KernelRunner> runner;
};

Bytes randomBytes(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(count);
  for (char &byte : bytes)
    byte = char(random());
  return bytes;
}

Type f32(MLIRContext *context) { return Float32Type::get(context); }
Type f64(MLIRContext *context) { return Float64Type::get(context); }
Type bf16(MLIRContext *context) { return BFloat16Type::get(context); }
Type boolean(MLIRContext *context) { return IntegerType::get(context, 1); }

// As it is defined, in plain loops.
template <typename Word> uint32_t plainHash(const Bytes &weight) {
  const std::vector<Word> words = fromBytes<Word>(weight);
  uint32_t total = 0;
  for (size_t row = 0; row * kHashRow < words.size(); ++row) {
    uint32_t sum = 0;
    for (size_t i = row * kHashRow; i < std::min(words.size(), (row + 1) * size_t(kHashRow)); ++i)
      sum += uint32_t(words[i]) * uint32_t(2 * (i - row * kHashRow) + 1);
    total += sum * uint32_t(2 * row + 1);
  }
  return total;
}

TEST(MirrorHash, IsWhatItIsDefinedAs) {
  for (int64_t count : {int64_t(1), int64_t(17), kHashRow, 3 * kHashRow + 5}) {
    const Bytes four = randomBytes(4 * count, 1), two = randomBytes(2 * count, 2),
                eight = randomBytes(8 * count, 3), one = randomBytes(count, 4);
    EXPECT_EQ(Hash(f32, count).of(four), plainHash<uint32_t>(four));
    EXPECT_EQ(Hash(bf16, count).of(two), plainHash<uint16_t>(two));
    EXPECT_EQ(Hash(f64, count).of(eight), plainHash<uint32_t>(eight));
    EXPECT_EQ(Hash(boolean, count).of(one), plainHash<uint8_t>(one));
  }
}

TEST(MirrorHash, DoesNotDependOnHowRowsAreDealt) {
  const Hash hash(f32, 9 * kHashRow + 100);
  const Bytes weight = randomBytes(4 * (9 * kHashRow + 100), 5);
  EXPECT_EQ(hash.of(weight, 1), hash.of(weight, 4));
}

TEST(MirrorHash, ChangesWithEveryBit) {
  const int64_t count = 2 * kHashRow + 3;
  const Hash hash(f32, count);
  Bytes weight = randomBytes(4 * count, 6);
  const uint32_t before = hash.of(weight);
  std::mt19937 random(7);
  for (unsigned bit = 0; bit < 32; ++bit) {
    const size_t element = random() % count;
    weight[4 * element + bit / 8] ^= char(1 << bit % 8);
    EXPECT_NE(hash.of(weight), before) << "bit " << bit << " of element " << element;
    weight[4 * element + bit / 8] ^= char(1 << bit % 8);
  }
  EXPECT_EQ(hash.of(weight), before);
}

TEST(MirrorHash, AddsUpToZeroWhereHoldersAgree) {
  for (const auto &each : {std::pair(16u, 2), {16u, 3}, {16u, 256}, {8u, 300}}) {
    const unsigned bits = each.first;
    const int holders = each.second;
    const Hash hash(f32, 1, bits, {holders - 1, -1});
    auto sums = [&](const std::vector<uint32_t> &hashes) {
      std::vector<float> sum(mirrorDigits(bits));
      for (size_t holder = 0; holder < hashes.size(); ++holder) {
        const std::vector<float> own = hash.digitsOf(hashes[holder], holder ? -1 : holders - 1);
        for (size_t d = 0; d < sum.size(); ++d)
          sum[d] += own[d];
      }
      return sum;
    };
    const std::vector<float> zeros(mirrorDigits(bits));
    for (uint32_t same : {0u, 1u, 0x80000000u, 0xFFFFFFFFu, 0x12345678u}) {
      std::vector<uint32_t> hashes(holders, same);
      EXPECT_EQ(sums(hashes), zeros);
      for (int other : {0, 1, holders - 1})
        for (uint32_t change : {1u, 0x100u, 0x10000u, 0x80000000u}) {
          hashes[other] = same + change;
          EXPECT_NE(sums(hashes), zeros) << bits << " bits, holder " << other << " of " << holders;
          hashes[other] = same;
        }
    }
  }
}

TEST(MirrorHash, HasDigitsThatFloatsAddExactly) {
  EXPECT_EQ(mirrorDigitBits(2), 16u);
  EXPECT_EQ(mirrorDigitBits(256), 16u);
  EXPECT_EQ(mirrorDigitBits(257), 8u);
  EXPECT_EQ(mirrorDigitBits(4096), 8u);
  for (uint64_t ranks : {uint64_t(2), uint64_t(256), uint64_t(257), uint64_t(65536)})
    EXPECT_LE(((uint64_t(1) << mirrorDigitBits(ranks)) - 1) * ranks, uint64_t(1) << 24);
}

} // namespace
} // namespace dpc::optimizer
