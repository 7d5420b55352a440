// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each derivative against central finite differences, each variant a case.
#include "Harness.h"
#include "gtest/gtest.h"

using namespace dpc::test;

namespace {

// func @f of one operation: `signature` is "(%a: ..., ...)", `body` defines %y
// (or %y:2), `type` is the result type.
std::string single(const std::string &signature, const std::string &body, const std::string &type,
                   const std::string &result = "%y") {
  return "func.func @f" + signature + " -> (" + type + ") {\n  " + body + "\n  return " + result +
         " : " + type + "\n}\n";
}

std::string unary(const std::string &op) {
  return single("(%x: tensor<2x3xf32>)", "%y = nn." + op + " %x : tensor<2x3xf32>",
                "tensor<2x3xf32>");
}

std::string binary(const std::string &op) {
  return single("(%a: tensor<2x3xf32>, %b: tensor<2x3xf32>)",
                "%y = nn." + op + " %a, %b : tensor<2x3xf32>", "tensor<2x3xf32>");
}

std::string convert(const std::string &op, const std::string &from, const std::string &to) {
  return single("(%x: " + from + ")", "%y = nn." + op + " : " + from + " to " + to, to);
}

std::vector<GradientCase> elementwiseCases() {
  std::vector<GradientCase> cases;
  for (const char *op :
       {"neg", "abs", "exp", "reciprocal", "tanh", "erf", "sigmoid", "relu", "sin", "cos"})
    cases.push_back({op, unary(op)});
  for (const char *op : {"log", "sqrt"})
    cases.push_back({op, unary(op), Domain::Positive});
  for (const char *op : {"add", "sub", "mul", "div", "max", "min"})
    cases.push_back({op, binary(op)});
  cases.push_back({"pow", binary("pow"), Domain::Positive});
  // A base below zero with an even exponent, whose own gradient is not asked.
  cases.push_back({"pow_negative_base", single("(%x: tensor<4xf32>)",
                                               "%two = nn.constant dense<2.0> : tensor<4xf32>\n"
                                               "  %y = nn.pow %x, %two : tensor<4xf32>",
                                               "tensor<4xf32>")});
  cases.push_back({"select",
                   single("(%c: tensor<4xi1>, %a: tensor<4xf32>, %b: tensor<4xf32>)",
                          "%y = nn.select %c, %a, %b : tensor<4xf32>", "tensor<4xf32>"),
                   Domain::Signed,
                   {{1, 0, 0, 1}}});
  cases.push_back({"cast", convert("cast %x", "tensor<3xf32>", "tensor<3xf64>")});
  // Used twice: both contributions arrive.
  cases.push_back({"square", single("(%x: tensor<3xf32>)", "%y = nn.mul %x, %x : tensor<3xf32>",
                                    "tensor<3xf32>")});
  // A gradient stops at floor and sign, rightly.
  cases.push_back({"inactive", single("(%x: tensor<3xf32>)",
                                      "%s = nn.sign %x : tensor<3xf32>\n"
                                      "  %h = nn.floor %x : tensor<3xf32>\n"
                                      "  %c = nn.ceil %x : tensor<3xf32>\n"
                                      "  %t = nn.add %s, %h : tensor<3xf32>\n"
                                      "  %u = nn.mul %t, %c : tensor<3xf32>\n"
                                      "  %y = nn.mul %u, %x : tensor<3xf32>",
                                      "tensor<3xf32>")});
  return cases;
}

std::vector<GradientCase> shapeCases() {
  return {
      {"broadcast_new", convert("broadcast %x dims [1]", "tensor<3xf32>", "tensor<2x3xf32>")},
      {"broadcast_unit",
       convert("broadcast %x dims [0, 2]", "tensor<2x1xf32>", "tensor<2x4x3xf32>")},
      {"broadcast_scalar", convert("broadcast %x dims []", "tensor<f32>", "tensor<2x2xf32>")},
      {"broadcast_kept_unit",
       convert("broadcast %x dims [0, 1]", "tensor<1x3xf32>", "tensor<1x3x2xf32>")},
      {"reshape", convert("reshape %x", "tensor<2x6xf32>", "tensor<3x4xf32>")},
      {"transpose", convert("transpose %x [2, 0, 1]", "tensor<2x3x4xf32>", "tensor<4x2x3xf32>")},
      {"slice",
       convert("slice %x [0, 1] to [4, 6] step [1, 1]", "tensor<4x8xf32>", "tensor<4x5xf32>")},
      {"slice_strided",
       convert("slice %x [1, 0] to [4, 8] step [2, 3]", "tensor<4x8xf32>", "tensor<2x3xf32>")},
      {"slice_empty",
       convert("slice %x [1, 2] to [4, 2] step [1, 1]", "tensor<4x8xf32>", "tensor<3x0xf32>")},
      {"pad", convert("pad %x low [1, 0] high [0, 2] interior [0, 0] with 3.0 : f32",
                      "tensor<2x3xf32>", "tensor<3x5xf32>")},
      {"pad_interior", convert("pad %x low [1, 0] high [2, 1] interior [2, 1] with 0.0 : f32",
                               "tensor<2x3xf32>", "tensor<7x6xf32>")},
      {"concat", single("(%a: tensor<2x3xf32>, %b: tensor<2x1xf32>, %c: tensor<2x2xf32>)",
                        "%y = nn.concat 1, %a, %b, %c : tensor<2x3xf32>, tensor<2x1xf32>, "
                        "tensor<2x2xf32> to tensor<2x6xf32>",
                        "tensor<2x6xf32>")},
      {"concat_first", single("(%a: tensor<1x3xf32>, %b: tensor<2x3xf32>)",
                              "%y = nn.concat 0, %a, %b : tensor<1x3xf32>, tensor<2x3xf32> to "
                              "tensor<3x3xf32>",
                              "tensor<3x3xf32>")},
  };
}

std::vector<GradientCase> reductionCases() {
  std::vector<GradientCase> cases;
  for (const std::string op : {"reduce_sum", "reduce_max"}) {
    cases.push_back({op + "_last", convert(op + " %x [1]", "tensor<3x4xf32>", "tensor<3xf32>")});
    cases.push_back(
        {op + "_two", convert(op + " %x [0, 2]", "tensor<2x3x2xf32>", "tensor<3xf32>")});
    cases.push_back({op + "_all", convert(op + " %x [0, 1]", "tensor<3x4xf32>", "tensor<f32>")});
  }
  for (const std::string how : {"", " exclusive", " reverse", " exclusive reverse"})
    for (const std::string axis : {"0", "1"})
      cases.push_back(
          {"cumsum" + how + axis,
           single("(%x: tensor<3x4xf32>)",
                  "%y = nn.cumsum %x, " + axis + how + " : tensor<3x4xf32>", "tensor<3x4xf32>")});
  return cases;
}

std::string matmul(const std::string &lhs, const std::string &rhs, const std::string &perms,
                   const std::string &result) {
  return single("(%a: " + lhs + ", %b: " + rhs + ")",
                "%y = nn.matmul %a, %b" + perms + " : " + lhs + ", " + rhs + " to " + result,
                result);
}

std::vector<GradientCase> matmulCases() {
  return {
      {"plain", matmul("tensor<3x4xf32>", "tensor<4x5xf32>", "", "tensor<3x5xf32>")},
      {"lhs_transposed",
       matmul("tensor<4x3xf32>", "tensor<4x5xf32>", " lhs [1, 0]", "tensor<3x5xf32>")},
      {"rhs_transposed",
       matmul("tensor<3x4xf32>", "tensor<5x4xf32>", " rhs [1, 0]", "tensor<3x5xf32>")},
      {"result_transposed",
       matmul("tensor<3x4xf32>", "tensor<4x5xf32>", " result [1, 0]", "tensor<5x3xf32>")},
      {"all_transposed", matmul("tensor<4x3xf32>", "tensor<5x4xf32>",
                                " lhs [1, 0] rhs [1, 0] result [1, 0]", "tensor<5x3xf32>")},
      {"batched", matmul("tensor<2x3x4xf32>", "tensor<2x4x5xf32>", "", "tensor<2x3x5xf32>")},
      {"two_batch_dims",
       matmul("tensor<2x3x2x4xf32>", "tensor<2x3x4x3xf32>", "", "tensor<2x3x2x3xf32>")},
      // Attention: [B, S, H, D] in, [B, H, S, S] out, and back.
      {"scores", matmul("tensor<2x3x2x4xf32>", "tensor<2x5x2x4xf32>",
                        " lhs [0, 2, 1, 3] rhs [0, 2, 3, 1]", "tensor<2x2x3x5xf32>")},
      {"context", matmul("tensor<2x2x3x5xf32>", "tensor<2x5x2x4xf32>",
                         " rhs [0, 2, 1, 3] result [0, 2, 1, 3]", "tensor<2x3x2x4xf32>")},
      // Permutations that are no involutions.
      {"cycles", matmul("tensor<3x4x2xf32>", "tensor<4x5x2xf32>",
                        " lhs [2, 0, 1] rhs [2, 0, 1] result [1, 2, 0]", "tensor<3x5x2xf32>")},
      {"cycles_back", matmul("tensor<4x2x3xf32>", "tensor<5x2x4xf32>",
                             " lhs [1, 2, 0] rhs [1, 2, 0] result [2, 0, 1]", "tensor<5x2x3xf32>")},
  };
}

std::string conv(const std::string &operand, const std::string &weight, const std::string &window,
                 const std::string &result) {
  return single("(%a: " + operand + ", %b: " + weight + ")",
                "%y = nn.conv %a, %b " + window + " : " + operand + ", " + weight + " to " + result,
                result);
}

std::vector<GradientCase> convolutionCases() {
  return {
      {"flat", conv("tensor<2x2x5xf32>", "tensor<3x2x3xf32>",
                    "strides [1] dilations [1] low [0] high [0] groups 1", "tensor<2x3x3xf32>")},
      // The last element is read by no window.
      {"flat_stride",
       conv("tensor<2x2x6xf32>", "tensor<3x2x3xf32>",
            "strides [2] dilations [1] low [1] high [0] groups 1", "tensor<2x3x3xf32>")},
      {"flat_dilation",
       conv("tensor<1x2x6xf32>", "tensor<2x2x3xf32>",
            "strides [1] dilations [2] low [1] high [3] groups 1", "tensor<1x2x6xf32>")},
      {"flat_groups",
       conv("tensor<2x4x4xf32>", "tensor<6x2x2xf32>",
            "strides [1] dilations [1] low [0] high [1] groups 2", "tensor<2x6x4xf32>")},
      {"plain", conv("tensor<2x2x4x5xf32>", "tensor<3x2x2x3xf32>",
                     "strides [1, 1] dilations [1, 1] low [0, 0] high [0, 0] groups 1",
                     "tensor<2x3x3x3xf32>")},
      // Each number of its own in both dimensions.
      {"window", conv("tensor<1x2x5x6xf32>", "tensor<2x2x2x3xf32>",
                      "strides [2, 3] dilations [2, 1] low [1, 2] high [2, 0] groups 1",
                      "tensor<1x2x3x2xf32>")},
      {"groups", conv("tensor<2x4x3x3xf32>", "tensor<6x2x2x2xf32>",
                      "strides [1, 1] dilations [1, 1] low [1, 0] high [0, 1] groups 2",
                      "tensor<2x6x3x3xf32>")},
      {"depthwise", conv("tensor<2x3x4x4xf32>", "tensor<3x1x3x3xf32>",
                         "strides [1, 1] dilations [1, 1] low [1, 1] high [1, 1] groups 3",
                         "tensor<2x3x4x4xf32>")},
      {"pointwise_stride", conv("tensor<2x3x4x3xf32>", "tensor<2x3x1x1xf32>",
                                "strides [2, 2] dilations [1, 1] low [0, 0] high [0, 0] groups 1",
                                "tensor<2x2x2x2xf32>")},
      // Elements between two windows are read by none.
      {"wide_stride", conv("tensor<1x2x7x5xf32>", "tensor<2x2x2x1xf32>",
                           "strides [3, 2] dilations [1, 1] low [0, 0] high [1, 0] groups 1",
                           "tensor<1x2x3x3xf32>")},
      // A stem of patches.
      {"patches", conv("tensor<2x3x4x6xf32>", "tensor<5x3x2x2xf32>",
                       "strides [2, 2] dilations [1, 1] low [0, 0] high [0, 0] groups 1",
                       "tensor<2x5x2x3xf32>")},
  };
}

std::string indexed(const std::string &op, const std::string &table, const std::string &indices,
                    const std::string &how, const std::string &result) {
  return single(
      "(%t: " + table + ", %i: " + indices + ")",
      "%y = nn." + op + " %t, %i" + how + " : " + table + ", " + indices + " to " + result, result);
}

std::string scattered(const std::string &op, const std::string &indices, const std::string &updates,
                      const std::string &how, const std::string &result) {
  return single("(%i: " + indices + ", %u: " + updates + ")",
                "%y = nn." + op + " %i, %u" + how + " : " + indices + ", " + updates + " to " +
                    result,
                result);
}

std::vector<GradientCase> indexingCases() {
  Domain any = Domain::Signed;
  return {
      // An index twice, and one out of range.
      {"gather",
       indexed("gather", "tensor<4x3xf32>", "tensor<5xi64>", " axis 0", "tensor<5x3xf32>"),
       any,
       {{1, 3, 1, 0, 7}}},
      {"gather_inner",
       indexed("gather", "tensor<2x4x3xf32>", "tensor<2x2xi64>", " axis 1", "tensor<2x2x2x3xf32>"),
       any,
       {{1, 3, 1, 0}}},
      {"scatter_add",
       scattered("scatter_add", "tensor<2x2xi64>", "tensor<2x2x2x3xf32>", " axis 1",
                 "tensor<2x4x3xf32>"),
       any,
       {{1, 3, 1, -1}}},
      {"gather_nd",
       indexed("gather_nd", "tensor<3x4x2xf32>", "tensor<3x2xi64>", "", "tensor<3x2xf32>"),
       any,
       {{1, 3, 1, 3, 0, 9}}},
      {"gather_nd_batch",
       indexed("gather_nd", "tensor<2x3x4xf32>", "tensor<2x2x1xi64>", " {batch_dims = 1 : i64}",
               "tensor<2x2x4xf32>"),
       any,
       {{2, 0, 1, 1}}},
      {"scatter_nd_add",
       scattered("scatter_nd_add", "tensor<2x2x1xi64>", "tensor<2x2x4xf32>",
                 " {batch_dims = 1 : i64}", "tensor<2x3x4xf32>"),
       any,
       {{2, 0, 1, 1}}},
      {"gather_elements",
       indexed("gather_elements", "tensor<3x4xf32>", "tensor<2x4xi64>", " axis 0",
               "tensor<2x4xf32>"),
       any,
       {{0, 2, 1, 2, 0, 2, 2, 5}}},
      {"scatter_elements_add",
       scattered("scatter_elements_add", "tensor<3x2xi64>", "tensor<3x2xf32>", " axis 1",
                 "tensor<3x4xf32>"),
       any,
       {{0, 0, 1, 3, 2, -2}}},
      {"top_k", single("(%x: tensor<3x5xf32>)",
                       "%y, %i = nn.top_k %x, 2 : tensor<3x5xf32> to "
                       "tensor<3x2xf32>, tensor<3x2xi64>",
                       "tensor<3x2xf32>")},
      {"top_k_smallest", single("(%x: tensor<3x5xf32>)",
                                "%y, %i = nn.top_k %x, 3 smallest : "
                                "tensor<3x5xf32> to tensor<3x3xf32>, tensor<3x3xi64>",
                                "tensor<3x3xf32>")},
  };
}

std::vector<GradientCase> rowCases() {
  std::string norm = "%y, %m, %r = nn.layer_norm %x, %s";
  return {
      {"softmax", unary("softmax")},
      {"log_softmax", unary("log_softmax")},
      {"layer_norm", single("(%x: tensor<2x3x4xf32>, %s: tensor<4xf32>, %b: tensor<4xf32>)",
                            norm + ", %b epsilon 1.0e-05 : tensor<2x3x4xf32>, tensor<4xf32>, "
                                   "tensor<4xf32>",
                            "tensor<2x3x4xf32>")},
      {"layer_norm_no_bias",
       single("(%x: tensor<3x4xf32>, %s: tensor<4xf32>)",
              norm + " epsilon 0.1 : tensor<3x4xf32>, tensor<4xf32>", "tensor<3x4xf32>")},
      {"layer_norm_statistics",
       single("(%x: tensor<3x4xf32>, %s: tensor<4xf32>)",
              norm + " epsilon 1.0e-05 : tensor<3x4xf32>, tensor<4xf32>",
              "tensor<3x4xf32>, tensor<3xf32>, tensor<3xf32>", "%y, %m, %r")},
      {"layer_norm_rstd_only",
       single("(%x: tensor<3x4xf32>, %s: tensor<4xf32>)",
              norm + " epsilon 1.0e-05 : tensor<3x4xf32>, tensor<4xf32>", "tensor<3xf32>", "%r")},
  };
}

std::vector<GradientCase> lossCases() {
  Domain any = Domain::Signed;
  std::string sig = "(%x: tensor<4x5xf32>, %t: tensor<4xi64>)";
  std::string types = " : tensor<4x5xf32>, tensor<4xi64>";
  return {
      {"cross_entropy",
       single(sig, "%y, %l = nn.cross_entropy %x, %t" + types, "tensor<4xf32>"),
       any,
       {{0, 4, 2, 2}}},
      {"cross_entropy_ignored",
       single(sig, "%y, %l = nn.cross_entropy %x, %t ignore -100" + types, "tensor<4xf32>"),
       any,
       {{0, -100, 2, -100}}},
      {"cross_entropy_lse",
       single(sig, "%y, %l = nn.cross_entropy %x, %t ignore 3" + types,
              "tensor<4xf32>, tensor<4xf32>", "%y, %l"),
       any,
       {{0, 3, 2, 1}}},
      {"weighted_mean",
       single("(%v: tensor<5xf32>, %w: tensor<5xf32>)",
              "%y, %d = nn.weighted_mean %v, %w : tensor<5xf32>", "tensor<f32>"),
       Domain::Positive},
      {"weighted_mean_den",
       single("(%v: tensor<5xf32>, %w: tensor<5xf32>)",
              "%y, %d = nn.weighted_mean %v, %w : tensor<5xf32>", "tensor<f32>, tensor<f32>",
              "%y, %d"),
       Domain::Positive},
  };
}

std::vector<GradientCase> collectiveCases() {
  std::vector<std::pair<std::string, int64_t>> ep = {{"ep", 2}}, both = {{"ep", 2}, {"tp", 3}};
  auto over = [](const std::string &op, const std::string &how, const std::string &from,
                 const std::string &to) {
    return single("(%x: " + from + ")",
                  "%s = nn.mul %x, %x : " + from + "\n  %y = nn." + op + " %s over " + how + " : " +
                      (op == "all_reduce" ? to : from + " to " + to),
                  to);
  };
  Domain any = Domain::Signed;
  return {
      {"all_to_all",
       over("all_to_all", "\"ep\" split 0 concat 1", "tensor<4x3xf32>", "tensor<2x6xf32>"),
       any,
       {},
       ep},
      {"all_to_all_same",
       over("all_to_all", "\"ep\" split 0 concat 0", "tensor<4x3xf32>", "tensor<4x3xf32>"),
       any,
       {},
       ep},
      {"all_to_all_inner",
       over("all_to_all", "\"tp\" split 1 concat 0", "tensor<2x3xf32>", "tensor<6x1xf32>"),
       any,
       {},
       both},
      {"all_gather",
       over("all_gather", "\"tp\" axis 1", "tensor<2x1xf32>", "tensor<2x3xf32>"),
       any,
       {},
       both},
      {"reduce_scatter",
       over("reduce_scatter", "\"ep\" axis 0", "tensor<4x2xf32>", "tensor<2x2xf32>"),
       any,
       {},
       both},
      {"all_reduce", over("all_reduce", "\"ep\"", "tensor<3xf32>", "tensor<3xf32>"), any, {}, both},
  };
}

class Gradients : public testing::TestWithParam<GradientCase> {};

TEST_P(Gradients, EqualFiniteDifferences) { checkGradients(GetParam()); }

std::string caseName(const testing::TestParamInfo<GradientCase> &info) {
  std::string name = info.param.name;
  for (char &c : name)
    if (!isalnum(static_cast<unsigned char>(c)))
      c = '_';
  return name;
}

#define DPC_FAMILY(NAME)                                                                           \
  INSTANTIATE_TEST_SUITE_P(NAME, Gradients, testing::ValuesIn(NAME##Cases()), caseName)
DPC_FAMILY(elementwise);
DPC_FAMILY(shape);
DPC_FAMILY(reduction);
DPC_FAMILY(matmul);
DPC_FAMILY(convolution);
DPC_FAMILY(indexing);
DPC_FAMILY(row);
DPC_FAMILY(loss);
DPC_FAMILY(collective);

} // namespace
