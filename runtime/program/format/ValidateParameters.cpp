// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parameters, and the parts of them that replicas keep.

#include "program/format/Optimizers.h"
#include "program/format/StepRecord.h"
#include "program/format/Validator.h"

#include <map>

using namespace dpcrt;

/// Where all that parameters have lies: on all replicas, and on some alone beside these.
struct Validator::Places {
  /// What overlaps is named by its owner.
  struct List {
    std::vector<const fb::Ref *> ranges;
    std::vector<std::string> owners;
    void add(const fb::Ref *ref, const std::string &owner) {
      ranges.push_back(ref);
      owners.push_back(owner);
    }
  } ofAll;
  std::map<uint32_t, List> ofReplica;

  /// `replicas`: none are all.
  void add(const fb::Ref *ref, const std::string &owner, const std::vector<uint32_t> &replicas) {
    if (replicas.empty())
      ofAll.add(ref, owner);
    for (uint32_t replica : replicas)
      ofReplica[replica].add(ref, owner + " on replica " + std::to_string(replica));
  }
};

/// A parameter, and what its values that are updated must be like.
struct Validator::Updated {
  const fb::Parameter &parameter;
  std::string owner;
  uint64_t elements = 0;
  uint64_t bytes = 0;            ///< of all elements
  const fb::Ref *kept = nullptr; ///< somebody's; null if nobody's is known
  const char *keptName = "weight";
  uint32_t moments = 0; ///< names
};

/// The bytes that the master of all elements must have, whoever keeps it; `bytes`: of
/// the weight.
uint64_t Validator::validateMaster(const fb::Ref &master, const fb::Parameter &parameter,
                                   const std::string &owner, uint64_t bytes) {
  if (!(program.features() & kFeatureMasters))
    error(owner, " has a master, but the program does not name the feature");
  const Element computed = elementOf(*parameter.tensor());
  if (computed != Element::BF16 && computed != Element::F16)
    error(owner, " has a master, but is of ", nameOf(computed),
          "; only parameters of 16-bit floats have one");
  else if (elementNumbered(master.dtype()) && elementOf(master) != Element::F32)
    error("the master of ", owner, " is of ", nameOf(elementOf(master)), "; it must be of f32");
  return bytes / sizeOf(computed) * sizeof(float);
}

/// Whether a part covers what one may; `elements`: of the whole parameter.
bool Validator::validateExtent(const fb::Part &part, const std::string &owner, uint64_t elements) {
  const uint64_t begin = part.begin(), covered = part.elements();
  if (covered == 0) {
    error("a part of ", owner, " has no elements");
    return false;
  }
  if (!inside(begin, covered, elements)) {
    error("a part of ", owner, ", ", covered, " elements from element ", begin,
          " on, reaches beyond its ", elements, " elements");
    return false;
  }
  if (begin % kSquareBlock || ((begin + covered) % kSquareBlock && begin + covered != elements)) {
    error("a part of ", owner, " covers elements [", begin, "..", begin + covered, ") of ",
          elements, "; it must begin and end at a multiple of ", kSquareBlock,
          " or at the parameter's end");
    return false;
  }
  return true;
}

std::vector<uint32_t> Validator::readReplicas(const flatbuffers::Vector<uint32_t> *list,
                                              const std::string &owner) {
  std::vector<uint32_t> replicas = read(list);
  if (!replicas.empty() && !(program.features() & kFeatureParts))
    error(owner, " is of some replicas, but the program does not name the feature");
  const fb::Mesh *mesh = program.mesh();
  const uint64_t known = mesh ? uint64_t(mesh->dp()) * mesh->ep() : 1;
  for (size_t i = 0; i < replicas.size(); ++i) {
    if (i && replicas[i] <= replicas[i - 1]) {
      error(owner, " does not name its replicas in ascending order");
      return {};
    }
    if (replicas[i] >= known) {
      error(owner, " is of replica ", replicas[i], " of ", known);
      return {};
    }
  }
  return replicas;
}

void Validator::place(Places &places, const Updated &updated, const fb::Ref *ref, uint64_t bytes,
                      fb::ArenaRole role, const char *what, const std::vector<uint32_t> &replicas) {
  if (checkPlace(ref, bytes, role, updated.owner, what))
    places.add(ref, "the " + std::string(what) + " of " + updated.owner, replicas);
}

/// What is added to a gradient or a moment is of the type that is updated.
void Validator::checkKept(const Updated &updated, const fb::Ref *ref, const char *what) {
  const fb::Ref *kept = updated.kept;
  if (ref && kept && ref->dtype() != kept->dtype() && elementNumbered(ref->dtype()) &&
      elementNumbered(kept->dtype()))
    error("the ", what, " of ", updated.owner, " is of ", nameOf(elementOf(*ref)), ", its ",
          updated.keptName, " of ", nameOf(elementOf(*kept)));
}

void Validator::checkMoments(const Updated &updated, const std::vector<const fb::Ref *> &moments) {
  for (const fb::Ref *ref : moments)
    checkKept(updated, ref, "moment");
  if (moments.size() != updated.moments)
    error(updated.owner, " has ", moments.size(), " moments and ", updated.moments,
          " names for them");
}

static bool isEmptyPart(const std::vector<const fb::Part *> &parts) {
  return parts.size() == 1 && parts.front()->elements() == 0;
}

/// The weight, or the master that this rank or another has beside it.
void Validator::findKept(Updated &updated, const std::vector<const fb::Part *> &parts,
                         Places &places) {
  const fb::Parameter &parameter = updated.parameter;
  const Element computed = elementOf(*parameter.tensor());
  updated.kept = parameter.weight();
  const fb::Ref *master = parameter.master();
  for (const fb::Part *part : parts)
    master = master ? master : part->master();
  // Who has an empty part says by the gradient's type that there are masters elsewhere.
  const fb::Ref *gradient = parameter.gradient();
  const bool areElsewhere = isEmptyPart(parts) && gradient && elementNumbered(gradient->dtype()) &&
                            elementOf(*gradient) == Element::F32 &&
                            (computed == Element::BF16 || computed == Element::F16);
  if (master) {
    updated.bytes = validateMaster(*master, parameter, updated.owner, updated.bytes);
    updated.kept = master;
    updated.keptName = "master";
  } else if (areElsewhere) {
    updated.bytes = updated.elements * sizeof(float);
    updated.kept = gradient;
  }
  if (parameter.master())
    place(places, updated, parameter.master(), updated.bytes, fb::ArenaRole::Masters, "master");
}

void Validator::validateParameter(Updated &updated, Places &places) {
  const fb::Parameter &parameter = updated.parameter;
  const fb::Tensor &tensor = *parameter.tensor();
  place(places, updated, parameter.weight(), updated.bytes, fb::ArenaRole::Weights, "weight");
  if (const fb::Ref *weight = parameter.weight();
      weight && elementNumbered(weight->dtype()) && weight->dtype() != tensor.dtype())
    error("the weight of ", updated.owner, " is of ", nameOf(elementOf(*weight)),
          ", the parameter of ", nameOf(elementOf(tensor)));
  std::vector<const fb::Part *> parts;
  for (const fb::Part *part : walk(parameter.parts()))
    parts.push_back(part);
  findKept(updated, parts, places);
  checkKept(updated, parameter.gradient(), "gradient");
  if (parameter.trained() || parameter.gradient())
    place(places, updated, parameter.gradient(), updated.bytes, fb::ArenaRole::Gradients,
          "gradient");
  if (parameter.trained() || parameter.record())
    place(places, updated, parameter.record(), sizeof(StepEntry), fb::ArenaRole::StepRecord,
          "step record entry");
  std::set<std::string> names;
  for (const auto *name : walk(parameter.moment_names()))
    checkName(name, "moment", updated.moments++, names);
  const std::vector<const fb::Ref *> moments = read(parameter.moments());
  if (!parts.empty()) {
    if (!moments.empty() || parameter.master())
      error(updated.owner, " has parts, and beside them ", moments.empty() ? "a master" : "moments",
            " of the whole");
    return validateParts(updated, parts, places);
  }
  checkMoments(updated, moments);
  for (const fb::Ref *ref : moments)
    place(places, updated, ref, updated.bytes, fb::ArenaRole::Moments, "moment");
}

void Validator::validateParts(const Updated &updated, const std::vector<const fb::Part *> &parts,
                              Places &places) {
  const std::string &owner = updated.owner;
  if (!(program.features() & kFeatureParts))
    error(owner, " has parts, but the program does not name the feature");
  if (!updated.parameter.trained())
    error(owner, " has parts, but is not trained");
  if (isEmptyPart(parts)) {
    const fb::Part &part = *parts.front();
    if (part.begin() || count(part.moments()) || part.master() || count(part.replicas()))
      error(owner, " has an empty part that is not all it has");
    return;
  }
  bool hasMasters = false;
  for (const fb::Part *part : parts)
    hasMasters |= part->master() != nullptr;
  const uint64_t unit = updated.bytes / updated.elements;
  std::set<uint32_t> taken;
  for (const fb::Part *part : parts) {
    const bool isExtent = validateExtent(*part, owner, updated.elements);
    const std::vector<uint32_t> replicas = readReplicas(part->replicas(), "a part of " + owner);
    if (replicas.empty() && parts.size() > 1)
      error(owner, " has a part of all replicas, and others beside it");
    for (uint32_t replica : replicas)
      if (!taken.insert(replica).second)
        error(owner, " has two parts of replica ", replica);
    if (!part->master() == hasMasters)
      error(owner, " has masters of some of its parts alone");
    checkKept(updated, part->master(), "master");
    const std::vector<const fb::Ref *> moments = read(part->moments());
    checkMoments(updated, moments);
    if (!isExtent)
      continue;
    const uint64_t bytes = part->elements() * unit;
    for (const fb::Ref *ref : moments)
      place(places, updated, ref, bytes, fb::ArenaRole::Moments, "moment", replicas);
    if (part->master())
      place(places, updated, part->master(), bytes, fb::ArenaRole::Masters, "master", replicas);
  }
}

/// On a replica with parts, only beside what is kept can anything of it lie.
void Validator::checkDisjoint(Places &places) {
  checkDisjoint(places.ofAll.ranges, places.ofAll.owners);
  Places::List beside;
  for (size_t i = 0; i < places.ofAll.ranges.size() && !places.ofReplica.empty(); ++i) {
    const uint32_t arena = places.ofAll.ranges[i]->index();
    if (arena >= count(program.arenas()))
      continue;
    const fb::ArenaRole role = program.arenas()->Get(arena)->role();
    if (role == fb::ArenaRole::Moments || role == fb::ArenaRole::Masters)
      beside.add(places.ofAll.ranges[i], places.ofAll.owners[i]);
  }
  for (auto &[replica, own] : places.ofReplica) {
    if (own.ranges.empty() || !diagnostics.empty())
      break; // what overlaps among all would be said again for each
    own.ranges.insert(own.ranges.end(), beside.ranges.begin(), beside.ranges.end());
    own.owners.insert(own.owners.end(), beside.owners.begin(), beside.owners.end());
    checkDisjoint(own.ranges, own.owners);
  }
}

void Validator::validateParameters() {
  std::set<std::string> names;
  Places places;
  uint32_t index = 0;
  for (const fb::Parameter *parameter : walk(program.parameters())) {
    uint32_t number = index++;
    const fb::Tensor *tensor = parameter->tensor();
    if (!tensor) {
      error("parameter ", number, " has no name and shape");
      continue;
    }
    checkName(tensor->name(), "parameter", number, names);
    Updated updated{*parameter, "parameter " + quoted(text(tensor->name()))};
    if (!tensorBytes(*tensor, updated.bytes) || updated.bytes == 0) {
      error(updated.owner, " has an impossible type or shape");
      continue;
    }
    updated.elements = updated.bytes / sizeOf(elementOf(*tensor));
    validateParameter(updated, places);
  }
  if (program.step_record() && program.step_record()->header() &&
      program.step_record()->header()->space() == fb::Space::Arena &&
      program.step_record()->header()->bytes() == sizeof(StepHeader) &&
      program.step_record()->header()->offset() <= kMaxBytes)
    places.ofAll.add(program.step_record()->header(), "the header of the step record");
  checkDisjoint(places);
}
