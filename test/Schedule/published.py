"""The published definitions of schedules, once more and apart from the library: each function returns the rows of
(kind, stage, micro-batch) that the source's own rules give. Rows of one list per rank."""


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


def chimera(ranks, micro_batches):
    """Li and Hoefler, Chimera, SC 2021, figure 2: two pipelines of half the ranks in micro-batches each, forwards and backwards in
    slots of one length. Micro-batch k of a unit enters two slots after the one before; each direction fills the slots the other
    leaves, and so does the next unit, which begins as soon as its forwards find slots."""
    half, rows = ranks // 2, []
    for rank in range(ranks):
        slots = []
        for direction, stage in enumerate((rank, ranks - 1 - rank)):
            for m in range(micro_batches // 2):
                begin, micro_batch = m // half * 2 * ranks + m % half * 2, m + direction * micro_batches // 2
                slots += [(begin + stage, "F", stage, micro_batch), (begin + 2 * ranks - 1 - stage, "B", stage, micro_batch)]
        rows.append([task for _, *task in sorted(slots)])
    return rows


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
