// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of several sources as the compiler generates them: their values under several orders
// of threads, wherever operands begin, with whatever grid, in place.
#include "KernelTest.h"

#include "Random.h"
#include "dpc/Codegen/CUDA/CompileCudaKernels.h"
#include "program/format/Half.h"

#include "mlir/IR/MLIRContext.h"

#include <numeric>

namespace dpc::emulator::test {
namespace {

using dpcrt::Element;

const std::vector<std::pair<Element, uint32_t>> &kinds() {
  static const std::vector<std::pair<Element, uint32_t>> all = {
      {Element::F32, 2}, {Element::F32, 3},  {Element::F32, 16}, {Element::F64, 2},
      {Element::I32, 2}, {Element::I64, 3},  {Element::BF16, 2}, {Element::BF16, 5},
      {Element::F16, 3}, {Element::F32, 510}};
  return all;
}

const TwinFile *makeSums() {
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> empty = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  codegen::CudaOptions options;
  options.architectures = {"sm_80"};
  options.cubins = false;
  options.keepsModules = true;
  for (auto [element, sources] : kinds()) {
    options.sums.emplace_back();
    options.sums.back().element = element;
    options.sums.back().sources = sources;
  }
  auto compiled = codegen::compileCudaKernels(*empty, options);
  if (mlir::failed(compiled))
    return nullptr;
  std::string error;
  std::unique_ptr<TwinFile> twin = twinOfBitcode(compiled->images[0].bitcode, error);
  if (!twin)
    std::fprintf(stderr, "%s\n", error.c_str());
  return twin.release(); // for the whole process
}

const TwinFile *sums() {
  static const TwinFile *twin = makeSums();
  return twin;
}

// An operand that begins so many bytes behind a multiple of 16, or further.
struct Operand {
  std::vector<unsigned char> bytes; // with what lies before it
  size_t offset = 0;
};

// A value of every magnitude, so that another order of additions gives other bits.
void draw(Element element, size_t count, Random &random, unsigned char *out) {
  for (size_t i = 0; i < count; ++i) {
    double value = (static_cast<int32_t>(random.next()) / 2147483648.0) *
                   double(uint64_t(1) << random.below(12));
    float f = float(value);
    uint64_t n = random.next() << 32 | random.next();
    switch (element) {
    case Element::F32:
      std::memcpy(out + 4 * i, &f, 4);
      break;
    case Element::F64:
      std::memcpy(out + 8 * i, &value, 8);
      break;
    case Element::BF16:
    case Element::F16: {
      uint16_t half;
      dpcrt::narrowHalf(element, &f, &half, 1);
      std::memcpy(out + 2 * i, &half, 2);
      break;
    }
    default:
      std::memcpy(out + dpcrt::sizeOf(element) * i, &n, dpcrt::sizeOf(element));
    }
  }
}

template <typename T>
void addPlainly(const std::vector<const unsigned char *> &sources, size_t count,
                unsigned char *out) {
  for (size_t i = 0; i < count; ++i) {
    auto at = [&](const unsigned char *source) {
      T value;
      std::memcpy(&value, source + i * sizeof(T), sizeof(T));
      return value;
    };
    T sum = at(sources[0]);
    for (size_t s = 1; s < sources.size(); ++s)
      sum += at(sources[s]);
    std::memcpy(out + i * sizeof(T), &sum, sizeof(T));
  }
}

void addHalves(Element element, const std::vector<const unsigned char *> &sources, size_t count,
               unsigned char *out) {
  for (size_t i = 0; i < count; ++i) {
    auto at = [&](const unsigned char *source) {
      uint16_t half;
      std::memcpy(&half, source + 2 * i, 2);
      float wide;
      dpcrt::widenHalf(element, &half, &wide, 1);
      return wide;
    };
    float sum = at(sources[0]);
    for (size_t s = 1; s < sources.size(); ++s)
      sum += at(sources[s]);
    uint16_t half;
    dpcrt::narrowHalf(element, &sum, &half, 1);
    std::memcpy(out + 2 * i, &half, 2);
  }
}

void add(Element element, const std::vector<const unsigned char *> &sources, size_t count,
         unsigned char *out) {
  switch (element) {
  case Element::F32:
    return addPlainly<float>(sources, count, out);
  case Element::F64:
    return addPlainly<double>(sources, count, out);
  case Element::I32:
    return addPlainly<uint32_t>(sources, count, out); // that wraps around
  case Element::I64:
    return addPlainly<uint64_t>(sources, count, out);
  default:
    return addHalves(element, sources, count, out);
  }
}

struct Case {
  Element element = Element::F32;
  uint32_t sources = 2;
  size_t count = 0;
  int shifted = -1; ///< the buffer that begins an element too late; 0 is dst
  int inPlace = -1; ///< the source that dst is
  uint32_t grid = 1;
};

std::string describe(const Case &c, uint64_t seed) {
  return std::to_string(c.sources) + " of " + dpcrt::nameOf(c.element) + ", " +
         std::to_string(c.count) + " elements, shifted " + std::to_string(c.shifted) +
         ", in place " + std::to_string(c.inPlace) + ", grid " + std::to_string(c.grid) +
         ", seed " + std::to_string(seed);
}

void check(const Case &c, uint64_t seed) {
  const size_t unit = dpcrt::sizeOf(c.element), bytes = c.count * unit;
  Random random(seed + 100);
  auto offsetOf = [&](int buffer) { return buffer == c.shifted ? unit : 0; };
  std::vector<std::vector<unsigned char>> contents(c.sources);
  GuardedBuffers buffers;
  std::vector<const unsigned char *> sources;
  for (uint32_t s = 0; s < c.sources; ++s) {
    size_t offset = offsetOf(int(s) + 1);
    contents[s].resize(offset + bytes);
    draw(c.element, c.count, random, contents[s].data() + offset);
    sources.push_back(contents[s].data() + offset);
    if (int(s) == c.inPlace)
      buffers.addInOut(contents[s].data(), contents[s].size());
    else
      buffers.addInput(contents[s].data(), contents[s].size());
  }
  if (c.inPlace < 0)
    buffers.addOutput(offsetOf(0) + bytes);
  std::vector<unsigned char> want(bytes);
  add(c.element, sources, c.count, want.data());

  const size_t to = c.inPlace < 0 ? c.sources : size_t(c.inPlace);
  const size_t toOffset = c.inPlace < 0 ? offsetOf(0) : offsetOf(c.inPlace + 1);
  std::vector<void *> pointers = {static_cast<char *>(buffers.data(to)) + toOffset};
  for (uint32_t s = 0; s < c.sources; ++s)
    pointers.push_back(static_cast<char *>(buffers.data(s)) + offsetOf(int(s) + 1));
  std::vector<void *> arguments;
  for (void *&pointer : pointers)
    arguments.push_back(&pointer);
  uint64_t count = c.count;
  arguments.push_back(&count);

  std::vector<MemoryRange> ranges = buffers.ranges();
  Launch launch;
  launch.kernel = sums()->find("sum_" + std::string(dpcrt::nameOf(c.element)) + "_" +
                               std::to_string(c.sources));
  ASSERT_TRUE(launch.kernel);
  launch.grid.x = c.grid;
  launch.block.x = 256;
  launch.arguments = arguments.data();
  launch.memory = &ranges;
  launch.seed = seed;
  launch.findRacesUpTo = 1 << 20;
  Engine engine;
  std::optional<Fault> fault = engine.launch(sums()->table(), launch);
  ASSERT_FALSE(fault) << fault->message() << ": " << describe(c, seed);
  ASSERT_EQ(std::memcmp(pointers[0], want.data(), bytes), 0) << describe(c, seed);
  EXPECT_EQ(buffers.findDamage(), "") << describe(c, seed);
}

TEST(Sums, AreThoseOfOneLoopUnderEveryOrder) {
  ASSERT_TRUE(sums());
  for (auto [element, sources] : kinds())
    for (uint64_t seed = 0; seed < kSeeds; ++seed)
      check({element, sources, sources > 100 ? 70u : 3000 + seed, -1, -1, 2}, seed);
}

TEST(Sums, BeginAnywhere) {
  ASSERT_TRUE(sums());
  for (auto [element, sources] : kinds())
    for (int shifted = 0; shifted <= int(std::min(sources, 5u)); ++shifted)
      check({element, sources, 301, shifted, -1, 1}, shifted);
}

TEST(Sums, GoIntoOneOfTheirSources) {
  ASSERT_TRUE(sums());
  for (auto [element, sources] : kinds())
    for (int inPlace : {0, int(sources) - 1}) {
      check({element, sources, 1030, -1, inPlace, 2}, 1);
      check({element, sources, 30, inPlace + 1, inPlace, 1}, 2);
    }
}

// From nothing to more than the grid has threads; what a launch leaves idle does nothing.
TEST(Sums, TakeAnyGrid) {
  ASSERT_TRUE(sums());
  for (auto [element, sources] : {std::pair(Element::F32, 3u), {Element::BF16, 2u}})
    for (size_t count : {0, 1, 3, 4, 7, 8, 9, 255, 1024, 2048, 5000})
      for (uint32_t grid : {1, 2, 3, 9})
        check({element, sources, count, -1, -1, grid}, grid);
}

} // namespace
} // namespace dpc::emulator::test
