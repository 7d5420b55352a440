# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The published definitions of schedules, once more and apart from the library: each function returns the rows of
(kind, stage, micro-batch) that the source's own rules give. Rows of one list per rank."""
import heapq


def one_f_one_b_rows(ranks, micro_batches, chunks, extra_warm_up, split):
    """Megatron's interleaved schedule (Narayanan et al. 2021) in the form of PyTorch's ScheduleInterleaved1F1B; with `split`
    that of ScheduleInterleavedZeroBubble. `extra_warm_up`: forwards that a rank has ahead of the one behind it."""
    rounds = max(1, micro_batches // ranks)
    assert micro_batches % rounds == 0
    group, total = micro_batches // rounds, micro_batches * chunks
    rows = []
    for rank in range(ranks):
        warm = min((chunks - 1) * group + extra_warm_up * (ranks - 1 - rank), total)
        forwards, backwards, weights, row = {}, {}, [], []
        for op in range(total + warm):
            if op < total:
                stage = op // group % chunks * ranks + rank
                row.append(("F", stage, forwards.get(stage, 0)))
                forwards[stage] = forwards.get(stage, 0) + 1
            if op >= warm:
                stage = (chunks - 1 - (op - warm) // group % chunks) * ranks + rank
                micro_batch = backwards.get(stage, 0)
                backwards[stage] = micro_batch + 1
                row.append(("I" if split else "B", stage, micro_batch))
                if split:
                    weights.append(("W", stage, micro_batch))
                    if op - warm >= rank:
                        row.append(weights.pop(0))
        rows.append(row + weights)
    return rows


def interleaved(ranks, micro_batches, chunks):
    return one_f_one_b_rows(ranks, micro_batches, chunks, 2, False)


def interleaved_zb(ranks, micro_batches, chunks):
    return one_f_one_b_rows(ranks, micro_batches, chunks, 1, True)


def looped_bfs(ranks, micro_batches, chunks):
    """Lamy-Poirier, Breadth-First Pipeline Parallelism, 2023: stage after stage, backwards in the reverse order of everything."""
    return [[("F", c * ranks + r, m) for c in range(chunks) for m in range(micro_batches)] +
            [("B", c * ranks + r, m) for c in reversed(range(chunks)) for m in reversed(range(micro_batches))] for r in range(ranks)]


def zb_v(ranks, micro_batches):
    """Qi et al., Zero Bubble Pipeline Parallelism, 2024, section 6, in the form of PyTorch's ScheduleZBVZeroBubble."""
    rows = []
    for rank in range(ranks):
        down, up, size = rank, 2 * ranks - 1 - rank, max(2 * ranks - 1, micro_batches)
        counts, row = {}, []

        def do(stage, *kinds):
            for kind in kinds:
                micro_batch = counts.get((kind, stage), 0)
                counts[kind, stage] = micro_batch + 1
                row.append((kind, stage, micro_batch))

        def done(kind, stage):
            return counts.get((kind, stage), 0)

        for _ in range(2 * (ranks - rank) - 1):
            do(down, "F")
        for _ in range(rank):
            do(up, "F")
            do(down, "F")
        for _ in range(ranks - rank):
            do(up, "F", "I", "W")
        while done("F", up) < done("F", down) or done("F", down) < size:
            if done("F", down) < size:
                do(down, "F")
            do(down, "I", "W")
            do(up, "F", "I", "W")
        for _ in range(rank):
            do(down, "I")
            do(up, "I")
        for _ in range(ranks - rank):
            do(down, "I", "W")
        while done("W", up) < done("I", up):
            do(up, "W")
        while done("W", down) < done("I", down):
            do(down, "W")
        rows.append([task for task in row if task[2] < micro_batches])
    return rows


def chimera(ranks, micro_batches, doubling=False):
    """Li and Hoefler, Chimera, SC 2021, figure 2: two pipelines of half the ranks in micro-batches each, forwards and backwards in
    slots of one length. Micro-batch k of a unit enters two slots after the one before; each direction fills the slots the other
    leaves, and so does the next unit, which begins as soon as its forwards find slots. With forward doubling a forward slot has two
    micro-batches, so that a unit has twice as many and is half as long again."""
    of_slot = 2 if doubling else 1
    share, length, rows = ranks // 2 * of_slot, (3 if doubling else 2) * ranks, []
    for rank in range(ranks):
        slots = []
        for direction, stage in enumerate((rank, ranks - 1 - rank)):
            for m in range(micro_batches // 2):
                begin, micro_batch = m // share * length, m + direction * micro_batches // 2
                slots.append((begin + m % share // of_slot * 2 + stage, "F", stage, micro_batch))
                slots.append((begin + m % share * 2 + 2 * ranks - 1 - stage, "B", stage, micro_batch))
        rows.append([task for _, *task in sorted(slots)])
    return rows


def chimera_doubling(ranks, micro_batches):
    return chimera(ranks, micro_batches, True)


def combined(ranks, micro_batches, chunks):
    """Megatron's interleaved schedule with one forward more in the warm-up, so that the forward and the backward of a step do not
    depend on each other and overlap as a pair."""
    group, total = micro_batches // max(1, micro_batches // ranks), micro_batches * chunks
    rows = []
    for rank in range(ranks):
        warm = min((chunks - 1) * group + 2 * (ranks - 1 - rank) + 1, total)
        counts, row = {}, []

        def take(kind, stage):
            counts[kind, stage] = counts.get((kind, stage), 0) + 1
            return kind, stage, counts[kind, stage] - 1

        def forward(op):
            return take("F", op // group % chunks * ranks + rank)

        def backward(op):
            return take("B", (chunks - 1 - op // group % chunks) * ranks + rank)

        row += [forward(op) for op in range(warm)]
        row += [(forward(op), backward(op - warm)) for op in range(warm, total)]
        row += [backward(op) for op in range(total - warm, total)]
        rows.append(row)
    return rows


def zb_h2(ranks, micro_batches):
    """Qi et al., Zero Bubble Pipeline Parallelism, 2024, figure 3."""
    rows = []
    for rank in range(ranks):
        warm = min(2 * (ranks - rank) - 1, micro_batches)
        row = [("F", rank, m) for m in range(warm)]
        for m in range(micro_batches):
            row.append(("I", rank, m))
            row += [("W", rank, m - 2 * rank)] if m >= 2 * rank else []
            row += [("F", rank, warm + m)] if warm + m < micro_batches else []
        done = max(0, micro_batches - 2 * rank)
        rows.append(row + [("W", rank, m) for m in range(done, micro_batches)])
    return rows


class ControllableMemory:
    """Qi et al., Pipeline Parallelism with Controllable Memory, 2024: everything as lists of slots, counted anew each time. Parts of a
    rank: 0 forward down, 1 forward up, 2 input half up, 3 input half down, 4 weight half (up), 5 weight half down."""

    def __init__(self, ranks, micro_batches, block):
        self.ranks, self.micro_batches = ranks, micro_batches
        self.lanes = [[[begin + 6 * m for m in range(micro_batches)] for begin in block(ranks, rank)] for rank in range(ranks)]

    @staticmethod
    def slots(lane):
        return {slot: part for part, slots in enumerate(lane) for slot in slots}

    def with_weights(self, lane, split):
        taken, waiting, put, slot = self.slots(lane[:4]), [0, 0], [[], []], 0
        while slot <= max(taken) or any(waiting):
            part = taken.get(slot)
            if part is None:
                way = next((way for way in (0, 1) if waiting[way]), None)
                if way is not None:
                    put[way].append(slot)
                    waiting[way] -= 1
            elif part >= 2:
                waiting[part - 2 if split else 0] += 1
            slot += 1
        return lane[:4] + (put if split else put[:1])

    def peak(self, lane):
        taken, alive, most, waiting = self.slots(lane), 0, 0, 0
        for slot in range(max(taken) + 1):
            part = taken.get(slot)
            if part is None:
                if len(lane) == 4 and waiting:
                    waiting, alive = waiting - 1, alive - 1
            else:
                waiting += part in (2, 3)
                alive += {0: 1, 1: 1, 4: -1}.get(part, 0)
            most = max(most, alive)
        return most

    def actions(self):
        return sorted((slot, rank, part, m) for rank, lane in enumerate(self.lanes) for part, slots in enumerate(lane) for m, slot in enumerate(slots))

    def before(self, at, rank, part, m):
        """What an action follows, other than its rank's order."""
        neighbour = rank - 1 if part in (0, 2) else rank + 1
        found = [at[neighbour][part][m]] if part < 4 and 0 <= neighbour < self.ranks else []
        return found + ([at[rank][part - 1][m]] if 0 < part < 4 else [])

    def pull_forward(self, head):
        cap = max(map(self.peak, self.lanes))
        phase = "head"
        done = [set() for _ in self.lanes]
        for slot, rank, part, m in self.actions():
            if phase == "head" and part == 3 and rank == 0:
                phase = "middle"
            stays = phase == "middle" or phase == "head" and not head
            if phase == "middle" and part == 0 and m == self.micro_batches - 1:
                phase = "tail"
            lane = self.lanes[rank]
            if not stays:
                after = self.before(self.lanes, rank, part, m) + ([lane[part][m - 1]] if m else [])
                after += [sorted(lane[2] + lane[3])[m]] if part == 4 else []
                for earlier in range(max(after, default=-1) + 1, slot):
                    if earlier not in done[rank]:
                        lane[part][m] = earlier
                        if self.peak(lane) <= cap:
                            break
                        lane[part][m] = slot
            done[rank].add(lane[part][m])

    def squeeze(self):
        at, clock = [[[0] * len(slots) for slots in lane] for lane in self.lanes], [0] * self.ranks
        for _, rank, part, m in self.actions():
            at[rank][part][m] = max([clock[rank], *(slot + 1 for slot in self.before(at, rank, part, m))])
            clock[rank] = at[rank][part][m] + 1
        self.lanes = [lane[:4] for lane in at]

    def rows(self):
        self.lanes = [self.with_weights(lane, False) for lane in self.lanes]
        self.pull_forward(True)
        self.squeeze()
        self.pull_forward(False)
        self.lanes = [self.with_weights(lane, False) for lane in self.lanes]
        self.squeeze()
        self.lanes = [self.with_weights(lane, True) for lane in self.lanes]
        rows = [[] for _ in range(self.ranks)]
        for _, rank, part, m in self.actions():
            rows[rank].append(("FFIIWW"[part], rank if part in (0, 3, 5) else 2 * self.ranks - 1 - rank, m))
        return rows


def v_half(ranks, micro_batches):
    def block(P, r):
        d = 0 if P % 2 else 3
        return 2 * r, 3 * P - r - 2, 3 * P + d + 2 * r - 1, 6 * P + d - r - 2
    return ControllableMemory(ranks, micro_batches, block).rows()


def v_min(ranks, micro_batches):
    def block(P, r):
        d = 0 if P % 3 else 2
        return r, 2 * P - r - 1, 2 * P + d + r, 4 * P + d - r - 1
    return ControllableMemory(ranks, micro_batches, block).rows()


def hanayo(ranks, micro_batches, chunks):
    """Liu et al., Hanayo, 2023: what each rank begins, slot after slot."""
    stages = ranks * chunks

    def rank_of(stage):
        return stage % ranks if stage // ranks % 2 == 0 else ranks - 1 - stage % ranks

    rows, ready, free_at, running, slot = [[] for _ in range(ranks)], [[] for _ in range(ranks)], [0] * ranks, [], 0
    waiting = list(range(micro_batches))

    def offer(kind, stage, micro_batch):
        left = stages - stage if kind == "F" else stage
        heapq.heappush(ready[rank_of(stage)], (kind == "F", micro_batch, left, kind, stage))

    for _ in range(min((3 * ranks + 1) // 2, micro_batches)):
        offer("F", 0, waiting.pop(0))
    while running or any(ready):
        for end, kind, stage, micro_batch in [task for task in running if task[0] == slot]:
            if kind == "F":
                offer(*(("F", stage + 1) if stage + 1 < stages else ("B", stage)), micro_batch)
            elif stage:
                offer("B", stage - 1, micro_batch)
            elif waiting:
                offer("F", 0, waiting.pop(0))
        running = [task for task in running if task[0] > slot]
        for rank in range(ranks):
            if free_at[rank] <= slot and ready[rank]:
                _, micro_batch, _, kind, stage = heapq.heappop(ready[rank])
                free_at[rank] = slot + (1 if kind == "F" else 2)
                running.append((free_at[rank], kind, stage, micro_batch))
                rows[rank].append((kind, stage, micro_batch))
        slot += 1
    return rows
