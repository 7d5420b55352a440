// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Do the programs of all ranks fit together?

#include "program/check/Check.h"

#include "program/check/CheckParts.h"

using namespace dpcrt;

Status dpcrt::checkPrograms(const std::vector<const fb::Program *> &programs, CheckReport *report,
                            unsigned errorLimit) {
  Diagnostics diagnostics(errorLimit);
  checkRanks(programs, diagnostics);
  if (!diagnostics.empty())
    return diagnostics.status(Code::Artifact);

  std::vector<RankGraph> ranks;
  ranks.reserve(programs.size());
  for (const fb::Program *program : programs)
    ranks.push_back(buildRankGraph(*program, diagnostics));
  // A block that is wrong makes every run of it wrong.
  if (!diagnostics.empty())
    return diagnostics.status(Code::Artifact);

  std::vector<Match> matches;
  std::vector<CollectiveMatch> collectives;
  matchMessages(ranks, matches, diagnostics);
  matchCollectives(ranks, collectives, diagnostics);
  // A message that is not met is a deadlock too, and better named as it is.
  if (diagnostics.empty())
    checkOrder(ranks, matches, collectives, diagnostics);
  for (const RankGraph &rank : ranks)
    checkRaces(rank, diagnostics);

  if (report) {
    *report = {};
    for (const RankGraph &rank : ranks) {
      report->commands += count(rank.program->order());
      report->blocks += count(rank.program->blocks());
      report->accesses += rank.uses.size();
    }
    report->messages = matches.size();
    for (const Match &match : matches)
      report->messageBytes += ranks[match.sender].transfer(match.send).ref()->bytes();
    report->collectives = collectives.size();
  }
  return diagnostics.status(Code::Artifact);
}
