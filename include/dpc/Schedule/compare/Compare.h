// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All schedules side by side: closed forms, simulated times, and what follows from
// them for somebody who has to choose one.
#ifndef DPC_SCHEDULE_COMPARE_COMPARE_H
#define DPC_SCHEDULE_COMPARE_COMPARE_H

#include "dpc/Schedule/generators/Generators.h"

namespace dpc::schedule {

/// What simulation says of one schedule.
struct Figures {
  double makespan = 0;
  double leastIdle = 0, mostIdle = 0; ///< of a rank, out of the makespan
  double spanIdle = 0;  ///< the most of a rank, between its own first start and last end
  double bubble = 0;    ///< idle part of all ranks' time
  double peak = 0;      ///< the largest of any rank, in device shares of a micro-batch
  double peakBytes = 0; ///< the same in bytes; 0 where the costs say none
  double lowerBound = 0;
  bool hasPairs = false; ///< forwards overlap backwards somewhere

  double gap() const { return lowerBound > 0 ? makespan / lowerBound - 1 : 0; }
};

/// A schedule with its options, in the words that `--schedule` takes: `interleaved,v=4`.
struct Variant {
  const Generator *generator = nullptr;
  std::map<std::string, unsigned> options; // only those that differ from their defaults
  std::string title;
};
/// Every schedule with its defaults, and again for each further value of an option
/// that is worth a look: all of them if they are few, else 2 and 4. With `chunks`, that
/// many stages of a rank and copy in place of these.
std::vector<Variant> variants(unsigned chunks = 0);
std::vector<Variant> variantsOf(const Generator &generator, unsigned chunks = 0);

/// Generates and simulates. Costs with stages are spread over the schedule's. Fails
/// where the request is illegal, or too large to be one of many simulations.
Result<Figures> measure(const Variant &variant, unsigned ranks, unsigned microBatches,
                        const Costs &costs);

/// What is the matter with a request, in a few words, and the nearest one that is legal.
struct Legality {
  bool isLegal = true;
  std::string fault;              ///< `not legal at M = 20, needs a multiple of 8`
  std::optional<Request> nearest; ///< none if nothing near is legal
};
Legality findLegality(const Variant &variant, unsigned ranks, unsigned microBatches);

/// A variant at the size asked for or, where that is not legal, at the nearest.
struct Row {
  Variant variant;
  Legality legality;
  unsigned ranks = 0, microBatches = 0;      // of the figures
  std::optional<double> bubble, activations; ///< by formula, where there is one
  std::optional<Figures> figures;
  std::string unmeasured; ///< why there are no figures
};

/// A place in a ranking, fastest first.
struct Standing {
  std::string title;
  unsigned copies = 1;    ///< of the parameters on all devices together
  unsigned pipelines = 1; ///< that run in parallel, each with its part of the micro-batches
  Figures figures;        ///< in the same unit for all; peaks of a device
};

/// Whether a schedule that holds the parameters twice is worth it.
struct SecondCopyVerdict {
  std::string title;
  Figures figures;
  double pair = 0, plain = 0; ///< the times of a pair and of F + B, of a device's share
  /// Schedules with one copy on the same devices, and then such in two pipelines of
  /// half the stages, that are no slower and keep no more activations; each fastest
  /// first. If there is one, the second copy is not worth it.
  std::vector<Standing> dominators;
  /// Another schedule without pairs, whose makespan is the same whatever a pair takes.
  struct Rival {
    Standing standing;
    bool isFaster = false; ///< than the schedule, with the pair given
    /// The longest pair with which the schedule is as fast; F + B if it need not gain
    /// anything, none if no pair is short enough, or the schedule has none.
    std::optional<double> breakEven;
  };
  /// The fastest on the same devices with one copy and no more activations; the fastest
  /// with any; and the fastest two pipelines of half the stages with no more.
  std::optional<Rival> sameDevices, anyActivations, sameMemory;
  /// The fastest of all with one copy on the same devices.
  std::optional<Standing> fastest;
};
/// In a sentence or two.
std::string inWords(const SecondCopyVerdict &verdict);

/// Has Chimera fewer bubbles than DualPipe? For one ratio of backward to forward, at
/// the nearest size that is legal for both.
struct ChimeraVersusDualPipe {
  double backward = 1; ///< B, in F; I and W are halves of it
  double gain = 1;     ///< what a pair takes of F + B
  unsigned ranks = 0, microBatches = 0;
  Standing chimera, dualpipe; ///< Chimera in its best variant: units one after the
                              ///< other, or with forward doubling
  /// Both over twice as many micro-batches of half the size, as Chimera's backward
  /// halving has them.
  std::optional<Standing> halvedChimera, halvedDualpipe;
  Standing shortest; ///< of all at that size
};
std::vector<ChimeraVersusDualPipe> compareChimera(unsigned ranks, unsigned microBatches,
                                                  const Costs &costs);
/// The question and its answer, in one sentence.
std::string inWords(const std::vector<ChimeraVersusDualPipe> &chimeraCases);

struct Comparison {
  unsigned ranks = 0, microBatches = 0;
  Costs costs; // of a device's share
  std::vector<Row> rows;
  std::vector<Standing> sameDevices,
      sameMemory; ///< the latter with two copies on all devices together
  std::vector<SecondCopyVerdict> secondCopies;
  std::vector<ChimeraVersusDualPipe> chimeraCases;
};
/// Costs as `measure` takes them, chunks as `variants` does.
Comparison compare(unsigned ranks, unsigned microBatches, const Costs &costs, unsigned chunks = 0);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_COMPARE_COMPARE_H
