// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each operation's forward against values that NumPy gave for the same formula.
// Float inputs are 1.7 * sin(1.3 * i + 0.7) for element i.
#include "Harness.h"
#include "gtest/gtest.h"

#include <cmath>
#include <functional>

using namespace mlir;
using namespace dpc;
using namespace dpc::test;
using reference::Tensor;

namespace {

struct ForwardCase {
  std::string name, text;
  std::vector<std::vector<int64_t>> integers;
  std::vector<double> expected;
};

class Forward : public testing::TestWithParam<ForwardCase> {};

TEST_P(Forward, EqualsFormula) {
  auto context = makeContext();
  auto module = parse(*context, GetParam().text);
  ASSERT_TRUE(module);
  std::vector<Tensor> inputs;
  size_t next = 0;
  for (Type type : getFunction(*module, "f").getArgumentTypes()) {
    Tensor input = Tensor::zeros(type);
    for (size_t i = 0; i < input.floats.size(); ++i)
      input.floats[i] = 1.7 * std::sin(1.3 * i + 0.7);
    if (!input.isFloat())
      input.integers = GetParam().integers.at(next++);
    inputs.push_back(input);
  }
  auto results = run(*module, inputs);
  ASSERT_EQ(results.size(), 1u);
  ASSERT_EQ(results[0].floats.size(), GetParam().expected.size());
  for (auto [i, expected] : llvm::enumerate(GetParam().expected)) {
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(results[0].floats[i])) << "element " << i;
    else
      EXPECT_NEAR(results[0].floats[i], expected, 1e-12 * (1 + std::fabs(expected)))
          << "element " << i;
  }
}

// clang-format off
std::vector<ForwardCase> forwardCases() {
  return {
      {"transpose", "func.func @f(%x: tensor<2x3x4xf32>) -> (tensor<4x2x3xf32>) {\n%y = nn.transpose %x [2, 0, 1] : tensor<2x3x4xf32> to tensor<4x2x3xf32>\nreturn %y : tensor<4x2x3xf32>\n}",
       {},
       {1.0951700683040746, -0.6355903302114012, -1.6907393999467815, -0.9486888611875249, 0.8017863052601334, 1.6999893628569351, 1.545805625603659, 1.3492353685435603, -0.28152709826212596, -1.6130356464608107, -1.2299410852752164, 0.46053984012337734, -0.2681676800435219, 1.3574280914599335, 1.540123061924385, 0.08571856927157907, -1.4598019044368802, -1.4536016273210193, -1.6892747061768896, -0.6230145197282755, 1.1054893282670986, 1.6588948802038583, 0.448950486353598, -1.2382133053137088}},
      {"broadcast", "func.func @f(%x: tensor<2x1xf32>) -> (tensor<2x4x3xf32>) {\n%y = nn.broadcast %x dims [0, 2] : tensor<2x1xf32> to tensor<2x4x3xf32>\nreturn %y : tensor<2x4x3xf32>\n}",
       {},
       {1.0951700683040746, 1.0951700683040746, 1.0951700683040746, 1.0951700683040746, 1.0951700683040746, 1.0951700683040746, 1.0951700683040746, 1.0951700683040746, 1.0951700683040746, 1.0951700683040746, 1.0951700683040746, 1.0951700683040746, 1.545805625603659, 1.545805625603659, 1.545805625603659, 1.545805625603659, 1.545805625603659, 1.545805625603659, 1.545805625603659, 1.545805625603659, 1.545805625603659, 1.545805625603659, 1.545805625603659, 1.545805625603659}},
      {"reshape", "func.func @f(%x: tensor<2x6xf32>) -> (tensor<3x4xf32>) {\n%y = nn.reshape %x : tensor<2x6xf32> to tensor<3x4xf32>\nreturn %y : tensor<3x4xf32>\n}",
       {},
       {1.0951700683040746, 1.545805625603659, -0.2681676800435219, -1.6892747061768896, -0.6355903302114012, 1.3492353685435603, 1.3574280914599335, -0.6230145197282755, -1.6907393999467815, -0.28152709826212596, 1.540123061924385, 1.1054893282670986}},
      {"slice", "func.func @f(%x: tensor<4x8xf32>) -> (tensor<2x3xf32>) {\n%y = nn.slice %x [1, 0] to [4, 8] step [2, 3] : tensor<4x8xf32> to tensor<2x3xf32>\nreturn %y : tensor<2x3xf32>\n}",
       {},
       {-1.6907393999467815, 1.1054893282670986, 0.08571856927157907, 0.7911604098034296, -1.6091976386844367, 1.5451766897238033}},
      {"pad", "func.func @f(%x: tensor<2x3xf32>) -> (tensor<7x6xf32>) {\n%y = nn.pad %x low [1, 0] high [2, 1] interior [2, 1] with 3.0 : f32 : tensor<2x3xf32> to tensor<7x6xf32>\nreturn %y : tensor<7x6xf32>\n}",
       {},
       {3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 1.0951700683040746, 3.0, 1.545805625603659, 3.0, -0.2681676800435219, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, -1.6892747061768896, 3.0, -0.6355903302114012, 3.0, 1.3492353685435603, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0}},
      {"concat", "func.func @f(%a: tensor<2x3xf32>, %b: tensor<2x2xf32>) -> (tensor<2x5xf32>) {\n%y = nn.concat 1, %a, %b : tensor<2x3xf32>, tensor<2x2xf32> to tensor<2x5xf32>\nreturn %y : tensor<2x5xf32>\n}",
       {},
       {1.0951700683040746, 1.545805625603659, -0.2681676800435219, 1.0951700683040746, 1.545805625603659, -1.6892747061768896, -0.6355903302114012, 1.3492353685435603, -0.2681676800435219, -1.6892747061768896}},
      {"reduce_sum", "func.func @f(%x: tensor<2x3x4xf32>) -> (tensor<3xf32>) {\n%y = nn.reduce_sum %x [0, 2] : tensor<2x3x4xf32> to tensor<3xf32>\nreturn %y : tensor<3xf32>\n}",
       {},
       {-0.13357775048557619, 0.009052411965452256, 0.14206016232816077}},
      {"reduce_max", "func.func @f(%x: tensor<2x3x4xf32>) -> (tensor<3xf32>) {\n%y = nn.reduce_max %x [0, 2] : tensor<2x3x4xf32> to tensor<3xf32>\nreturn %y : tensor<3xf32>\n}",
       {},
       {1.6588948802038583, 1.3574280914599335, 1.6999893628569351}},
      {"reduce_sum_all", "func.func @f(%x: tensor<2x3x4xf32>) -> (tensor<f32>) {\n%y = nn.reduce_sum %x [0, 1, 2] : tensor<2x3x4xf32> to tensor<f32>\nreturn %y : tensor<f32>\n}",
       {},
       {0.017534823808036726}},
      {"cumsum_0", "func.func @f(%x: tensor<3x4xf32>) -> (tensor<3x4xf32>) {\n%y = nn.cumsum %x, 0 : tensor<3x4xf32>\nreturn %y : tensor<3x4xf32>\n}",
       {},
       {1.0951700683040746, 1.545805625603659, -0.2681676800435219, -1.6892747061768896, 0.4595797380926734, 2.8950409941472195, 1.0892604114164115, -2.312289225905165, -1.231159661854108, 2.6135138958850934, 2.6293834733407966, -1.2067998976380665}},
      {"cumsum_1", "func.func @f(%x: tensor<3x4xf32>) -> (tensor<3x4xf32>) {\n%y = nn.cumsum %x, 1 : tensor<3x4xf32>\nreturn %y : tensor<3x4xf32>\n}",
       {},
       {1.0951700683040746, 2.6409756939077336, 2.3728080138642116, 0.683533307687322, -0.6355903302114012, 0.7136450383321591, 2.071073129792093, 1.4480586100638173, -1.6907393999467815, -1.9722664982089073, -0.43214343628452223, 0.6733458919825763}},
      {"cumsum_exclusive", "func.func @f(%x: tensor<3x4xf32>) -> (tensor<3x4xf32>) {\n%y = nn.cumsum %x, 1 exclusive : tensor<3x4xf32>\nreturn %y : tensor<3x4xf32>\n}",
       {},
       {0.0, 1.0951700683040746, 2.6409756939077336, 2.3728080138642116, 0.0, -0.6355903302114012, 0.7136450383321591, 2.071073129792093, 0.0, -1.6907393999467815, -1.9722664982089073, -0.43214343628452223}},
      {"cumsum_reverse", "func.func @f(%x: tensor<3x4xf32>) -> (tensor<3x4xf32>) {\n%y = nn.cumsum %x, 1 reverse : tensor<3x4xf32>\nreturn %y : tensor<3x4xf32>\n}",
       {},
       {0.683533307687322, -0.4116367606167526, -1.9574423862204116, -1.6892747061768896, 1.448058610063817, 2.0836489402752183, 0.734413571731658, -0.6230145197282755, 0.6733458919825759, 2.3640852919293573, 2.6456123901914834, 1.1054893282670986}},
      {"matmul", "func.func @f(%a: tensor<3x4xf32>, %b: tensor<4x5xf32>) -> (tensor<3x5xf32>) {\n%y = nn.matmul %a, %b : tensor<3x4xf32>, tensor<4x5xf32> to tensor<3x5xf32>\nreturn %y : tensor<3x5xf32>\n}",
       {},
       {0.06971271163470581, 2.1403461989991603, 1.075367490532026, -1.565027110882606, -1.9126533283856533, 2.1814472858693925, 1.8500886423348346, -1.1916541965169485, -2.4876208457225504, -0.13921712806882747, 1.97437613035083, -0.4067514543644609, -2.1919872055185157, -0.7659565653081064, 1.782202237524042}},
      {"matmul_scores", "func.func @f(%a: tensor<2x3x2x4xf32>, %b: tensor<2x5x2x4xf32>) -> (tensor<2x2x3x5xf32>) {\n%y = nn.matmul %a, %b lhs [0, 2, 1, 3] rhs [0, 2, 3, 1] : tensor<2x3x2x4xf32>, tensor<2x5x2x4xf32> to tensor<2x2x3x5xf32>\nreturn %y : tensor<2x2x3x5xf32>\n}",
       {},
       {6.514475448206012, -4.567319745065452, -1.39008649696948, 6.126953027589549, -5.484161891978174, -4.567319745065452, 6.531942926372079, -2.761314559150313, -3.4338349313962375, 6.613969237384286, -1.39008649696948, -2.761314559150313, 4.488194491945348, -2.274298349355549, -1.9365033505829485, 4.455169262863926, -2.490546081557301, -1.6608549745624954, 4.353973070755832, -3.2241657253497085, -2.490546081557301, 6.261174448779068, -4.534294515984027, -1.1738387647677864, 5.851304651569114, -1.6608549745624954, -4.534294515984027, 6.74819065857381, -3.0369629351707315, -3.3408138645322683, -1.0025570969868531, 5.566110946283209, -5.242444134929639, 0.3157463139912685, 4.888186711950097, -3.322156640456646, -3.1921171743477035, 6.903611605800933, -4.553517686144762, -1.7947081301135932, 4.729912248993884, -1.984655980938919, -2.503190725562832, 4.7931571616960875, -2.87458069660934, -2.221697055868823, 4.595690827804347, -2.9345233569330667, -1.3032480152204227, 4.396726597056975, -4.2925767589355175, -0.8841963963511184, 5.284617276589229, -5.044977801037925, 0.37568897431497783, 7.037833026990472, -3.603650310150618, -2.9946508404559675, 6.963554266124657, -4.818237797616344}},
      {"matmul_cycles", "func.func @f(%a: tensor<3x4x2xf32>, %b: tensor<4x5x2xf32>) -> (tensor<3x5x2xf32>) {\n%y = nn.matmul %a, %b lhs [2, 0, 1] rhs [2, 0, 1] result [1, 2, 0] : tensor<3x4x2xf32>, tensor<4x5x2xf32> to tensor<3x5x2xf32>\nreturn %y : tensor<3x5x2xf32>\n}",
       {},
       {1.8033556944174147, 1.3114176967754458, -1.4086842836849793, -1.1619618134785146, 0.6108157450570897, 0.6799263228524135, 0.361881999044795, -0.00328062486495706, -1.231000975113408, -0.6743040617507908, -0.9599787758174962, -0.4032818624549046, 0.2265030721871838, -0.3623889520943071, 0.5718029054960599, 1.0243358972444243, -1.2064460299137092, -1.3930948679473674, 1.4957771636632988, 1.3631187521957662, -0.7262897330216622, -0.8589481444891793, 1.154554968173158, 1.5685508078594286, -1.252360601725973, -1.8291989481958475, 0.9917124613895492, 1.5662892049072283, -0.4472139077551163, -0.85507226022055}},
      {"conv", "func.func @f(%x: tensor<2x2x3x4xf32>, %w: tensor<2x2x2x3xf32>) -> (tensor<2x2x2x2xf32>) {\n%y = nn.conv %x, %w strides [1, 1] dilations [1, 1] low [0, 0] high [0, 0] groups 1 : tensor<2x2x3x4xf32>, tensor<2x2x2x3xf32> to tensor<2x2x2x2xf32>\nreturn %y : tensor<2x2x2x2xf32>\n}",
       {},
       {1.5469014484734964, -8.704642360848801, 9.085142361312853, -0.5250593913654296, -0.4264474896248361, 9.127087931247537, -8.672713910310032, 1.646680035446119, 3.538515057012575, -7.640792716827928, 9.531302777604518, 1.538495947275145, -2.471368631435681, 8.27744057212656, -9.353319040676535, -0.417929308539666}},
      {"conv_window", "func.func @f(%x: tensor<1x4x5x6xf32>, %w: tensor<2x2x2x3xf32>) -> (tensor<1x2x3x2xf32>) {\n%y = nn.conv %x, %w strides [2, 3] dilations [2, 1] low [1, 2] high [2, 0] groups 2 : tensor<1x4x5x6xf32>, tensor<2x2x2x3xf32> to tensor<1x2x3x2xf32>\nreturn %y : tensor<1x2x3x2xf32>\n}",
       {},
       {1.1412013469907547, 3.4951611033287096, -0.7799850790376015, -10.54263813351638, -0.37004844934105635, 7.476614881566584, 2.422177628198064, -0.29550890295975474, -3.2716402454203988, -4.2499005879521805, 0.9212190734731912, 4.72978777499052}},
      {"conv_flat", "func.func @f(%x: tensor<2x2x6xf32>, %w: tensor<3x2x3xf32>) -> (tensor<2x3x3xf32>) {\n%y = nn.conv %x, %w strides [2] dilations [1] low [1] high [0] groups 1 : tensor<2x2x6xf32>, tensor<3x2x3xf32> to tensor<2x3x3xf32>\nreturn %y : tensor<2x3x3xf32>\n}",
       {},
       {-0.4249764498619965, 3.4786077881653035, -2.2061089400348513, -1.8939909243463486, 2.38173916719221, -0.5049491255952804, 0.22059429613209816, -3.2215923112925218, 2.1516194551663794, 0.49965129796506996, -3.2964269644722317, 1.8612838977608375, 1.5663052489340799, -2.046819773055487, 0.09460442470494937, -0.33062998109362074, 3.0755529211299195, -1.8510750547167503}},
      {"gather", "func.func @f(%t: tensor<2x4x3xf32>, %i: tensor<2x2xi64>) -> (tensor<2x2x2x3xf32>) {\n%y = nn.gather %t, %i axis 1 : tensor<2x4x3xf32>, tensor<2x2xi64> to tensor<2x2x2x3xf32>\nreturn %y : tensor<2x2x2x3xf32>\n}",
       {{1, 3, 1, 0}},
       {-1.6892747061768896, -0.6355903302114012, 1.3492353685435603, -0.28152709826212596, 1.540123061924385, 1.1054893282670986, -1.6892747061768896, -0.6355903302114012, 1.3492353685435603, 1.0951700683040746, 1.545805625603659, -0.2681676800435219, 1.6588948802038583, 0.8017863052601334, -1.2299410852752164, 0.46053984012337734, -1.4536016273210193, -1.2382133053137088, 1.6588948802038583, 0.8017863052601334, -1.2299410852752164, -0.9486888611875249, -1.6130356464608107, 0.08571856927157907}},
      {"gather_outside", "func.func @f(%t: tensor<3x2xf32>, %i: tensor<3xi64>) -> (tensor<3x2xf32>) {\n%y = nn.gather %t, %i axis 0 : tensor<3x2xf32>, tensor<3xi64> to tensor<3x2xf32>\nreturn %y : tensor<3x2xf32>\n}",
       {{2, 3, 0}},
       {-0.6355903302114012, 1.3492353685435603, 0.0, 0.0, 1.0951700683040746, 1.545805625603659}},
      {"gather_nd", "func.func @f(%t: tensor<2x3x4xf32>, %i: tensor<2x2x1xi64>) -> (tensor<2x2x4xf32>) {\n%y = nn.gather_nd %t, %i {batch_dims = 1 : i64} : tensor<2x3x4xf32>, tensor<2x2x1xi64> to tensor<2x2x4xf32>\nreturn %y : tensor<2x2x4xf32>\n}",
       {{2, 0, 1, 1}},
       {-1.6907393999467815, -0.28152709826212596, 1.540123061924385, 1.1054893282670986, 1.0951700683040746, 1.545805625603659, -0.2681676800435219, -1.6892747061768896, 0.8017863052601334, -1.2299410852752164, -1.4598019044368802, 0.448950486353598, 0.8017863052601334, -1.2299410852752164, -1.4598019044368802, 0.448950486353598}},
      {"gather_elements", "func.func @f(%t: tensor<3x4xf32>, %i: tensor<2x4xi64>) -> (tensor<2x4xf32>) {\n%y = nn.gather_elements %t, %i axis 0 : tensor<3x4xf32>, tensor<2x4xi64> to tensor<2x4xf32>\nreturn %y : tensor<2x4xf32>\n}",
       {{0, 2, 1, 2, 0, 2, 2, 1}},
       {1.0951700683040746, -0.28152709826212596, 1.3574280914599335, 1.1054893282670986, 1.0951700683040746, -0.28152709826212596, 1.540123061924385, -0.6230145197282755}},
      {"scatter_add", "func.func @f(%i: tensor<3xi64>, %u: tensor<2x3x2xf32>) -> (tensor<2x4x2xf32>) {\n%y = nn.scatter_add %i, %u axis 1 : tensor<3xi64>, tensor<2x3x2xf32> to tensor<2x4x2xf32>\nreturn %y : tensor<2x4x2xf32>\n}",
       {{1, 3, 1}},
       {0.0, 0.0, 0.4595797380926734, 2.8950409941472195, 0.0, 0.0, -0.2681676800435219, -1.6892747061768896, 0.0, 0.0, 2.8975511533843186, 0.4824748085388231, 0.0, 0.0, -1.6907393999467815, -0.28152709826212596}},
      {"scatter_nd_add", "func.func @f(%i: tensor<3x2xi64>, %u: tensor<3x2xf32>) -> (tensor<3x4x2xf32>) {\n%y = nn.scatter_nd_add %i, %u : tensor<3x2xi64>, tensor<3x2xf32> to tensor<3x4x2xf32>\nreturn %y : tensor<3x4x2xf32>\n}",
       {{1, 0, 2, 3, 1, 0}},
       {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.4595797380926734, 2.8950409941472195, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -0.2681676800435219, -1.6892747061768896}},
      {"scatter_elements_add", "func.func @f(%i: tensor<3x2xi64>, %u: tensor<3x2xf32>) -> (tensor<3x4xf32>) {\n%y = nn.scatter_elements_add %i, %u axis 1 : tensor<3x2xi64>, tensor<3x2xf32> to tensor<3x4xf32>\nreturn %y : tensor<3x4xf32>\n}",
       {{0, 0, 1, 3, 2, 0}},
       {2.6409756939077336, 0.0, 0.0, 0.0, 0.0, -0.2681676800435219, 0.0, -1.6892747061768896, 1.3492353685435603, 0.0, -0.6355903302114012, 0.0}},
      {"top_k", "func.func @f(%x: tensor<3x5xf32>) -> (tensor<3x4xf32>) {\n%v, %i = nn.top_k %x, 2 : tensor<3x5xf32> to tensor<3x2xf32>, tensor<3x2xi64>\n%y = nn.cast %i : tensor<3x2xi64> to tensor<3x2xf32>\n%z = nn.concat 1, %v, %y : tensor<3x2xf32>, tensor<3x2xf32> to tensor<3x4xf32>\nreturn %z : tensor<3x4xf32>\n}",
       {},
       {1.545805625603659, 1.0951700683040746, 1.0, 0.0, 1.3574280914599335, 1.3492353685435603, 1.0, 0.0, 1.540123061924385, 1.1054893282670986, 0.0, 1.0}},
      {"softmax", "func.func @f(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>) {\n%y = nn.softmax %x : tensor<2x4xf32>\nreturn %y : tensor<2x4xf32>\n}",
       {},
       {0.3463949441807723, 0.5436007916361605, 0.08860974434756967, 0.02139451983549749, 0.06013922547828243, 0.437679977166989, 0.441280496836871, 0.06090030051785747}},
      {"log_softmax", "func.func @f(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>) {\n%y = nn.log_softmax %x : tensor<2x4xf32>\nreturn %y : tensor<2x4xf32>\n}",
       {},
       {-1.0601756977214658, -0.6095401404218812, -2.4235134460690624, -3.84462047220243, -2.8110929801498052, -0.8262672813948438, -0.8180745584784707, -2.7985171696666797}},
      {"softmax_grad", "func.func @f(%g: tensor<2x4xf32>, %s: tensor<2x4xf32>) -> (tensor<2x4xf32>) {\n%y = nn.softmax_grad %g, %s : tensor<2x4xf32>\nreturn %y : tensor<2x4xf32>\n}",
       {},
       {-5.935061043067844, -7.680597763545851, 1.8188856722658138, 13.85838763159379, 3.2356375707896055, -4.190635862575274, -4.20496088613578, 3.163782230403598}},
      {"log_softmax_grad", "func.func @f(%g: tensor<2x4xf32>, %s: tensor<2x4xf32>) -> (tensor<2x4xf32>) {\n%y = nn.log_softmax_grad %g, %s : tensor<2x4xf32>\nreturn %y : tensor<2x4xf32>\n}",
       {},
       {-0.9483833726740432, -1.6611617015140647, -0.7909199632615129, -1.8154914577848142, -1.4025151043249842, -4.232273454579676, -4.2699963169166075, -1.399644894440595}},
      {"layer_norm", "func.func @f(%x: tensor<2x4xf32>, %s: tensor<4xf32>, %b: tensor<4xf32>) -> (tensor<2x4xf32>) {\n%y, %m, %r = nn.layer_norm %x, %s, %b epsilon 0.01 : tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>\nreturn %y : tensor<2x4xf32>\n}",
       {},
       {1.8930800453699366, 3.221128990695969, -0.17535933702326917, 0.7876666701327268, -0.0013659871927962364, 3.077428643881842, -0.5360799941851564, -0.019214557440442315}},
      {"layer_norm_rstd", "func.func @f(%x: tensor<2x4xf32>, %s: tensor<4xf32>) -> (tensor<2xf32>) {\n%y, %m, %r = nn.layer_norm %x, %s epsilon 0.01 : tensor<2x4xf32>, tensor<4xf32>\nreturn %r : tensor<2xf32>\n}",
       {},
       {0.7882529532225876, 1.0036510447563585}},
      {"cross_entropy", "func.func @f(%x: tensor<2x4xf32>, %t: tensor<2xi64>) -> (tensor<2xf32>) {\n%y, %l = nn.cross_entropy %x, %t : tensor<2x4xf32>, tensor<2xi64>\nreturn %y : tensor<2xf32>\n}",
       {{3, 1}},
       {3.84462047220243, 0.826267281394844}},
      {"cross_entropy_ignored", "func.func @f(%x: tensor<2x4xf32>, %t: tensor<2xi64>) -> (tensor<2xf32>) {\n%y, %l = nn.cross_entropy %x, %t ignore -1 : tensor<2x4xf32>, tensor<2xi64>\nreturn %y : tensor<2xf32>\n}",
       {{3, -1}},
       {3.84462047220243, 0.0}},
      {"cross_entropy_outside", "func.func @f(%x: tensor<2x4xf32>, %t: tensor<2xi64>) -> (tensor<2xf32>) {\n%y, %l = nn.cross_entropy %x, %t ignore -1 : tensor<2x4xf32>, tensor<2xi64>\nreturn %y : tensor<2xf32>\n}",
       {{3, 4}},
       {3.84462047220243, NAN}},
      {"weighted_mean", "func.func @f(%v: tensor<3xf32>, %w: tensor<3xf32>) -> (tensor<f32>) {\n%y, %d = nn.weighted_mean %v, %w : tensor<3xf32>\nreturn %y : tensor<f32>\n}",
       {},
       {1.542824532742198}},
      {"weighted_mean_empty", "func.func @f(%v: tensor<3xf32>) -> (tensor<f32>) {\n%z = nn.constant dense<0.0> : tensor<3xf32>\n%y, %d = nn.weighted_mean %v, %z : tensor<3xf32>\nreturn %y : tensor<f32>\n}",
       {},
       {0.0}},
      {"iota", "func.func @f() -> (tensor<2x3xf32>) {\n%y = nn.iota 1 : tensor<2x3xf32>\nreturn %y : tensor<2x3xf32>\n}",
       {},
       {0.0, 1.0, 2.0, 0.0, 1.0, 2.0}},
      {"constant", "func.func @f() -> (tensor<2xf32>) {\n%y = nn.constant dense<[1.5, -2.0]> : tensor<2xf32>\nreturn %y : tensor<2xf32>\n}",
       {},
       {1.5, -2.0}},
  };
}
// clang-format on

INSTANTIATE_TEST_SUITE_P(Ops, Forward, testing::ValuesIn(forwardCases()),
                         [](const auto &info) { return info.param.name; });

struct ElementCase {
  std::string op;
  std::vector<double> inputs; // one value per operand
  double expected;
};

double evaluateElement(const std::string &op, std::vector<double> values) {
  auto context = makeContext();
  std::string text = values.size() == 1 ? "func.func @f(%a: tensor<1xf32>) -> tensor<1xf32> { "
                                          "%y = nn." +
                                              op + " %a : tensor<1xf32> "
                                        : "func.func @f(%a: tensor<1xf32>, %b: tensor<1xf32>) -> "
                                          "tensor<1xf32> { %y = nn." +
                                              op + " %a, %b : tensor<1xf32> ";
  auto module = parse(*context, text + "return %y : tensor<1xf32> }");
  std::vector<Tensor> inputs;
  for (double value : values)
    inputs.push_back(Tensor::fromFloats({1}, {value}));
  return run(*module, inputs)[0].floats[0];
}

// Series and identities, not the functions the interpreter calls.
double expSeries(double x) {
  double term = 1, sum = 1;
  for (int i = 1; i < 60; ++i)
    sum += term *= x / i;
  return sum;
}
double sinSeries(double x) {
  double term = x, sum = x;
  for (int i = 1; i < 40; ++i)
    sum += term *= -x * x / ((2 * i) * (2 * i + 1));
  return sum;
}
double erfSeries(double x) {
  double term = x, sum = x;
  for (int i = 1; i < 60; ++i) {
    term *= -x * x / i;
    sum += term / (2 * i + 1);
  }
  return sum * 2 / std::sqrt(std::acos(-1.0));
}

TEST(Elementwise, Functions) {
  for (double x : {-1.7, -0.4, 0.3, 1.9}) {
    SCOPED_TRACE(x);
    double e = expSeries(x), e2 = expSeries(2 * x);
    EXPECT_NEAR(evaluateElement("exp", {x}), e, 1e-13 * (1 + e));
    EXPECT_NEAR(evaluateElement("log", {e}), x, 1e-13);
    EXPECT_NEAR(evaluateElement("sqrt", {x * x}), x < 0 ? -x : x, 1e-14);
    EXPECT_NEAR(evaluateElement("reciprocal", {x}) * x, 1, 1e-14);
    EXPECT_NEAR(evaluateElement("tanh", {x}), (e2 - 1) / (e2 + 1), 1e-13);
    EXPECT_NEAR(evaluateElement("erf", {x}), erfSeries(x), 1e-13);
    EXPECT_NEAR(evaluateElement("sigmoid", {x}), e / (e + 1), 1e-13);
    EXPECT_NEAR(evaluateElement("sin", {x}), sinSeries(x), 1e-13);
    EXPECT_NEAR(evaluateElement("cos", {x}), sinSeries(x + std::acos(0.0)), 1e-13);
    EXPECT_EQ(evaluateElement("neg", {x}), 0 - x);
    EXPECT_EQ(evaluateElement("abs", {x}), x < 0 ? -x : x);
    EXPECT_EQ(evaluateElement("relu", {x}), x < 0 ? 0 : x);
    EXPECT_EQ(evaluateElement("add", {x, 0.5}), 0.5 + x);
    EXPECT_EQ(evaluateElement("sub", {x, 0.5}), -(0.5 - x));
    EXPECT_EQ(evaluateElement("mul", {x, 4}), x + x + x + x);
    EXPECT_EQ(evaluateElement("div", {x, 0.25}), 4 * x);
    EXPECT_NEAR(evaluateElement("pow", {e, 1.5}), expSeries(1.5 * x), 1e-12 * (1 + e2));
  }
}

TEST(Elementwise, Edges) {
  for (auto &[op, inputs, expected] : std::vector<ElementCase>{
           {"sign", {-2.5}, -1},    {"sign", {0.25}, 1},        {"sign", {-0.0}, 0},
           {"sign", {NAN}, NAN},    {"floor", {-0.5}, -1},      {"floor", {1.5}, 1},
           {"ceil", {-0.5}, -0.0},  {"ceil", {1.5}, 2},         {"relu", {NAN}, NAN},
           {"relu", {-0.0}, 0},     {"max", {NAN, 1}, NAN},     {"max", {1, NAN}, NAN},
           {"max", {-0.0, 0.0}, 0}, {"min", {0.0, -0.0}, -0.0}, {"min", {1, NAN}, NAN},
           {"max", {-1, -2}, -1},   {"min", {-1, -2}, -2},      {"exp", {-INFINITY}, 0},
           {"sqrt", {-1}, NAN},     {"div", {1, 0}, INFINITY}}) {
    SCOPED_TRACE(op);
    double value = evaluateElement(op, inputs);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << value;
      continue;
    }
    EXPECT_EQ(value, expected);
    EXPECT_EQ(std::signbit(value), std::signbit(expected));
  }
}

std::vector<int64_t> integersOf(const std::string &text, std::vector<Tensor> inputs) {
  auto context = makeContext();
  auto module = parse(*context, text);
  auto results = run(*module, inputs);
  return results.empty() ? std::vector<int64_t>{} : results[0].integers;
}

TEST(Elementwise, Comparisons) {
  Tensor a = Tensor::fromFloats({4}, {1, 2, NAN, 3});
  Tensor b = Tensor::fromFloats({4}, {1, 3, NAN, 2});
  std::vector<std::pair<std::string, std::vector<int64_t>>> cases = {
      {"eq", {1, 0, 0, 0}}, {"ne", {0, 1, 1, 1}}, {"lt", {0, 1, 0, 0}},
      {"le", {1, 1, 0, 0}}, {"gt", {0, 0, 0, 1}}, {"ge", {1, 0, 0, 1}}};
  for (auto &[predicate, expected] : cases)
    EXPECT_EQ(integersOf("func.func @f(%a: tensor<4xf32>, %b: tensor<4xf32>) -> "
                         "tensor<4xi1> { %y = nn.compare " +
                             predicate + ", %a, %b : tensor<4xf32> return %y : tensor<4xi1> }",
                         {a, b}),
              expected)
        << predicate;
  EXPECT_EQ(integersOf("func.func @f(%a: tensor<4xf32>) -> tensor<4xi1> { %y = "
                       "nn.is_nan %a : tensor<4xf32> return %y : tensor<4xi1> }",
                       {a}),
            (std::vector<int64_t>{0, 0, 1, 0}));
}

TEST(Elementwise, Logic) {
  Tensor a = Tensor::fromIntegers({4}, {0, 0, 1, 1});
  Tensor b = Tensor::fromIntegers({4}, {0, 1, 0, 1});
  std::vector<std::pair<std::string, std::vector<int64_t>>> cases = {
      {"and", {0, 0, 0, 1}}, {"or", {0, 1, 1, 1}}, {"xor", {0, 1, 1, 0}}};
  for (auto &[op, expected] : cases)
    EXPECT_EQ(integersOf("func.func @f(%a: tensor<4xi1>, %b: tensor<4xi1>) -> "
                         "tensor<4xi1> { %y = nn." +
                             op + " %a, %b : tensor<4xi1> return %y : tensor<4xi1> }",
                         {a, b}),
              expected);
  EXPECT_EQ(integersOf("func.func @f(%a: tensor<4xi1>) -> tensor<4xi1> { %y = "
                       "nn.not %a : tensor<4xi1> return %y : tensor<4xi1> }",
                       {a}),
            (std::vector<int64_t>{1, 1, 0, 0}));
}

TEST(Elementwise, Integers) {
  Tensor a = Tensor::fromIntegers({4}, {2147483647, -7, 7, -8});
  Tensor b = Tensor::fromIntegers({4}, {1, 2, -2, 3});
  std::vector<std::pair<std::string, std::vector<int64_t>>> cases = {
      {"add", {-2147483648, -5, 5, -5}},    {"sub", {2147483646, -9, 9, -11}},
      {"mul", {2147483647, -14, -14, -24}}, {"div", {2147483647, -3, -3, -2}},
      {"max", {2147483647, 2, 7, 3}},       {"min", {1, -7, -2, -8}}};
  for (auto &[op, expected] : cases)
    EXPECT_EQ(integersOf("func.func @f(%a: tensor<4xi32>, %b: tensor<4xi32>) -> "
                         "tensor<4xi32> { %y = nn." +
                             op + " %a, %b : tensor<4xi32> return %y : tensor<4xi32> }",
                         {a, b}),
              expected)
        << op;
}

TEST(Elementwise, SelectAndCast) {
  Tensor c = Tensor::fromIntegers({3}, {1, 0, 1});
  Tensor a = Tensor::fromFloats({3}, {1.75, -2.75, 3});
  Tensor b = Tensor::fromFloats({3}, {-4, 300.5, 0});
  EXPECT_EQ(integersOf("func.func @f(%c: tensor<3xi1>, %a: tensor<3xf32>, %b: "
                       "tensor<3xf32>) -> tensor<3xi8> { %s = nn.select %c, %a, "
                       "%b : tensor<3xf32> %y = nn.cast %s : tensor<3xf32> to "
                       "tensor<3xi8> return %y : tensor<3xi8> }",
                       {c, a, b}),
            (std::vector<int64_t>{1, 44, 3})); // 300 wraps around
  EXPECT_EQ(integersOf("func.func @f(%a: tensor<3xf32>) -> tensor<3xi64> { %y = "
                       "nn.cast %a : tensor<3xf32> to tensor<3xi64> return %y : "
                       "tensor<3xi64> }",
                       {a}),
            (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(integersOf("func.func @f(%a: tensor<3xf32>) -> tensor<3xi1> { %y = "
                       "nn.cast %a : tensor<3xf32> to tensor<3xi1> return %y : "
                       "tensor<3xi1> }",
                       {b}),
            (std::vector<int64_t>{1, 1, 0}));
}

// Rows of ties and NaN: earlier indices first, NaN as the largest.
TEST(TopK, Order) {
  Tensor x = Tensor::fromFloats({2, 4}, {1, 3, 3, 1, 2, NAN, 5, 2});
  auto text = [](const char *how) {
    return std::string("func.func @f(%x: tensor<2x4xf32>) -> tensor<2x3xi64> { "
                       "%v, %i = nn.top_k %x, 3") +
           how +
           " : tensor<2x4xf32> to tensor<2x3xf32>, tensor<2x3xi64> return "
           "%i : tensor<2x3xi64> }";
  };
  EXPECT_EQ(integersOf(text(""), {x}), (std::vector<int64_t>{1, 2, 0, 1, 2, 0}));
  EXPECT_EQ(integersOf(text(" smallest"), {x}), (std::vector<int64_t>{0, 3, 1, 0, 3, 2}));
}

} // namespace
