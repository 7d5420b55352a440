// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A file of weights against a compiled model, by names and layout.
#include "dpc-run/InitWeights.h"
#include "dpc-run/Output.h"
#include "program/format/Half.h"
#include "weights/InitialWeights.h"
#include "weights/WeightFiles.h"
#include <algorithm>
#include <cstring>
#include <set>

namespace dpcrt {
namespace {
using Shape = std::vector<uint64_t>;

std::string described(Element type, const Shape &shape) { return nameOf(type) + shapeText(shape); }

bool startsWith(const std::string &text, const std::string &start) {
  return text.compare(0, start.size(), start) == 0;
}

// f32 holds every value of the shorter types.
bool converts(Element from, Element to) {
  return from == to || (to == Element::F32 && (from == Element::BF16 || from == Element::F16));
}

void convertToFloat(Element from, std::vector<char> &bytes) {
  uint64_t count = bytes.size() / sizeOf(from);
  std::vector<char> wide(count * sizeof(float));
  widenHalf(from, bytes.data(), reinterpret_cast<float *>(wide.data()), count);
  bytes = std::move(wide);
}

class Initialization {
public:
  Initialization(const WeightFiles &files, const Manifest &manifest, const std::string &folder)
      : files(files), m(manifest), initial(folder, manifest) {}

  Status match() { return files.layout() == Layout::Initializer ? byInitializer() : byFramework(); }

  std::string wrong; // one line for each thing

  struct Load {
    const Manifest::Parameter *parameter;
    WeightFiles::Place place;
    bool transposed;
  };
  std::vector<Load> loads;

private:
  void note(const std::string &name, const std::string &what) {
    wrong += "\n  '" + name + "' " + what;
  }

  // Plans the load if shape and type fit; the file's shape is `p`'s own, or turned.
  void take(const Manifest::Parameter &p, const std::string &name, const WeightFiles::Place &place,
            bool transposed) {
    Shape shape = transposed ? transposedShape(p.shape) : p.shape;
    const StoredTensor &tensor = *place.tensor;
    if (tensor.shape != shape || !converts(tensor.type, p.type))
      note(name, "should be " + described(p.type, shape) + ", is " +
                     described(tensor.type, tensor.shape));
    else
      loads.push_back({&p, place, transposed});
  }

  Status byInitializer() {
    std::set<std::string> known = {"loss", "total_loss"};
    std::vector<std::string> states; // NAME.exp_avg and the like
    for (const Manifest::Parameter &p : m.parameters) {
      std::string name = p.name;
      const WeightFiles::Place *place = files.find(name);
      if (!place)
        if ((place = files.find("param/" + p.name))) // a dump
          name = "param/" + p.name;
      if (place)
        take(p, name, *place, false);
      else
        note(p.name, "should be " + described(p.type, p.shape) + ", is missing");
      known.insert({p.name, "param/" + p.name, "grad/" + p.name});
      states.push_back(p.name + ".");
    }
    for (auto &[name, place] : files.tensors()) {
      bool isState = std::any_of(states.begin(), states.end(), [&, &name = name](auto &start) {
        return startsWith(name, start) && name.find('.', start.size()) == std::string::npos;
      });
      if (!known.count(name) && !isState)
        note(name, "is not expected");
    }
    return {};
  }

  Status byFramework() {
    std::set<std::string> known;
    for (const Manifest::Parameter &p : m.parameters) {
      std::vector<std::string> names = p.framework;
      if (names.empty())
        names = {p.name};
      known.insert(names.begin(), names.end());
      if (Status s = oneParameter(p, names); !s.ok())
        return s;
    }
    for (const Manifest::StateEntry &entry : m.stateDict)
      if (entry.parameter.empty() && known.insert(entry.key).second)
        if (Status s = constant(entry); !s.ok())
          return s;
    for (auto &[name, place] : files.tensors())
      if (!known.count(name))
        note(name, "is not expected");
    return {};
  }

  Status oneParameter(const Manifest::Parameter &p, const std::vector<std::string> &names) {
    const std::string *first = nullptr;
    const WeightFiles::Place *place = nullptr;
    for (const std::string &name : names) {
      const WeightFiles::Place *found = files.find(name);
      if (found && place) {
        bool equal;
        if (Status s = compare(*place, *found, equal); !s.ok())
          return s;
        if (!equal)
          note(name, "and '" + *first + "' are one tensor in this model, but differ");
      } else if (found) {
        first = &name, place = found;
      }
    }
    if (p.partial) {
      if (place)
        note(*first, "cannot be taken: the model's file holds only what was folded from it, '" +
                         p.initializerName() +
                         "'; export the model again with python -m dpc.export");
    } else if (place) {
      take(p, *first, *place, p.transposed);
    } else if (p.trained || !p.framework.empty()) { // masks and the like are in no state dict
      Shape shape = p.transposed ? transposedShape(p.shape) : p.shape;
      note(names.front(), "should be " + described(p.type, shape) + ", is missing");
    }
    return {};
  }

  // A buffer or frozen parameter that was compiled in. The file may bring other
  // values only where the graph does not compute with them.
  Status constant(const Manifest::StateEntry &entry) {
    const WeightFiles::Place *place = files.find(entry.key);
    if (!place)
      return {};
    if (!entry.used || !entry.source.index())
      return {};
    std::vector<char> own, theirs;
    if (Status s = initial.read(entry, own); !s.ok())
      return s;
    Shape shape = entry.shape;
    if (entry.transposed) {
      std::vector<char> turned(own.size());
      transposeMatrix(own.data(), shape, sizeOf(entry.type), turned.data());
      own = std::move(turned);
      shape = transposedShape(shape);
    }
    if (Status s = WeightFiles::read(*place, theirs); !s.ok())
      return s;
    if (converts(place->tensor->type, entry.type) && place->tensor->type != entry.type)
      convertToFloat(place->tensor->type, theirs);
    if (place->tensor->shape != shape || theirs != own)
      note(entry.key, "is a constant of the compiled model and has other values there; compile a "
                      "model that holds these");
    return {};
  }

  static Status compare(const WeightFiles::Place &a, const WeightFiles::Place &b, bool &equal) {
    std::vector<char> left, right;
    if (Status s = WeightFiles::read(a, left); !s.ok())
      return s;
    if (Status s = WeightFiles::read(b, right); !s.ok())
      return s;
    equal = a.tensor->type == b.tensor->type && a.tensor->shape == b.tensor->shape && left == right;
    return {};
  }

  const WeightFiles &files;
  const Manifest &m;
  InitialWeights initial;
};
} // namespace

Status initWeights(const std::string &path, const std::string &folder,
                   const dpcrt_artifact *artifact, dpcrt_session *session, std::ostream &err) {
  WeightFiles files;
  if (Status s = WeightFiles::open(path, files); !s.ok())
    return s.within("--init-weights");
  Manifest manifest;
  if (Status s = parseManifest(dpcrt_artifact_manifest(artifact), manifest); !s.ok())
    return s;
  Initialization plan(files, manifest, folder);
  if (Status s = plan.match(); !s.ok())
    return s.within("--init-weights " + path);
  if (!plan.wrong.empty())
    return error(Code::Data, "--init-weights ", path, ", read as ", nameOf(files.layout()),
                 "'s names and layout, does not fit the model:", plan.wrong);
  std::vector<char> bytes, turned;
  for (const Initialization::Load &load : plan.loads) {
    const Manifest::Parameter &p = *load.parameter;
    if (Status s = WeightFiles::read(load.place, bytes); !s.ok())
      return s;
    if (load.place.tensor->type != p.type)
      convertToFloat(load.place.tensor->type, bytes);
    if (load.transposed) {
      turned.resize(bytes.size());
      transposeMatrix(bytes.data(), transposedShape(p.shape), sizeOf(p.type), turned.data());
      bytes.swap(turned);
    }
    if (Status s = fromC(
            dpcrt_session_write(session, ("param/" + p.name).c_str(), bytes.data(), bytes.size()));
        !s.ok())
      return s;
  }
  err << "weights: " << plan.loads.size() << " tensors from " << path << ", in the "
      << nameOf(files.layout()) << "'s layout\n";
  return {};
}

} // namespace dpcrt
