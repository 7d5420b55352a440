// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See BodyCode.h.
#include "BodyCode.h"

#include "Collectives.h"
#include "dpc/Dialect/NN/Collectives.h"
#include "dpc/Dialect/NN/Element.h"

using namespace mlir;
using namespace dpc::dualpipe;
namespace fb = dpcrt::fb;

namespace dpc::proof {
namespace {

uint64_t bytesOf(Value value) { return nn::getByteSize(value.getType()); }

class Reader {
public:
  Reader(func::FuncOp function, Words &words) : words(words) { code.function = function; }

  LogicalResult read() {
    func::FuncOp function = code.function;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      RoleAttr role = getArgRole(function, i);
      Value argument = function.getArgument(i);
      code.arguments.push_back(
          {role.getKind(), role.getIndex(), define(argument), bytesOf(argument)});
    }
    for (Operation &op : function.front().without_terminator())
      if (failed(visit(op)))
        return failure();
    Operation *terminator = function.front().getTerminator();
    for (unsigned i = 0; i < function.getNumResults(); ++i) {
      RoleAttr role = getResultRole(function, i);
      Value result = terminator->getOperand(i);
      code.results.push_back(
          {role.getKind(), role.getIndex(), numbers.lookup(result), bytesOf(result)});
    }
    return success();
  }

  BodyCode code;

private:
  unsigned define(Value value) { return numbers[value] = code.values++; }

  BodyCode::Operation &add(Operation &op, BodyCode::Operation::Kind kind) {
    code.operations.emplace_back();
    BodyCode::Operation &operation = code.operations.back();
    operation.kind = kind;
    operation.op = &op;
    return operation;
  }

  LogicalResult visit(Operation &op) {
    if (auto reshape = dyn_cast<nn::ReshapeOp>(op)) {
      numbers[reshape.getResult()] = numbers.lookup(reshape.getOperand());
      return success();
    }
    if (auto constant = dyn_cast<nn::ConstantOp>(op)) {
      BodyCode::Operation &operation = add(op, BodyCode::Operation::Constant);
      operation.constant = words.constant(constant.getValue());
      operation.results.push_back({define(constant.getResult()), 0, bytesOf(constant.getResult())});
      return success();
    }
    if (auto launch = dyn_cast<LaunchOp>(op))
      return visitLaunch(launch);
    if (nn::isLibraryCall(&op))
      return visitCall(cast<nn::LibraryOpInterface>(op));
    if (nn::isCollective(&op))
      return visitCollective(op);
    return op.emitOpError() << "is in no kernel and is no library call; what a step computes is "
                               "defined by the kernels phase's commands";
  }

  // Buffers are numbered as the kernel's arguments, then the results that have buffers of
  // their own.
  LogicalResult visitLaunch(LaunchOp launch) {
    func::FuncOp kernel = words.find(launch.getKernel());
    if (!kernel)
      return launch.emitOpError() << "launches a kernel that the module does not have";
    BodyCode::Operation &operation = add(*launch, BodyCode::Operation::Apply);
    operation.function = words.kernel(kernel);
    for (Value operand : launch.getOperands())
      operation.operands.push_back(numbers.lookup(operand));
    SmallVector<int> bufferOf(launch.getNumResults(), -1);
    for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
      if (auto result = kernel.getArgAttrOfType<IntegerAttr>(i, kInplaceAttr))
        bufferOf[result.getInt()] = i;
    unsigned next = kernel.getNumArguments();
    for (auto [i, result] : llvm::enumerate(launch.getResults()))
      operation.results.push_back(
          {define(result), bufferOf[i] >= 0 ? unsigned(bufferOf[i]) : next++, bytesOf(result)});
    return success();
  }

  LogicalResult visitCall(nn::LibraryOpInterface call) {
    BodyCode::Operation &operation = add(*call, BodyCode::Operation::Apply);
    operation.function = words.call(call);
    for (Value source : call.getLibrarySources())
      operation.operands.push_back(numbers.lookup(source));
    unsigned destination = operation.operands.size();
    if (Value accumulator = call.getAccumulator())
      operation.operands.push_back(numbers.lookup(accumulator));
    Value result = call->getResult(0);
    operation.results.push_back({define(result), destination, bytesOf(result)});
    return success();
  }

  LogicalResult visitCollective(Operation &op) {
    if (failed(nn::verifyPlacement(&op)))
      return failure();
    if (!nn::isContiguous(&op))
      return op.emitOpError() << "exchanges parts that are not contiguous";
    BodyCode::Operation &operation = add(op, BodyCode::Operation::Collective);
    operation.collective = isa<nn::AllToAllOp>(op)        ? fb::CollectiveKind::AllToAll
                           : isa<nn::AllGatherOp>(op)     ? fb::CollectiveKind::AllGather
                           : isa<nn::ReduceScatterOp>(op) ? fb::CollectiveKind::ReduceScatter
                                                          : fb::CollectiveKind::AllReduce;
    operation.function = words.sum(*nn::getElement(getElementTypeOrSelf(op.getOperand(0))));
    operation.operands.push_back(numbers.lookup(op.getOperand(0)));
    operation.results.push_back({define(op.getResult(0)), 0, bytesOf(op.getResult(0))});
    return success();
  }

  Words &words;
  llvm::DenseMap<Value, unsigned> numbers;
};

} // namespace

FailureOr<BodyCode> readBody(func::FuncOp function, Words &words) {
  Reader reader(function, words);
  if (failed(reader.read()))
    return failure();
  return std::move(reader.code);
}

void compute(const BodyCode &code, Terms &terms, Site site,
             const std::vector<std::vector<Term>> &arguments,
             std::vector<std::vector<Term>> &results) {
  const size_t ranks = arguments.size();
  std::vector<std::vector<Term>> values(ranks, std::vector<Term>(code.values));
  std::vector<Term> taken;
  for (size_t e = 0; e < ranks; ++e)
    for (auto [role, term] : llvm::zip(code.arguments, arguments[e]))
      values[e][role.value] = term;
  for (const BodyCode::Operation &operation : code.operations) {
    if (operation.kind == BodyCode::Operation::Collective) {
      std::vector<Pieces> brought, received;
      for (size_t e = 0; e < ranks; ++e)
        brought.push_back(terms.whole(values[e][operation.operands[0]]));
      carryOut(terms, operation.collective, operation.function, {}, brought, site, received);
      for (size_t e = 0; e < ranks; ++e)
        values[e][operation.results[0].value] = terms.join(received[e]);
    } else if (operation.kind == BodyCode::Operation::Constant) {
      for (size_t e = 0; e < ranks; ++e)
        values[e][operation.results[0].value] = operation.constant;
    } else {
      for (size_t e = 0; e < ranks; ++e) {
        taken.clear();
        for (unsigned operand : operation.operands)
          taken.push_back(values[e][operand]);
        for (const BodyCode::Result &result : operation.results)
          values[e][result.value] =
              terms.apply(operation.function, result.output, taken, result.bytes, site);
      }
    }
    ++site;
  }
  results.assign(ranks, {});
  for (size_t e = 0; e < ranks; ++e)
    for (const BodyCode::Role &role : code.results)
      results[e].push_back(values[e][role.value]);
}

} // namespace dpc::proof
