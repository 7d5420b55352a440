// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The data of the page as lanes of cells, and the words about them.
const data = JSON.parse(document.getElementById("data").textContent);
const kindWords = { F: "forward", B: "full backward", I: "input half of a backward", W: "weight half of a backward" };

// Columns to objects. Of pairs (&) the second task lies in columns of its own; other
// work (#) has a name.
for (const picture of data.pictures) {
  for (const lane of picture.lanes) {
    let pair = 0, other = 0;
    lane.picture = picture;
    lane.cells = [...lane.kinds].map((kind, i) => {
      const cell = { lane, i, start: lane.start[i], end: lane.end[i], kind, stage: lane.stage[i], micro: lane.micro[i], shade: lane.shade[i] };
      if (kind === "&") {
        cell.second = { kind: "B", stage: lane.pairStage[pair], micro: lane.pairMicro[pair], shade: lane.pairShade[pair] };
        pair++;
      }
      if (kind === "#") cell.text = lane.names[other++];
      if (lane.expected) cell.expected = lane.expected[i];
      return cell;
    });
    for (const i of lane.critical) lane.cells[i].critical = true;
    lane.waits = [];
    for (let i = 0; i < lane.wait.length; i += 7) {
      const [start, end, core, kind, stage, micro, rank] = lane.wait.slice(i, i + 7);
      lane.waits.push({ lane, start, end, core: core === 1, awaited: kind < 0 ? "" : stage + "FBIW"[kind] + micro + " of rank " + rank, before: lane.before[i / 7] || "" });
    }
  }
}
// What a measured step lies beside.
const forecasts = data.interleaved ? data.pictures.slice(1) : [];
const everyLane = data.pictures.flatMap((picture) => picture.lanes);
const shortest = Math.min(...everyLane.map((lane) => lane.cells.reduce((least, cell) => (cell.end > cell.start ? Math.min(least, cell.end - cell.start) : least), Infinity)), data.to - data.from || 1);

function time(value, picture) {
  if (!picture.unit) return String(+value.toPrecision(6));
  return value.toFixed(Math.abs(value) < 100 ? 2 : 1) + " " + picture.unit;
}
const firstKind = (cell) => (cell.kind === "&" ? "F" : cell.kind);
// When a forecast expected a cell of the measured step.
const expectedBy = (forecast, cell) => cell.expected.map((when) => when * forecast.factor);
const taskName = (kind, stage, micro) => stage + kind + micro;
function cellName(cell) {
  if (cell.kind === "#") return cell.text;
  const first = taskName(firstKind(cell), cell.stage, cell.micro);
  return cell.second ? "(" + first + "&" + taskName("B", cell.second.stage, cell.second.micro) + ")" : first;
}
const isOf = (cell, micro) => cell.kind !== "#" && (cell.micro === micro || (cell.second && cell.second.micro === micro));

// Of ascending things, the first that does not end at or before `when`.
function firstAfter(list, when) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].end <= when) low = middle + 1; else high = middle;
  }
  return low;
}
// Where of a lane's list is what it keeps from `when` on; or, with `before`, until then.
function keptPlace(lane, when, before) {
  let low = 0, high = lane.kept.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1, at = lane.kept[2 * middle];
    if (before ? at < when : at <= when) low = middle + 1; else high = middle;
  }
  return low - 1;
}
const keptAt = (lane, when) => (lane.kept[2 * keptPlace(lane, when) + 1] || 0);
function bytes(value) {
  const prefixes = ["", "k", "M", "G", "T"];
  let prefix = 0;
  for (; value >= 999.5 && prefix < 4; prefix++) value /= 1000;
  return +value.toPrecision(3) + " " + prefixes[prefix] + "B";
}
const keptWords = (shares, size) => +shares.toPrecision(6) + (size === undefined ? "" : " (" + bytes(size) + ")");
function describeKept(lane, when, before) {
  const at = keptPlace(lane, when, before);
  return keptWords(at < 0 ? 0 : lane.kept[2 * at + 1], lane.keptBytes && (at < 0 ? 0 : lane.keptBytes[at]));
}

// The message that a cell waited for, right before it.
function waitBefore(cell) {
  const before = cell.i ? cell.lane.cells[cell.i - 1].end : 0;
  return cell.lane.waits.filter((wait) => !wait.core && wait.end > wait.start && wait.start >= before - 1e-9 && wait.end <= cell.start + 1e-9).pop();
}
const coreTime = (lane, start, end) => lane.waits.reduce((sum, wait) => sum + (wait.core ? Math.max(0, Math.min(wait.end, end) - Math.max(wait.start, start)) : 0), 0);
const signed = (value, words) => (value < 0 ? "\u2212" : "+") + words(Math.abs(value));
const percent = (is, was, digits = 1) => (was > 0 ? signed(100 * (is / was - 1), (v) => v.toFixed(digits) + " %") : "");

function describeTask(kind, stage, micro, shade, picture) {
  const copy = picture.replicas ? ", copy " + shade : "";
  return kindWords[kind] + " of stage " + stage + ", micro-batch " + micro + copy;
}
function describeCell(cell) {
  const { lane } = cell, { picture } = lane, t = (value) => time(value, picture), lines = [cellName(cell) + " \u2013 rank " + lane.rank + ", " + picture.title];
  if (cell.kind !== "#") lines.push(describeTask(firstKind(cell), cell.stage, cell.micro, cell.shade, picture));
  else lines.push("work outside tasks");
  if (cell.second) lines.push("overlapped with " + describeTask("B", cell.second.stage, cell.second.micro, cell.second.shade, picture));
  lines.push("start " + t(cell.start) + ", end " + t(cell.end) + ", takes " + t(cell.end - cell.start));
  const wait = waitBefore(cell), core = coreTime(lane, cell.start, cell.end);
  if (wait) lines.push("waited " + t(wait.end - wait.start) + (wait.awaited ? " for " + wait.awaited : " for a message"));
  else lines.push("did not wait for a message");
  if (core > 0) lines.push("stood still " + t(core) + " of it for a core");
  if (cell.expected) for (const forecast of forecasts) {
    const [start, end] = expectedBy(forecast, cell);
    lines.push(forecast.lane + ": start " + t(start) + ", end " + t(end) + ", takes " + t(end - start));
    lines.push((forecast === forecasts[0] ? "error" : "error when " + forecast.lane) + ": start " + signed(cell.start - start, t) + ", length " + signed(cell.end - cell.start - (end - start), t) + " (" + percent(cell.end - cell.start, end - start) + ")");
  }
  lines.push("keeps " + describeKept(lane, cell.start, true) + " before and " + describeKept(lane, cell.start) + " during it (activations)");
  if (cell.critical) lines.push("on the critical path");
  return lines;
}
function describeWait(wait) {
  const { lane } = wait, t = (value) => time(value, lane.picture);
  const lines = [(wait.core ? "waits for a core" : "waits for a message") + " \u2013 rank " + lane.rank + ", " + lane.picture.title];
  if (!wait.core && wait.awaited) lines.push("of " + wait.awaited);
  if (wait.before) lines.push("before " + wait.before);
  lines.push("from " + t(wait.start) + " to " + t(wait.end) + ", " + t(wait.end - wait.start), "keeps " + describeKept(lane, wait.start) + " activations");
  return lines;
}
function describeIdle(lane, when) {
  const last = lane.cells.length ? lane.cells[lane.cells.length - 1].end : 0;
  return ["rank " + lane.rank + ", " + lane.picture.title, when >= last ? "has nothing left to do since " + time(last, lane.picture) : "nothing recorded", "keeps " + describeKept(lane, when) + " activations"];
}
