// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parameters, and the parts of them that replicas keep.

#include "program/format/Optimizers.h"
#include "program/format/StepRecord.h"
#include "program/format/Validator.h"

#include <map>

using namespace dpcrt;

namespace {

/// "a", "b": what overlaps is named by its owner.
struct Places {
  std::vector<const fb::Ref *> ranges;
  std::vector<std::string> owners;

  void add(const fb::Ref *ref, const std::string &owner) {
    ranges.push_back(ref);
    owners.push_back(owner);
  }
};

} // namespace

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

void Validator::validateParameters() {
  std::set<std::string> names;
  // Of all replicas, and of some alone beside these.
  Places places;
  std::map<uint32_t, Places> ofReplica;
  uint32_t index = 0;
  for (const fb::Parameter *parameter : walk(program.parameters())) {
    uint32_t number = index++;
    const fb::Tensor *tensor = parameter->tensor();
    if (!tensor) {
      error("parameter ", number, " has no name and shape");
      continue;
    }
    checkName(tensor->name(), "parameter", number, names);
    const std::string owner = "parameter " + quoted(text(tensor->name()));
    uint64_t bytes = 0;
    if (!tensorBytes(*tensor, bytes) || bytes == 0) {
      error(owner, " has an impossible type or shape");
      continue;
    }
    const uint64_t elements = bytes / sizeOf(elementOf(*tensor));
    auto placeOn = [&](const std::vector<uint32_t> &replicas, const fb::Ref *ref, uint64_t size,
                       fb::ArenaRole role, const char *what) {
      if (!checkPlace(ref, size, role, owner, what))
        return;
      const std::string name = "the " + std::string(what) + " of " + owner;
      if (replicas.empty())
        places.add(ref, name);
      for (uint32_t replica : replicas)
        ofReplica[replica].add(ref, name + " on replica " + std::to_string(replica));
    };
    auto place = [&](const fb::Ref *ref, uint64_t size, fb::ArenaRole role, const char *what) {
      placeOn({}, ref, size, role, what);
    };
    place(parameter->weight(), bytes, fb::ArenaRole::Weights, "weight");
    if (const fb::Ref *weight = parameter->weight();
        weight && elementNumbered(weight->dtype()) && weight->dtype() != tensor->dtype())
      error("the weight of ", owner, " is of ", nameOf(elementOf(*weight)), ", the parameter of ",
            nameOf(elementOf(*tensor)));
    const fb::Ref *kept = parameter->weight();
    const char *keptName = "weight";
    if (parameter->master()) {
      bytes = validateMaster(*parameter->master(), *parameter, owner, bytes);
      place(parameter->master(), bytes, fb::ArenaRole::Masters, "master");
      kept = parameter->master();
      keptName = "master";
    }
    std::vector<const fb::Part *> parts;
    for (const fb::Part *part : walk(parameter->parts()))
      parts.push_back(part);
    // Who has an empty part says by the gradient's type that there are masters elsewhere.
    const fb::Ref *firstMaster = nullptr;
    for (const fb::Part *part : parts)
      firstMaster = firstMaster ? firstMaster : part->master();
    const fb::Ref *gradient = parameter->gradient();
    const bool isEmpty = parts.size() == 1 && parts.front()->elements() == 0;
    if (firstMaster && !parameter->master()) {
      bytes = validateMaster(*firstMaster, *parameter, owner, bytes);
      kept = firstMaster;
      keptName = "master";
    } else if (isEmpty && gradient && elementNumbered(gradient->dtype()) &&
               elementOf(*gradient) == Element::F32 &&
               (elementOf(*tensor) == Element::BF16 || elementOf(*tensor) == Element::F16)) {
      bytes = elements * sizeof(float);
      kept = gradient;
    }
    const uint64_t unit = bytes / elements; // of what is updated
    // What is added to a gradient or a moment is of the type that is updated.
    auto checkKept = [&](const fb::Ref *ref, const char *what) {
      if (ref && kept && ref->dtype() != kept->dtype() && elementNumbered(ref->dtype()) &&
          elementNumbered(kept->dtype()))
        error("the ", what, " of ", owner, " is of ", nameOf(elementOf(*ref)), ", its ", keptName,
              " of ", nameOf(elementOf(*kept)));
    };
    checkKept(parameter->gradient(), "gradient");
    if (parameter->trained() || parameter->gradient())
      place(parameter->gradient(), bytes, fb::ArenaRole::Gradients, "gradient");
    if (parameter->trained() || parameter->record())
      place(parameter->record(), sizeof(StepEntry), fb::ArenaRole::StepRecord, "step record entry");
    std::set<std::string> momentNames;
    uint32_t moment = 0;
    for (const auto *name : walk(parameter->moment_names()))
      checkName(name, "moment", moment++, momentNames);

    auto checkMoments = [&](const std::vector<const fb::Ref *> &moments) {
      for (const fb::Ref *ref : moments)
        checkKept(ref, "moment");
      if (moments.size() != moment)
        error(owner, " has ", moments.size(), " moments and ", moment, " names for them");
    };
    std::vector<const fb::Ref *> moments = read(parameter->moments());
    if (parts.empty()) {
      checkMoments(moments);
      for (const fb::Ref *ref : moments)
        place(ref, bytes, fb::ArenaRole::Moments, "moment");
      continue;
    }
    if (!(program.features() & kFeatureParts))
      error(owner, " has parts, but the program does not name the feature");
    if (!moments.empty() || parameter->master())
      error(owner, " has parts, and beside them ", moments.empty() ? "a master" : "moments",
            " of the whole");
    if (!parameter->trained())
      error(owner, " has parts, but is not trained");
    std::set<uint32_t> taken;
    for (const fb::Part *part : parts) {
      if (isEmpty) {
        if (part->begin() || count(part->moments()) || part->master() || count(part->replicas()))
          error(owner, " has an empty part that is not all it has");
        break;
      }
      const bool isExtent = validateExtent(*part, owner, elements);
      std::vector<uint32_t> replicas = readReplicas(part->replicas(), "a part of " + owner);
      if (replicas.empty() && parts.size() > 1)
        error(owner, " has a part of all replicas, and others beside it");
      for (uint32_t replica : replicas)
        if (!taken.insert(replica).second)
          error(owner, " has two parts of replica ", replica);
      if (!part->master() != !firstMaster)
        error(owner, " has masters of some of its parts alone");
      checkKept(part->master(), "master");
      std::vector<const fb::Ref *> own = read(part->moments());
      checkMoments(own);
      if (!isExtent)
        continue;
      for (const fb::Ref *ref : own)
        placeOn(replicas, ref, part->elements() * unit, fb::ArenaRole::Moments, "moment");
      if (part->master())
        placeOn(replicas, part->master(), part->elements() * unit, fb::ArenaRole::Masters,
                "master");
    }
  }
  if (program.step_record() && program.step_record()->header() &&
      program.step_record()->header()->space() == fb::Space::Arena &&
      program.step_record()->header()->bytes() == sizeof(StepHeader) &&
      program.step_record()->header()->offset() <= kMaxBytes)
    places.add(program.step_record()->header(), "the header of the step record");
  checkDisjoint(places.ranges, places.owners);
  // On a replica with parts, only beside what is kept can anything of it lie.
  Places beside;
  for (size_t i = 0; i < places.ranges.size() && !ofReplica.empty(); ++i) {
    const uint32_t arena = places.ranges[i]->index();
    if (arena >= count(program.arenas()))
      continue;
    const fb::ArenaRole role = program.arenas()->Get(arena)->role();
    if (role == fb::ArenaRole::Moments || role == fb::ArenaRole::Masters)
      beside.add(places.ranges[i], places.owners[i]);
  }
  for (auto &[replica, own] : ofReplica) {
    if (own.ranges.empty() || !diagnostics.empty())
      break; // what overlaps among all would be said again for each
    own.ranges.insert(own.ranges.end(), beside.ranges.begin(), beside.ranges.end());
    own.owners.insert(own.owners.end(), beside.owners.begin(), beside.owners.end());
    checkDisjoint(own.ranges, own.owners);
  }
}
