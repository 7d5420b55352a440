// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See MutateModel.h. By reflection, so that a field that ONNX adds is mutated too.
#include "MutateModel.h"

#include <climits>
#include <random>

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace {

class Mutator {
public:
  Mutator(Message &root, unsigned seed) : root(root), random(seed) {}

  void run() {
    for (unsigned i = 0, e = 1 + below(4); i < e; ++i) {
      messages.clear();
      strings.clear();
      collect(root);
      change(*messages[below(messages.size())]);
    }
  }

private:
  size_t below(size_t limit) { return random() % limit; }

  // All messages, and all texts: a name that occurs elsewhere is worth more than noise.
  void collect(Message &message) {
    messages.push_back(&message);
    std::vector<const FieldDescriptor *> fields;
    const auto *reflection = message.GetReflection();
    reflection->ListFields(message, &fields);
    for (const FieldDescriptor *field : fields) {
      int count = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i)
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE)
          collect(field->is_repeated() ? *reflection->MutableRepeatedMessage(&message, field, i)
                                       : *reflection->MutableMessage(&message, field));
        else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING)
          strings.push_back(field->is_repeated() ? reflection->GetRepeatedString(message, field, i)
                                                 : reflection->GetString(message, field));
    }
  }

  // Mostly a field that is set: there are many that nobody uses.
  const FieldDescriptor *choose(const Message &message) {
    std::vector<const FieldDescriptor *> fields;
    if (below(4))
      message.GetReflection()->ListFields(message, &fields);
    const auto *type = message.GetDescriptor();
    return fields.empty() ? type->field(below(type->field_count())) : fields[below(fields.size())];
  }

  void change(Message &message) {
    const FieldDescriptor *field = choose(message);
    const auto *reflection = message.GetReflection();
    if (!field->is_repeated()) {
      if (!below(6))
        reflection->ClearField(&message, field);
      else
        set(message, field, -1);
      return;
    }
    int count = reflection->FieldSize(message, field);
    switch (count ? below(5) : 0) {
    case 0:
      add(message, field, count);
      break;
    case 1:
      reflection->RemoveLast(&message, field);
      break;
    case 2:
      reflection->SwapElements(&message, field, below(count), below(count));
      break;
    default:
      set(message, field, below(count));
    }
  }

  // A new element, or one more like another.
  void add(Message &message, const FieldDescriptor *field, int count) {
    const auto *reflection = message.GetReflection();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Message *added = reflection->AddMessage(&message, field);
      if (count)
        added->CopyFrom(reflection->GetRepeatedMessage(message, field, below(count)));
      return;
    }
#define ADD(TYPE, NAME, VALUE)                                                                     \
  case FieldDescriptor::CPPTYPE_##TYPE:                                                            \
    return reflection->Add##NAME(&message, field, VALUE);
    switch (field->cpp_type()) {
      ADD(INT32, Int32, integer())
      ADD(INT64, Int64, integer())
      ADD(UINT32, UInt32, integer())
      ADD(UINT64, UInt64, integer())
      ADD(FLOAT, Float, number())
      ADD(DOUBLE, Double, number())
      ADD(BOOL, Bool, below(2))
      ADD(STRING, String, text())
      ADD(ENUM, EnumValue, int(below(field->enum_type()->value_count())))
    default:
      return;
    }
  }

  // `at`: of a repeated field.
  void set(Message &message, const FieldDescriptor *field, int at) {
    const auto *reflection = message.GetReflection();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      // One of the same kind that stands elsewhere; a copy, as this one may be in it.
      const Message &other = *messages[below(messages.size())];
      if (other.GetDescriptor() != field->message_type() || other.ByteSizeLong() > 4096)
        return;
      std::unique_ptr<Message> copy(other.New());
      copy->CopyFrom(other);
      Message *place = at < 0 ? reflection->MutableMessage(&message, field)
                              : reflection->MutableRepeatedMessage(&message, field, at);
      place->CopyFrom(*copy);
      return;
    }
#define SET(TYPE, NAME, VALUE)                                                                     \
  case FieldDescriptor::CPPTYPE_##TYPE:                                                            \
    return at < 0 ? reflection->Set##NAME(&message, field, VALUE)                                  \
                  : reflection->SetRepeated##NAME(&message, field, at, VALUE);
    switch (field->cpp_type()) {
      SET(INT32, Int32, integer())
      SET(INT64, Int64, integer())
      SET(UINT32, UInt32, integer())
      SET(UINT64, UInt64, integer())
      SET(FLOAT, Float, number())
      SET(DOUBLE, Double, number())
      SET(BOOL, Bool, below(2))
      SET(STRING, String, text())
      SET(ENUM, EnumValue, int(below(field->enum_type()->value_count())))
    default:
      return;
    }
  }

  int64_t integer() {
    constexpr int64_t limits[] = {INT64_MIN, INT32_MIN,       -1, INT32_MAX, int64_t(1) << 32,
                                  INT64_MAX, int64_t(1) << 40};
    return below(4) ? int64_t(below(12)) - 3 : limits[below(std::size(limits))];
  }
  double number() {
    constexpr double values[] = {0, -0.0, 1, -1, 0.5, 1e300, -1e30, 1e-40, INFINITY, NAN};
    return values[below(std::size(values))];
  }
  std::string text() {
    static const char *const words[] = {"",
                                        "x",
                                        "loss",
                                        "axis",
                                        "axes",
                                        "perm",
                                        "value",
                                        "keepdims",
                                        "split",
                                        "mode",
                                        "to",
                                        "local",
                                        "Add",
                                        "Mul",
                                        "Sub",
                                        "Div",
                                        "Pow",
                                        "Cast",
                                        "Clip",
                                        "Concat",
                                        "Constant",
                                        "Expand",
                                        "Flatten",
                                        "Gather",
                                        "GatherND",
                                        "Identity",
                                        "MatMul",
                                        "Gemm",
                                        "Max",
                                        "Mod",
                                        "OneHot",
                                        "Pad",
                                        "Range",
                                        "ReduceMax",
                                        "ReduceMean",
                                        "ReduceSum",
                                        "Relu",
                                        "Reshape",
                                        "ScatterND",
                                        "Shape",
                                        "Size",
                                        "Slice",
                                        "Softmax",
                                        "LogSoftmax",
                                        "Split",
                                        "Squeeze",
                                        "Sum",
                                        "Tile",
                                        "TopK",
                                        "Transpose",
                                        "Trilu",
                                        "Unsqueeze",
                                        "Where",
                                        "CumSum",
                                        "Einsum",
                                        "ij,jk->ik",
                                        "Dropout",
                                        "SequenceAt",
                                        "GatherElements",
                                        "ConstantOfShape",
                                        "LayerNormalization",
                                        "location",
                                        "offset",
                                        "length",
                                        "w.data",
                                        "../w.data",
                                        "16"};
    if (!strings.empty() && below(3))
      return strings[below(strings.size())];
    return words[below(std::size(words))];
  }

  Message &root;
  std::minstd_rand random;
  std::vector<Message *> messages;
  std::vector<std::string> strings;
};

} // namespace

void dpc::test::mutate(Message &message, unsigned seed) { Mutator(message, seed).run(); }
