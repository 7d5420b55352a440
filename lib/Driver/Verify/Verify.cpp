// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Three runs of the same steps, side by side: the ranks at once, their sequential
// replay, and the interpreter. Each step of the interpreter starts from the weights
// that the ranks had, so that a difference is shown where it arises.
#include "dpc/Driver/Verify/Verify.h"

#include "Values.h"
#include "data/Files.h"
#include "dpc/Driver/Verify/Derivative.h"
#include "dpc/Driver/Verify/ReferenceModel.h"
#include "dpc/Driver/Verify/Update.h"
#include "session/Client.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

using namespace mlir;
using dpc::reference::Tensor;
using dpcrt::Code;
using dpcrt::Status;

namespace dpc::verify {
namespace {

// Of correctness in single precision: a value's distance from double precision,
// relative; a gradient's floor beside the largest gradient of all; a weight's.
constexpr double kLossBound = 1e-5, kGradientBound = 1e-5, kGradientFloor = 1e-7,
                 kWeightBound = 1e-6;

std::string digits(double value) {
  std::ostringstream text;
  text.precision(3);
  text << value;
  return text.str();
}

/// Two values, written so far that they differ, and two digits more.
std::pair<std::string, std::string> apart(double a, double b) {
  auto print = [](double value, int precision) {
    std::ostringstream text;
    text.precision(precision);
    text << value;
    return text.str();
  };
  int precision = 3;
  while (precision < 17 && print(a, precision) == print(b, precision))
    ++precision;
  precision = precision == 3 ? 3 : std::min(precision + 2, 17);
  return {print(a, precision), print(b, precision)};
}

double norm(ArrayRef<double> values) {
  double sum = 0;
  for (double v : values)
    sum += v * v;
  return std::sqrt(sum);
}

double distance(ArrayRef<double> a, ArrayRef<double> b) {
  double sum = 0;
  for (auto [x, y] : llvm::zip_equal(a, b))
    sum += (x - y) * (x - y);
  return std::sqrt(sum);
}

/// What a step left: losses, and every state's bytes by name.
struct StepOutcome {
  double loss = 0, sumDen = 0;
  std::vector<float> losses, dens;
  std::map<std::string, std::string> states;
};

/// The largest distance of one kind of value, as a part of its bound.
struct Largest {
  double part = -1, value = 0, bound = 0;
  std::string name;
  void add(double newValue, double newBound, const std::string &newName) {
    // A bound of 0 is met by 0 only.
    double newPart = newValue == 0 ? 0 : newValue / newBound;
    if (newPart > part || std::isnan(newPart))
      *this = {newPart, newValue, newBound, newName};
  }
};

class Verification {
public:
  Verification(const VerifyOptions &options, MLIRContext *context, std::ostream &out)
      : options(options), context(context), out(out) {}

  Status run() {
    if (Status s = open(); !s.ok())
      return s;
    for (uint64_t step = 0; step < options.steps; ++step)
      if (Status s = oneStep(step); !s.ok())
        return s;
    if (differences)
      return dpcrt::error(Code::Difference, differences,
                          differences == 1 ? " difference" : " differences", " found");
    out << "verified: " << options.steps << (options.steps == 1 ? " step" : " steps") << " of "
        << manifest["model"]["name"].get<std::string>() << " on "
        << dpcrt_session_ranks(ranks.get())
        << (dpcrt_session_ranks(ranks.get()) == 1 ? " rank" : " ranks") << "\n";
    return {};
  }

private:
  Status internal() const {
    return Status(Code::Artifact, "the artifact's nn module cannot be interpreted");
  }

  Status open() {
    dpcrt_artifact *a = nullptr;
    if (Status s = dpcrt::fromC(dpcrt_artifact_open(options.artifact.c_str(), &a)); !s.ok())
      return s;
    artifact.reset(a);
    manifest = nlohmann::ordered_json::parse(dpcrt_artifact_manifest(a));
    optimizer = manifest["optimizer"];
    weighting = manifest["loss"]["weighting"];
    experts = manifest["mesh"]["ep"];
    microBatches = dpcrt::microBatchesOfStep(manifest, "train_step", 1);
    if (Status s = batches.open(options.data, dpcrt::inputSpecs(a, /*evaluation=*/false),
                                microBatches, 0, {});
        !s.ok())
      return s;
    std::string bytecode;
    if (Status s =
            dpcrt::readWholeFile(options.artifact + "/module.mlirbc", Code::Artifact, bytecode);
        !s.ok())
      return s.within("verify needs the nn module that compile puts into an artifact");
    FailureOr<ReferenceModel> loaded = ReferenceModel::load(bytecode, experts, context);
    if (failed(loaded))
      return internal();
    model = std::move(*loaded);
    for (auto [session, sequential] : {std::pair(&ranks, 0), std::pair(&replay, 1)}) {
      auto chosen = dpcrt::sized<dpcrt_session_options>();
      chosen.device = "cpu";
      chosen.threads = options.threads;
      chosen.timeout_s = 300;
      chosen.sequential = sequential;
      dpcrt_session *s = nullptr;
      if (Status status = dpcrt::fromC(dpcrt_session_create(a, &chosen, &s)); !status.ok())
        return status;
      session->reset(s);
    }
    return {};
  }

  Status proveValues() {
    std::vector<EntryFiles> entries;
    for (auto &entry : manifest["entry_points"])
      entries.push_back({entry["name"], entry["programs"]});
    return verify::proveValues(
        options.artifact, entries, manifest.value("constants", ""), context,
        [&](const std::string &what) { differ("in the proof of values", what); }, out);
  }

  Status readStates(dpcrt_session *session, std::map<std::string, std::string> &states) {
    for (size_t i = 0; i < dpcrt_session_states(session); ++i) {
      dpcrt_tensor state = dpcrt::stateOf(session, i);
      std::string &bytes = states[state.name];
      bytes.resize(state.bytes);
      if (Status s =
              dpcrt::fromC(dpcrt_session_read(session, state.name, bytes.data(), bytes.size()));
          !s.ok())
        return s;
    }
    return {};
  }

  /// The losses that eval_step gives, with the weights as they are.
  Status evaluate(dpcrt_session *session, const std::vector<dpcrt_input> &inputs, uint64_t first,
                  StepOutcome &outcome) {
    auto request = dpcrt::sized<dpcrt_request>();
    request.kind = DPCRT_EVALUATE;
    request.first_micro_batch = first;
    dpcrt_result result;
    if (Status s = dpcrt::runStep(session, inputs, request, result); !s.ok())
      return s;
    outcome.losses.assign(result.loss_values, result.loss_values + result.losses);
    outcome.dens.assign(result.den_values, result.den_values + result.losses);
    return {};
  }

  Status takeStep(dpcrt_session *session, const std::vector<dpcrt_input> &inputs, uint64_t first,
                  StepOutcome &outcome) {
    auto request = dpcrt::sized<dpcrt_request>();
    request.lr = options.lr;
    request.first_micro_batch = first;
    dpcrt_result result;
    if (Status s = dpcrt::runStep(session, inputs, request, result); !s.ok())
      return s;
    outcome.loss = result.loss;
    outcome.sumDen = result.sum_den;
    outcome.losses.assign(result.loss_values, result.loss_values + result.losses);
    outcome.dens.assign(result.den_values, result.den_values + result.losses);
    if (Status s = dpcrt::fromC(dpcrt_session_compare_holders(session)); !s.ok())
      differ(s.message());
    return readStates(session, outcome.states);
  }

  void differ(const std::string &what) { differ("step " + std::to_string(current), what); }
  void differ(const std::string &where, const std::string &what) {
    ++differences;
    // The first says where to look; hundreds more would hide it.
    if (shown[where]++ < 10)
      out << "difference: " << where << ": " << what << "\n";
  }

  void differAs(const std::string &what, double value, const std::string &where, double other,
                const std::string &more = "") {
    auto [a, b] = apart(value, other);
    differ(what + " is " + a + ", " + where + " " + b + more);
  }

  /// The i-th loss, which is of a micro-batch and, where there are several, of an
  /// expert rank.
  std::string lossName(uint64_t i) const {
    std::string name = "micro-batch " + std::to_string(i / experts);
    return experts == 1 ? name : name + " on expert rank " + std::to_string(i % experts);
  }

  /// A state's values in double precision.
  Tensor values(const std::string &parameter, const std::string &bytes) const {
    return Tensor::fromBytes(model.getType(parameter), ArrayRef(bytes.data(), bytes.size()));
  }

  Status oneStep(uint64_t step) {
    current = step + 1;
    std::vector<dpcrt_input> inputs;
    const uint64_t first = step * microBatches;
    if (Status s = dpcrt::readInputs(batches, first, inputs); !s.ok())
      return s;
    // Before anything runs, because it says why numbers differ, where they do.
    if (step == 0)
      if (Status s = proveValues(); !s.ok())
        return s;
    std::map<std::string, std::string> before;
    if (Status s = readStates(ranks.get(), before); !s.ok())
      return s;
    StepOutcome evaluated, parallel, sequential;
    bool hasEvaluation = dpcrt_artifact_has_entry(artifact.get(), "eval_step");
    // Of one of the two sessions: if it changed anything, they would differ.
    if (hasEvaluation)
      if (Status s = evaluate(ranks.get(), inputs, first, evaluated); !s.ok())
        return s.within("evaluation");
    if (Status s = takeStep(ranks.get(), inputs, first, parallel); !s.ok())
      return s;
    if (Status s = takeStep(replay.get(), inputs, first, sequential); !s.ok())
      return s.within("sequential replay");
    compareBits(parallel, sequential);
    if (hasEvaluation)
      compareEvaluation(evaluated, parallel);

    NamedTensors parameters;
    for (auto &[state, bytes] : before)
      if (StringRef name(state); name.consume_front("param/"))
        parameters[name.str()] = values(name.str(), bytes);
    if (Status s = compareGradients(inputs, parameters, parallel); !s.ok())
      return s;
    compareWeights(parameters, parallel);
    return {};
  }

  static bool same(const std::vector<float> &a, const std::vector<float> &b, size_t i) {
    return std::memcmp(&a[i], &b[i], sizeof(float)) == 0;
  }

  void compareEvaluation(const StepOutcome &evaluated, const StepOutcome &step) {
    for (size_t i = 0; i < step.losses.size(); ++i)
      if (!same(step.losses, evaluated.losses, i) || !same(step.dens, evaluated.dens, i))
        differAs("the loss of " + lossName(i), step.losses[i], "in an evaluation before the step",
                 evaluated.losses[i],
                 same(step.losses, evaluated.losses, i) ? " (its denominator differs)" : "");
  }

  void compareBits(const StepOutcome &parallel, const StepOutcome &sequential) {
    unsigned before = differences;
    std::map<std::string, unsigned> shown; // of these, by where
    for (size_t i = 0; i < parallel.losses.size(); ++i)
      if (!same(parallel.losses, sequential.losses, i) || !same(parallel.dens, sequential.dens, i))
        differAs("the loss of " + lossName(i), parallel.losses[i], "in the sequential replay",
                 sequential.losses[i],
                 same(parallel.losses, sequential.losses, i) ? " (its denominator differs)" : "");
    for (auto &[name, bytes] : parallel.states)
      if (bytes != sequential.states.at(name))
        differ(name + " has other bits than in the sequential replay");
    if (differences == before)
      out << "step " << current << ": " << parallel.losses.size() << " losses and "
          << parallel.states.size()
          << " gradients, weights and moments equal the sequential replay's bit for bit\n";
  }

  /// The bytes of one micro-batch, by input.
  std::map<std::string, std::string> microBatch(ArrayRef<dpcrt_input> inputs,
                                                uint64_t index) const {
    std::map<std::string, std::string> one;
    for (const dpcrt_input &input : inputs) {
      uint64_t each = input.bytes / microBatches;
      one[input.name].assign(static_cast<const char *>(input.data) + index * each, each);
    }
    return one;
  }

  /// Gradients of the step in a precision: the sum over micro-batches, weighted.
  FailureOr<std::vector<MicroBatchResult>> interpret(ArrayRef<dpcrt_input> inputs,
                                                     const NamedTensors &parameters,
                                                     reference::Precision precision,
                                                     NamedTensors &gradients) {
    std::vector<MicroBatchResult> results;
    double den = 0, count = 0;
    for (uint64_t m = 0; m < microBatches; ++m) {
      FailureOr<MicroBatchResult> result =
          model.run(microBatch(inputs, m), parameters, true, precision);
      if (failed(result))
        return failure();
      for (double d : result->dens)
        den += d, ++count;
      for (auto &[name, gradient] : result->gradients) {
        auto [sum, added] = gradients.try_emplace(name, gradient);
        if (!added)
          for (auto [to, from] : llvm::zip_equal(sum->second.floats, gradient.floats))
            to += from;
      }
      results.push_back(std::move(*result));
    }
    double divisor = weighting == "denominator" ? den : weighting == "mean" ? count : 1;
    for (auto &[name, gradient] : gradients)
      for (double &g : gradient.floats)
        g = divisor == 0 ? 0 : g / divisor;
    return results;
  }

  Status compareGradients(ArrayRef<dpcrt_input> inputs, const NamedTensors &parameters,
                          const StepOutcome &outcome) {
    NamedTensors gradients;
    auto exact = interpret(inputs, parameters, reference::Precision::Double, gradients);
    if (failed(exact))
      return internal();

    // How far the types are off by themselves: asked for only where the plain bounds are
    // not enough, because it costs as much as everything before.
    NamedTensors roundedGradients;
    std::optional<std::vector<MicroBatchResult>> rounded;
    auto round = [&]() -> LogicalResult {
      if (rounded)
        return success();
      auto results = interpret(inputs, parameters, reference::Precision::Typed, roundedGradients);
      if (succeeded(results))
        rounded = std::move(*results);
      return results;
    };
    // Of a loss: 16-bit floats make other ones. One of them may be right by chance, so
    // that the furthest says what can be expected of each.
    double lossBound = kLossBound;
    auto fits = [&](double loss, double right) -> FailureOr<bool> {
      auto isNear = [&] {
        return std::abs(loss - right) <= lossBound * std::max(std::abs(right), 1e-3);
      };
      if (isNear())
        return true;
      if (failed(round()))
        return failure();
      for (uint64_t m = 0; m < microBatches; ++m)
        for (uint64_t e = 0; e < experts; ++e) {
          double exactLoss = (*exact)[m].losses[e];
          double far = std::abs((*rounded)[m].losses[e] - exactLoss);
          lossBound = std::max(lossBound, 4 * far / std::max(std::abs(exactLoss), 1e-3));
        }
      return isNear();
    };

    Largest losses;
    double total = 0, den = 0;
    for (uint64_t m = 0, i = 0; m < microBatches; ++m)
      for (uint64_t e = 0; e < experts; ++e, ++i) {
        double loss = (*exact)[m].losses[e], weight = (*exact)[m].dens[e];
        FailureOr<bool> fitting = fits(outcome.losses[i], loss);
        if (failed(fitting))
          return internal();
        losses.add(std::abs(outcome.losses[i] - loss), lossBound * std::max(std::abs(loss), 1e-3),
                   lossName(i));
        if (!*fitting)
          differAs("the loss of " + lossName(i), outcome.losses[i], "in float64", loss);
        if (outcome.dens[i] != float(weight))
          differAs("the denominator of " + lossName(i), outcome.dens[i], "in float64", weight);
        total += weighting == "denominator" ? (weight == 0 ? 0 : weight * loss) : loss;
        den += weighting == "denominator" ? weight : 1;
      }
    if (weighting != "sum")
      total = den == 0 ? 0 : total / den;
    FailureOr<bool> fitting = fits(outcome.loss, total);
    if (failed(fitting))
      return internal();
    if (!*fitting)
      differAs("the total loss", outcome.loss, "in float64", total);

    double largest = 0;
    for (auto &[name, gradient] : gradients)
      largest = std::max(largest, norm(gradient.floats));
    Largest distances;
    for (auto &[name, gradient] : gradients) {
      auto found = outcome.states.find("grad/" + name);
      if (found == outcome.states.end()) {
        differ("parameter '" + name + "' has no gradient");
        continue;
      }
      double far = distance(values(name, found->second).floats, gradient.floats),
             size = norm(gradient.floats);
      double bound = kGradientBound * size + kGradientFloor * largest;
      if (!(far <= bound)) {
        if (failed(round()))
          return internal();
        bound = std::max(kGradientBound * size,
                         4 * distance(roundedGradients.at(name).floats, gradient.floats)) +
                kGradientFloor * largest;
      }
      distances.add(far, bound, name);
      if (!(far <= bound))
        differ("the gradient of '" + name + "' is " + digits(far) +
               " from float64's, whose norm is " + digits(size) + "; at most " + digits(bound) +
               " would be right");
    }
    if (current == 1)
      if (Status s = compareDerivative(inputs, parameters); !s.ok())
        return s;
    out << "step " << current << ": furthest from float64, as a part of what is allowed: loss "
        << digits(losses.part) << ", gradient " << digits(distances.part)
        << (distances.name.empty() ? "" : " ('" + distances.name + "')") << "\n";
    return {};
  }

  /// The interpreter's gradients come from the compiler's own rules, so these are
  /// held against the forward alone, for one micro-batch.
  Status compareDerivative(ArrayRef<dpcrt_input> inputs, const NamedTensors &parameters) {
    auto one = microBatch(inputs, 0);
    // A derivative is of the branch that is taken: a bucket, an expert, a side.
    auto decisions = std::make_shared<reference::Decisions>();
    FailureOr<MicroBatchResult> result =
        model.run(one, parameters, true, reference::Precision::Double, decisions);
    if (failed(result))
      return internal();
    // A gradient is of den times loss, den being a constant to it.
    auto dens = result->dens;
    auto check = checkDerivative(
        [&](const NamedTensors &moved) -> FailureOr<double> {
          FailureOr<MicroBatchResult> at =
              model.run(one, moved, false, reference::Precision::Double, decisions);
          if (failed(at))
            return failure();
          double sum = 0;
          for (auto [loss, den] : llvm::zip_equal(at->losses, dens))
            sum += den * loss;
          return sum;
        },
        parameters, result->gradients, model.getHeld());
    if (failed(check))
      return internal();
    if (!check->parameter.empty())
      differAs("the derivative by '" + check->parameter + "' along its own direction",
               check->expected, "by differences of the loss in float64", check->found);
    else
      out << "derivatives: along a direction to which each of " << result->gradients.size()
          << " parameters adds about 1, " << digits(check->distance())
          << " from differences of the loss\n";
    return {};
  }

  /// Fed with the ranks' own gradients: an optimizer of Adam's kind makes a whole
  /// step of a vanishing gradient's noise, so weights of two runs cannot be compared.
  void compareWeights(const NamedTensors &before, const StepOutcome &outcome) {
    auto update = dpcrt::sized<dpcrt_update>();
    dpcrt_update_defaults(artifact.get(), &update);
    Largest distances;
    for (auto &[name, start] : before) {
      std::vector<double> weights = start.floats;
      if (auto gradient = outcome.states.find("grad/" + name);
          gradient != outcome.states.end() && outcome.sumDen != 0)
        applyUpdate(optimizer, update, options.lr, int(current),
                    values(name, gradient->second).floats, weights, moments[name]);
      double far = distance(values(name, outcome.states.at("param/" + name)).floats, weights),
             bound = kWeightBound * norm(weights);
      distances.add(far, bound, name);
      if (!(far <= bound))
        differ("parameter '" + name + "' is " + digits(far) + " from what " + optimizer +
               " makes of its gradient in float64; at most " + digits(bound) + " would be right");
    }
    out << "step " << current << ": weights after " << optimizer
        << ", as a part of what is allowed: " << digits(distances.part)
        << (distances.name.empty() ? "" : " ('" + distances.name + "')") << "\n";
  }

  const VerifyOptions &options;
  MLIRContext *context;
  std::ostream &out;
  dpcrt::ArtifactHandle artifact;
  dpcrt::SessionHandle ranks, replay;
  nlohmann::ordered_json manifest;
  std::string optimizer, weighting;
  uint64_t microBatches = 1; // of a step
  uint64_t experts = 1, current = 0;
  dpcrt::Batches batches;
  ReferenceModel model;
  std::map<std::string, Moments> moments;
  unsigned differences = 0;
  std::map<std::string, unsigned> shown; // of these, by where
};

} // namespace

int verify(const VerifyOptions &options, MLIRContext *context, std::ostream &out,
           std::ostream &err) {
  Status status = Verification(options, context, out).run();
  out.flush();
  if (!status.ok())
    err << "dpc verify: " << status.message() << "\n";
  return status.exitStatus();
}

} // namespace dpc::verify
