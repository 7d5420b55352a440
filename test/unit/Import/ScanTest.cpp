// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The scanner of the wire format: payloads become ranges, the rest is copied.
#include "ModelFile.h"

#include "gtest/gtest.h"

using namespace dpc::import;

static std::string makeModel(const std::string &raw) {
  onnx::ModelProto model;
  model.set_ir_version(10);
  onnx::TensorProto *tensor = model.mutable_graph()->add_initializer();
  tensor->set_name("w");
  tensor->add_dims(2);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  tensor->set_raw_data(raw);
  model.mutable_graph()->add_node()->set_op_type("Relu");
  return model.SerializeAsString();
}

TEST(Scan, ReplacesPayloadsByIndices) {
  std::string raw(8, 'x'), bytes = makeModel(raw), stripped, error;
  std::vector<Payload> payloads;
  ASSERT_TRUE(scanModel(bytes, stripped, payloads, error)) << error;
  ASSERT_EQ(payloads.size(), 1u);
  EXPECT_EQ(bytes.substr(payloads[0].offset, payloads[0].length), raw);
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(stripped));
  EXPECT_EQ(model.graph().initializer(0).raw_data(), std::string(1, '\0'));
  EXPECT_EQ(model.graph().node(0).op_type(), "Relu");
}

TEST(Scan, TakesPackedFloatsAsTheyStand) {
  onnx::ModelProto model;
  model.mutable_graph()->add_initializer()->add_float_data(1.5f);
  std::string bytes = model.SerializeAsString(), stripped, error;
  std::vector<Payload> payloads;
  ASSERT_TRUE(scanModel(bytes, stripped, payloads, error)) << error;
  // protobuf 2 syntax writes single elements unless the field is packed.
  float value = 0;
  if (payloads.size() == 1) {
    ASSERT_EQ(payloads[0].length, 4u);
    memcpy(&value, bytes.data() + payloads[0].offset, 4);
    EXPECT_EQ(value, 1.5f);
  } else {
    EXPECT_EQ(stripped, bytes);
  }
}

TEST(Scan, NamesThePlaceOfDamage) {
  std::string bytes = makeModel(std::string(8, 'x')), stripped, error;
  std::vector<Payload> payloads;
  EXPECT_FALSE(scanModel(llvm::StringRef(bytes).drop_back(3), stripped, payloads, error));
  EXPECT_NE(error.find("at byte "), std::string::npos);
  EXPECT_NE(error.find("reaches beyond its end"), std::string::npos);
}

TEST(Scan, RefusesDeepNesting) {
  // An attribute's graph's node's attribute …
  onnx::ModelProto model;
  onnx::GraphProto *graph = model.mutable_graph();
  for (int i = 0; i < 60; ++i)
    graph = graph->add_node()->add_attribute()->mutable_g();
  std::string bytes = model.SerializeAsString(), stripped, error;
  std::vector<Payload> payloads;
  EXPECT_FALSE(scanModel(bytes, stripped, payloads, error));
  EXPECT_NE(error.find("nest"), std::string::npos);
}
