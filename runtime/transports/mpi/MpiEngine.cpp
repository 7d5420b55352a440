// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// MPI as an engine. Compiled once for each MPI, into a plug-in that only a process opens which
// that MPI's launcher has started: their libraries have the same functions and nothing else in
// common. Only MPI's functions that return at once are called between open and close.
#include "world/EnginePlugin.h"
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <list>
#include <mpi.h>
#include <thread>

namespace dpcrt {
namespace {
// MPI counts in int. Both ends cut a longer message alike, and MPI keeps the order of one tag.
constexpr uint64_t kPieceBytes = uint64_t(64) << 20;
static_assert(Engine::kControlBytes <= kPieceBytes, "a control message is one piece");
// Between two looks at what only close waits for.
constexpr auto kPause = std::chrono::microseconds(100);

// MPICH gives a stack of its functions, a line each, whose last one has the reason.
std::string reasonIn(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.pop_back();
  size_t line = text.rfind('\n');
  if (line == text.npos)
    return text;
  size_t colon = text.find(':', line), reason = text.find_first_not_of(": ", colon);
  return text.substr(reason == text.npos ? line + 1 : reason);
}

// Of a call, or of one message that it was about.
Status mpiError(int fault, const std::string &during) {
  char text[MPI_MAX_ERROR_STRING + 1] = "";
  int length = 0, kind = MPI_ERR_UNKNOWN;
  MPI_Error_string(fault, text, &length);
  MPI_Error_class(fault, &kind);
  Code code = kind == MPI_ERR_NO_MEM     ? Code::OutOfMemory
              : kind == MPI_ERR_TRUNCATE ? Code::Internal // the ends do not agree
                                         : Code::PeerLost;
  return error(code, DPCRT_MPI_NAME ", ", during, ": ", reasonIn(std::string(text, length)),
               code == Code::PeerLost ? "; a process has ended, or cannot be reached" : "");
}

// "Open MPI 4.1.4", of "Open MPI v4.1.4, package: …" or "MPICH Version:\t4.0.2\n…". MPI need not
// have been initialised.
std::string libraryVersion() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING + 1] = "";
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string all(text, length);
  all = all.substr(0, all.find_first_of(",\n"));
  size_t space = all.find_last_of(" \t"), digit = all.find_first_of("0123456789", space);
  if (space == all.npos || digit == all.npos)
    return all;
  std::string product = all.substr(0, space);
  if (size_t word = product.find(" Version:"); word != product.npos)
    product.resize(word);
  return product + " " + all.substr(digit);
}

class MpiRequest : public EngineRequest {
public:
  MpiRequest(bool isSend, uint64_t bytes, uint32_t peer, uint32_t tag)
      : isSend(isSend), bytes(bytes), peer(peer), tag(tag) {}

  uint64_t bytesOfPiece(size_t piece) const {
    return std::min(kPieceBytes, bytes - piece * kPieceBytes);
  }
  std::string describe() const {
    std::ostringstream out;
    out << (isSend ? "sending " : "receiving ") << bytes << (isSend ? " bytes to" : " bytes from")
        << " process " << peer << " with tag " << tag;
    return out.str();
  }

  const bool isSend;
  const uint64_t bytes;
  const uint32_t peer, tag;
  std::vector<MPI_Request> pieces; // at least one; null when it has ended
  size_t left = 0;
};

// A control message under way, at either end.
struct Control {
  uint32_t peer;
  std::string bytes;
  MPI_Request request = MPI_REQUEST_NULL; // null when it has ended
};

class MpiEngine : public Engine {
public:
  Status join();
  const char *name() const override { return DPCRT_MPI_NAME; }
  std::string version() const override { return libraryVersion(); }
  uint32_t processes() const override { return size; }
  uint32_t self() const override { return rank; }
  uint32_t tagLimit() const override { return tags; }
  Status send(const void *bytes, uint64_t count, uint32_t to, uint32_t tag,
              std::unique_ptr<EngineRequest> &out) override;
  Status receive(void *bytes, uint64_t count, uint32_t from, uint32_t tag,
                 std::unique_ptr<EngineRequest> &out) override;
  Status testSome(const std::vector<EngineRequest *> &requests,
                  std::vector<size_t> &ended) override;
  Status sendControl(uint32_t to, const std::string &message) override;
  Status receiveControl(bool &there, uint32_t &from, std::string &message) override;
  Status close() override;

private:
  Status checkPeer(uint32_t peer) const;
  Status start(std::unique_ptr<MpiRequest> request, char *bytes,
               std::unique_ptr<EngineRequest> &out);
  Status checkPiece(const MpiRequest &request, size_t piece, const MPI_Status &status) const;
  // Begins to receive the control messages that are there.
  Status takeControl();
  Status dropSentControl();
  // Until all have ended, with sleeps between looks; MPI's error.
  static int waitFor(std::vector<MPI_Request> requests);
#ifdef MPICH_VERSION
  int talkToAll(); // an empty message from every process to every process
#endif

  uint32_t rank = 0, size = 0, tags = 0;
  // Of their own, so that no message is anybody else's: of data, and of control.
  MPI_Comm data = MPI_COMM_NULL, control = MPI_COMM_NULL;
  std::list<Control> outgoing, incoming; // in their order; MPI has the addresses of their bytes

  // Of testSome: every piece that is under way, and whose it is.
  struct Piece {
    size_t request, number;
  };
  std::vector<MPI_Request> handles;
  std::vector<Piece> owners;
  std::vector<int> indices;
  std::vector<MPI_Status> statuses;
};

Status MpiEngine::join() {
  int is = 0, level = 0, fault = MPI_Initialized(&is);
  if (fault != MPI_SUCCESS || is)
    return error(Code::Device, DPCRT_MPI_NAME ": something else in this process has initialised "
                                              "MPI already, and one process joins one world");
  // Where one process may not read another's memory, Open MPI sends a message through shared
  // memory in pieces of 32 KiB, and a piece moves on when somebody looks, which a courier does
  // every so often: few large ones cost few looks. What the user has set stays.
  setenv("OMPI_MCA_btl_vader_max_send_size", "1048576", /*overwrite=*/0);
  setenv("OMPI_MCA_btl_vader_eager_limit", "65536", /*overwrite=*/0);
  // One thread calls all functions. Without a launcher it is a world of one process.
  if (fault = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &level); fault != MPI_SUCCESS)
    return mpiError(fault, "MPI_Init_thread");
  if (level < MPI_THREAD_FUNNELED)
    return error(Code::Device, DPCRT_MPI_NAME ": ", version(),
                 " cannot be used in a process with threads (MPI_THREAD_FUNNELED)");
  // What is made of a communicator handles errors like it.
  int ownRank = 0, ownSize = 0, hasLimit = 0;
  int *limit = nullptr;
  for (MPI_Comm c : {MPI_COMM_WORLD, MPI_COMM_SELF})
    if (fault = MPI_Comm_set_errhandler(c, MPI_ERRORS_RETURN); fault != MPI_SUCCESS)
      return mpiError(fault, "MPI_Comm_set_errhandler");
  for (MPI_Comm *c : {&data, &control})
    if (fault = MPI_Comm_dup(MPI_COMM_WORLD, c); fault != MPI_SUCCESS)
      return mpiError(fault, "MPI_Comm_dup");
  if (fault = MPI_Comm_rank(data, &ownRank); fault != MPI_SUCCESS)
    return mpiError(fault, "MPI_Comm_rank");
  if (fault = MPI_Comm_size(data, &ownSize); fault != MPI_SUCCESS)
    return mpiError(fault, "MPI_Comm_size");
  fault = MPI_Comm_get_attr(data, MPI_TAG_UB, &limit, &hasLimit);
  if (fault != MPI_SUCCESS)
    return mpiError(fault, "MPI_Comm_get_attr");
  rank = ownRank;
  size = ownSize;
  tags = uint32_t(hasLimit ? *limit : 32767) + 1; // MPI promises the latter
  return {};
}

Status MpiEngine::checkPeer(uint32_t peer) const {
  if (peer < size)
    return {};
  return error(Code::Internal, "there is no process ", peer, ": the world has ", size);
}

Status MpiEngine::start(std::unique_ptr<MpiRequest> request, char *bytes,
                        std::unique_ptr<EngineRequest> &out) {
  MpiRequest &r = *request;
  if (Status s = checkPeer(r.peer); !s.ok())
    return s;
  if (r.tag >= tags)
    return error(Code::Internal, "tag ", r.tag, " is not below ", tags);
  r.pieces.resize(std::max<uint64_t>(1, (r.bytes + kPieceBytes - 1) / kPieceBytes),
                  MPI_REQUEST_NULL);
  r.left = r.pieces.size();
  for (size_t piece = 0; piece < r.pieces.size(); ++piece) {
    char *from = bytes + piece * kPieceBytes;
    int count = r.bytesOfPiece(piece);
    int fault = r.isSend ? MPI_Isend(from, count, MPI_BYTE, r.peer, r.tag, data, &r.pieces[piece])
                         : MPI_Irecv(from, count, MPI_BYTE, r.peer, r.tag, data, &r.pieces[piece]);
    if (fault != MPI_SUCCESS)
      return mpiError(fault, r.describe());
  }
  out = std::move(request);
  return {};
}

Status MpiEngine::send(const void *bytes, uint64_t count, uint32_t to, uint32_t tag,
                       std::unique_ptr<EngineRequest> &out) {
  return start(std::make_unique<MpiRequest>(true, count, to, tag),
               const_cast<char *>(static_cast<const char *>(bytes)), out);
}

Status MpiEngine::receive(void *bytes, uint64_t count, uint32_t from, uint32_t tag,
                          std::unique_ptr<EngineRequest> &out) {
  return start(std::make_unique<MpiRequest>(false, count, from, tag), static_cast<char *>(bytes),
               out);
}

Status MpiEngine::checkPiece(const MpiRequest &request, size_t piece,
                             const MPI_Status &status) const {
  int count = 0;
  if (request.isSend)
    return {};
  if (int fault = MPI_Get_count(&status, MPI_BYTE, &count); fault != MPI_SUCCESS)
    return mpiError(fault, request.describe());
  if (uint64_t(count) == request.bytesOfPiece(piece))
    return {};
  return error(Code::Internal, DPCRT_MPI_NAME ", ", request.describe(), ": there came ",
               piece * kPieceBytes + count);
}

Status MpiEngine::testSome(const std::vector<EngineRequest *> &requests,
                           std::vector<size_t> &ended) {
  handles.clear();
  owners.clear();
  for (size_t i = 0; i < requests.size(); ++i) {
    auto &request = static_cast<MpiRequest &>(*requests[i]);
    for (size_t piece = 0; piece < request.pieces.size(); ++piece)
      if (request.pieces[piece] != MPI_REQUEST_NULL) {
        handles.push_back(request.pieces[piece]);
        owners.push_back({i, piece});
      }
  }
  if (handles.empty())
    return {};
  indices.resize(handles.size());
  statuses.resize(handles.size());
  int count = 0;
  int fault = MPI_Testsome(handles.size(), handles.data(), &count, indices.data(), statuses.data());
  if (fault != MPI_SUCCESS && fault != MPI_ERR_IN_STATUS)
    return mpiError(fault, "MPI_Testsome");
  size_t before = ended.size();
  for (int k = 0; k < count; ++k) {
    const Piece &owner = owners[indices[k]];
    auto &request = static_cast<MpiRequest &>(*requests[owner.request]);
    request.pieces[owner.number] = MPI_REQUEST_NULL;
    if (fault == MPI_ERR_IN_STATUS && statuses[k].MPI_ERROR != MPI_SUCCESS)
      return mpiError(statuses[k].MPI_ERROR, request.describe());
    if (Status s = checkPiece(request, owner.number, statuses[k]); !s.ok())
      return s;
    if (--request.left == 0)
      ended.push_back(owner.request);
  }
  std::sort(ended.begin() + before, ended.end());
  return {};
}

Status MpiEngine::dropSentControl() {
  while (!outgoing.empty()) {
    int is = 0, fault = MPI_Test(&outgoing.front().request, &is, MPI_STATUS_IGNORE);
    if (fault != MPI_SUCCESS)
      return mpiError(fault,
                      "a control message to process " + std::to_string(outgoing.front().peer));
    if (!is)
      return {};
    outgoing.pop_front();
  }
  return {};
}

Status MpiEngine::sendControl(uint32_t to, const std::string &message) {
  if (Status s = checkPeer(to); !s.ok())
    return s;
  if (message.size() > kControlBytes)
    return error(Code::Internal, "a control message of ", message.size(), " bytes is longer than ",
                 kControlBytes);
  if (Status s = dropSentControl(); !s.ok())
    return s;
  outgoing.push_back({to, message});
  Control &c = outgoing.back();
  int fault = MPI_Isend(c.bytes.data(), c.bytes.size(), MPI_BYTE, to, 0, control, &c.request);
  return fault == MPI_SUCCESS
             ? Status()
             : mpiError(fault, "a control message to process " + std::to_string(to));
}

Status MpiEngine::takeControl() {
  // Nobody sends for ever faster than this takes them: each has one turn.
  for (uint32_t turn = 0; turn < size; ++turn) {
    int is = 0, count = 0;
    MPI_Message message;
    MPI_Status status;
    int fault = MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, control, &is, &message, &status);
    if (fault == MPI_SUCCESS && is)
      fault = MPI_Get_count(&status, MPI_BYTE, &count);
    if (fault != MPI_SUCCESS)
      return mpiError(fault, "a control message");
    if (!is)
      return {};
    incoming.push_back({uint32_t(status.MPI_SOURCE), std::string(count, '\0')});
    Control &c = incoming.back();
    fault = MPI_Imrecv(c.bytes.data(), count, MPI_BYTE, &message, &c.request);
    if (fault != MPI_SUCCESS)
      return mpiError(fault, "a control message from process " + std::to_string(c.peer));
  }
  return {};
}

Status MpiEngine::receiveControl(bool &there, uint32_t &from, std::string &message) {
  there = false;
  if (Status s = dropSentControl(); !s.ok())
    return s;
  if (Status s = takeControl(); !s.ok())
    return s;
  // The first that is there, but none before an earlier one of the same sender, which may be
  // long and still under way.
  std::vector<uint32_t> waiting;
  for (auto c = incoming.begin(); c != incoming.end(); ++c) {
    if (std::find(waiting.begin(), waiting.end(), c->peer) != waiting.end())
      continue;
    int is = 0, fault = MPI_Test(&c->request, &is, MPI_STATUS_IGNORE);
    if (fault != MPI_SUCCESS)
      return mpiError(fault, "a control message from process " + std::to_string(c->peer));
    if (!is) {
      waiting.push_back(c->peer);
      continue;
    }
    there = true;
    from = c->peer;
    message = std::move(c->bytes);
    incoming.erase(c);
    return {};
  }
  return {};
}

int MpiEngine::waitFor(std::vector<MPI_Request> requests) {
  int over = 0, fault = MPI_SUCCESS;
  while (fault == MPI_SUCCESS && !over) {
    fault = MPI_Testall(int(requests.size()), requests.data(), &over, MPI_STATUSES_IGNORE);
    if (!over)
      std::this_thread::sleep_for(kPause);
  }
  return fault;
}

#ifdef MPICH_VERSION
int MpiEngine::talkToAll() {
  std::vector<MPI_Request> all(2 * size, MPI_REQUEST_NULL);
  int fault = MPI_SUCCESS;
  for (uint32_t peer = 0; peer < size && fault == MPI_SUCCESS; ++peer) {
    fault = MPI_Irecv(nullptr, 0, MPI_BYTE, int(peer), 0, data, &all[2 * peer]);
    if (fault == MPI_SUCCESS)
      fault = MPI_Isend(nullptr, 0, MPI_BYTE, int(peer), 0, data, &all[2 * peer + 1]);
  }
  return fault == MPI_SUCCESS ? waitFor(std::move(all)) : fault;
}
#endif

Status MpiEngine::close() {
  if (!incoming.empty())
    return error(Code::Internal, DPCRT_MPI_NAME ": closed before a control message of process ",
                 incoming.front().peer, " is received");
  while (!outgoing.empty()) {
    if (Status s = dropSentControl(); !s.ok())
      return s;
    if (!outgoing.empty())
      std::this_thread::sleep_for(kPause);
  }
  // MPI_Finalize waits for the others with all of a core: so it is called when they are here.
  MPI_Request here;
  int fault = MPI_Ibarrier(control, &here);
  if (fault == MPI_SUCCESS)
    fault = waitFor({here});
  if (fault != MPI_SUCCESS)
    return mpiError(fault, "MPI_Ibarrier");
#ifdef MPICH_VERSION
  // Its MPI_Finalize over UCX closes connections, for which one that was never sent over is first
  // made, and a process that has closed its own looks at nothing any more: the other side then
  // waits for ever. So all of them are made here, where all look.
  if (fault = talkToAll(); fault != MPI_SUCCESS)
    return mpiError(fault, "a last message");
#endif
  for (MPI_Comm *c : {&data, &control})
    if (fault = MPI_Comm_free(c); fault != MPI_SUCCESS)
      return mpiError(fault, "MPI_Comm_free");
  fault = MPI_Finalize();
  return fault == MPI_SUCCESS ? Status() : mpiError(fault, "MPI_Finalize");
}

Status open(std::unique_ptr<Engine> &out) {
  auto engine = std::make_unique<MpiEngine>();
  Status s = engine->join();
  if (s.ok())
    out = std::move(engine);
  return s;
}
} // namespace
} // namespace dpcrt

const dpcrt::Plugin *dpcrt_engine_plugin() {
  static const dpcrt::EngineKind kind{DPCRT_MPI_NAME, dpcrt::open, dpcrt::libraryVersion};
  static const dpcrt::Plugin plugin{DPCRT_PLUGIN_VERSION, &kind};
  return &plugin;
}
