// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every exported form of every model gives the losses that PyTorch's float64
// gives, evaluated by the interpreter in double precision, micro-batch by
// micro-batch; and its denominators are the counts of labels.
#include "Model.h"
#include "dpc/Reference/Parameters.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::test;

namespace {

// The tensors of a safetensors file: a length, a JSON header, bytes.
class Tensors {
public:
  explicit Tensors(const std::string &path) {
    buffer = std::move(*llvm::MemoryBuffer::getFile(path, false, false));
    StringRef bytes = buffer->getBuffer();
    uint64_t length;
    memcpy(&length, bytes.data(), 8);
    header = llvm::cantFail(llvm::json::parse(bytes.substr(8, length)));
    data = bytes.drop_front(8 + length);
  }

  // Row `index` of a tensor whose first dimension counts micro-batches.
  reference::Tensor getRow(StringRef name, int64_t index, Type type) {
    const llvm::json::Object *entry = header.getAsObject()->getObject(name);
    EXPECT_NE(entry, nullptr) << name.str();
    const llvm::json::Array *offsets = entry->getArray("data_offsets");
    StringRef bytes = data.slice(*(*offsets)[0].getAsUINT64(), *(*offsets)[1].getAsUINT64());
    size_t size = nn::getByteSize(type);
    bytes = bytes.substr(index * size, size);
    EXPECT_EQ(bytes.size(), size) << name.str();
    return reference::Tensor::fromBytes(type, ArrayRef<char>(bytes.data(), bytes.size()));
  }

private:
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  llvm::json::Value header = nullptr;
  StringRef data;
};

struct Case {
  const char *model, *graph;
};

class Models : public testing::TestWithParam<Case> {};

} // namespace

TEST_P(Models, LossesEqualTheReference) {
  auto [model, graph] = GetParam();
  Imported imported(getModelPath(graph));
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_EQ(imported.summary.weighting, "denominator");
  std::string base = getModelPath(model);
  auto text = llvm::MemoryBuffer::getFile(base + ".json");
  ASSERT_TRUE(bool(text));
  llvm::json::Value json = llvm::cantFail(llvm::json::parse((*text)->getBuffer()));
  const llvm::json::Array *losses = json.getAsObject()->getArray("micro_batch_loss");
  const llvm::json::Array *counts = json.getAsObject()->getArray("count");
  Tensors tensors(base + ".ref.safetensors");
  auto forward = imported.module->lookupSymbol<func::FuncOp>("forward");
  for (size_t m = 0; m < losses->size(); ++m) {
    SmallVector<reference::Tensor> inputs;
    for (unsigned i = 0; i < forward.getNumArguments(); ++i)
      inputs.push_back(tensors.getRow(
          ("in/" + forward.getArgAttrOfType<StringAttr>(i, "nn.name").getValue()).str(), m,
          forward.getArgumentTypes()[i]));
    auto results = reference::evaluate(forward, inputs, reference::makeParameterSource());
    ASSERT_TRUE(succeeded(results));
    double want = *(*losses)[m].getAsNumber();
    EXPECT_NEAR((*results)[0].at(0), want, 1e-6 * std::abs(want)) << "micro-batch " << m;
    EXPECT_EQ((*results)[1].at(0), *(*counts)[m].getAsNumber()) << "micro-batch " << m;
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, Models,
                         testing::Values(Case{"gpt2", "gpt2.onnx"}, Case{"gpt2", "gpt2_raw.onnx"},
                                         Case{"gpt2", "gpt2_default.onnx"},
                                         Case{"llama", "llama.onnx"},
                                         Case{"llama", "llama_default.onnx"},
                                         Case{"bert", "bert.onnx"},
                                         Case{"bert", "bert_default.onnx"}, Case{"moe", "moe.onnx"},
                                         Case{"moe", "moe_default.onnx"}),
                         [](const testing::TestParamInfo<Case> &info) {
                           return StringRef(info.param.graph).split('.').first.str();
                         });
