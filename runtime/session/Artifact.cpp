// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opening MODEL.dpc, in the order of docs/Artifact.md.
#include "session/Artifact.h"
#include "data/Files.h"
#include "data/Hash.h"
#include "data/ParseJson.h"
#include "program/check/Check.h"
#include "program/format/Outputs.h"
#include <algorithm>

namespace dpcrt {

namespace {
// What another major version lays out differently begins with the checksums, so the
// version is looked at before them, in a manifest that nothing vouches for yet.
Status checkVersion(const Artifact &artifact) {
  std::string text;
  if (!readWholeFile(artifact.path(Manifest::fileName), Code::Artifact, text).ok())
    return {}; // checkChecksums says what is missing
  auto doc = parseJson(text);
  auto version = doc.is_object() ? doc.find("format_version") : doc.end();
  if (!doc.is_object() || version == doc.end() || !version->is_array() || version->size() != 2 ||
      !(*version)[0].is_number_unsigned() || !(*version)[1].is_number_unsigned() ||
      (*version)[0] == Manifest::formatMajor)
    return {};
  return error(Code::Artifact, "'", artifact.directory, "' has format version ",
               (*version)[0].dump(), ".", (*version)[1].dump(), "; this dpc reads ",
               Manifest::formatMajor, ".x: compile the model again");
}

Status checkChecksums(Artifact &artifact, std::map<std::string, std::string> &sums) {
  std::string text;
  if (Status s = readWholeFile(artifact.path(Manifest::checksumsName), Code::Artifact, text);
      !s.ok())
    return error(Code::Artifact, "'", artifact.directory,
                 "' is not a compiled model: ", s.message());
  artifact.identity = hashHex(text.data(), text.size());
  if (Status s = parseChecksums(text, sums); !s.ok())
    return s;
  for (auto &[path, expected] : sums) {
    std::string found;
    if (Status s = hashFile(artifact.path(path), Code::Artifact, found); !s.ok())
      return error(Code::Artifact, "the artifact is damaged: ", s.message());
    if (found != expected)
      return error(Code::Artifact, "the artifact is damaged: '", artifact.path(path),
                   "' does not have the checksum recorded when it was compiled; compile it again");
  }
  return {};
}

std::string described(Element type, const std::vector<uint64_t> &shape) {
  return nameOf(type) + shapeText(shape);
}

// What a program says must be what the manifest says.
Status compare(const Manifest &m, const Manifest::EntryPoint &entry, uint32_t pp,
               const ProgramFile &file, uint64_t constantsSize) {
  const fb::Program &p = file.program();
  auto differs = [&](auto &&...what) {
    return error(Code::Artifact, file.name(), ": ", what...,
                 " in the program and the manifest differ");
  };
  const fb::Mesh *mesh = p.mesh();
  if (!mesh || mesh->pp() != m.mesh.pp || mesh->ep() != m.mesh.ep ||
      mesh->mirror() != m.mesh.mirror || mesh->dp() != m.mesh.dp || mesh->tp() != m.mesh.tp)
    return differs("the meshes");
  if (p.coordinate() != pp)
    return differs("the coordinates");
  if (text(p.entry()) != entry.name || p.micro_batches() != entry.microBatches)
    return differs("entry point or micro-batches");
  for (auto *parameter : items(p.parameters())) {
    std::string name(text(parameter->tensor()->name()));
    const Manifest::Parameter *known = m.parameter(name);
    std::vector<uint64_t> shape = shapeOf(*parameter->tensor()), sliced = shape;
    sliced.insert(sliced.begin(), m.mesh.ep);
    // The manifest has the type that is kept. Where nothing is kept, in an entry point
    // that does not train, the one that is computed with stands alone.
    bool isKept = entry.name == "train_step" || hasMaster(*parameter);
    if (!known || (isKept && keptElement(*parameter) != known->type) ||
        (known->shape != shape && (m.mesh.ep == 1 || known->shape != sliced)))
      return differs("parameter '", name, "' (", described(elementOf(*parameter->tensor()), shape),
                     ")");
    if (!std::binary_search(known->holders.begin(), known->holders.end(), pp))
      return differs("the holders of '", name, "'");
  }
  for (auto *input : items(p.inputs())) {
    std::string name(text(input->name()));
    auto known =
        std::find_if(m.inputs.begin(), m.inputs.end(), [&](auto &i) { return i.name == name; });
    if (known == m.inputs.end() || known->type != elementOf(*input) ||
        known->shape != shapeOf(*input))
      return differs("input '", name, "'");
  }
  for (auto *constant : items(p.constants())) {
    uint64_t end;
    if (__builtin_add_overflow(constant->file_offset(), constant->dst()->bytes(), &end) ||
        end > constantsSize)
      return error(Code::Artifact, file.name(), ": constant '", text(constant->name()),
                   "' lies beyond the end of the constants file");
  }
  return {};
}

// Several ranks may declare an output of which each fetches some micro-batches.
Status listOutputs(Artifact &artifact) {
  const std::vector<ProgramFile> *programs = artifact.entry("eval_step");
  if (!programs)
    return {};
  for (const ProgramFile &file : *programs)
    for (auto *output : items(file->outputs())) {
      std::string_view name = text(output->name());
      if (name.substr(0, kGraphOutputPrefix.size()) != kGraphOutputPrefix)
        continue;
      Artifact::Output own{std::string(name.substr(kGraphOutputPrefix.size())), elementOf(*output),
                           shapeOf(*output)};
      auto known = std::find_if(artifact.outputs.begin(), artifact.outputs.end(),
                                [&](auto &o) { return o.name == own.name; });
      if (known == artifact.outputs.end())
        artifact.outputs.push_back(std::move(own));
      else if (known->type != own.type || known->shape != own.shape)
        return error(Code::Artifact, file.name(), ": output '", own.name,
                     "' has another type or shape than in another rank's program");
    }
  std::sort(artifact.outputs.begin(), artifact.outputs.end(),
            [](auto &a, auto &b) { return a.name < b.name; });
  return {};
}

} // namespace

Status openArtifact(const std::string &directory, Artifact &out) {
  out.directory = directory;
  while (out.directory.size() > 1 && out.directory.back() == '/')
    out.directory.pop_back();
  if (Status s = checkVersion(out); !s.ok())
    return s;
  std::map<std::string, std::string> sums;
  if (Status s = checkChecksums(out, sums); !s.ok())
    return s;
  auto listed = [&](const std::string &file) -> Status {
    if (file.empty() || sums.count(file))
      return {};
    return error(Code::Artifact, "the artifact is damaged: '", file, "' has no checksum");
  };
  if (Status s = listed(Manifest::fileName); !s.ok())
    return s;
  if (Status s = readWholeFile(out.path(Manifest::fileName), Code::Artifact, out.manifestText);
      !s.ok())
    return s;
  if (Status s = parseManifest(out.manifestText, out.manifest); !s.ok())
    return s.within(out.directory);
  const Manifest &m = out.manifest;
  std::vector<std::string> files = {m.constants, m.weights, m.stateFile};
  for (const auto &target : m.targets)
    files.insert(files.end(), {target.file, target.table});
  for (const auto &entry : m.entryPoints)
    files.insert(files.end(), entry.programs.begin(), entry.programs.end());
  for (const std::string &file : files)
    if (Status s = listed(file); !s.ok())
      return s;
  uint64_t constantsSize = 0;
  if (!m.constants.empty()) {
    InputFile constants;
    if (Status s = InputFile::open(out.path(m.constants), Code::Artifact, constants); !s.ok())
      return s;
    constantsSize = constants.size();
  }
  for (const auto &entry : m.entryPoints) {
    std::vector<ProgramFile> &programs = out.programs[entry.name];
    std::vector<const fb::Program *> all;
    for (uint32_t pp = 0; pp < m.mesh.pp; ++pp) {
      Result<ProgramFile> file = readProgramFile(out.path(entry.programs[pp]));
      if (!file.ok())
        return file.status();
      programs.push_back(std::move(*file));
      if (Status s = compare(m, entry, pp, programs.back(), constantsSize); !s.ok())
        return s;
    }
    for (const ProgramFile &file : programs)
      all.push_back(&file.program());
    if (Status s = checkPrograms(all, &out.checks[entry.name]); !s.ok())
      return s;
  }
  return listOutputs(out);
}

bool Artifact::isOfEvaluation(const std::string &input) const {
  auto reads = [&](const char *entryPoint) {
    const std::vector<ProgramFile> *programs = entry(entryPoint);
    return programs &&
           std::any_of(programs->begin(), programs->end(), [&](const ProgramFile &file) {
             auto inputs = items(file->inputs());
             return std::any_of(inputs.begin(), inputs.end(),
                                [&](auto *i) { return text(i->name()) == input; });
           });
  };
  return reads("eval_step") && !reads("train_step");
}

} // namespace dpcrt
