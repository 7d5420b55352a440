// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What pointer, keys and buttons do, the legend and the tables.
const tip = document.getElementById("tip"), said = document.getElementById("said"), get = (id) => document.getElementById(id);

function setView(from, to) {
  const end = whole(), least = Math.max(Math.min(shortest / 20, end / 10), end * 1e-7);
  let span = Math.min(Math.max(to - from, least), end);
  from = Math.min(Math.max(0, from), end - span);
  view.from = from;
  view.to = from + span;
  redraw();
}
function zoom(factor, x = left + (width - left - right) / 2) {
  const at = timeAt(Math.min(Math.max(x, left), width - right));
  setView(at - (at - view.from) * factor, at + (view.to - at) * factor);
}
const move = (share) => setView(view.from + share * (view.to - view.from), view.to + share * (view.to - view.from));

// What lies under a point of the canvas: a cell, a wait or an empty place of a lane.
function hit(x, y) {
  if (x < left || x > width - right || y < axis) return null;
  const at = y + stage.scrollTop, row = rows.find((candidate) => candidate.lane && at >= candidate.y && at < candidate.y + candidate.height);
  if (!row) return null;
  const { lane } = row, when = timeAt(x), slack = ((view.to - view.from) / width) * 1.5;
  const cell = lane.cells[firstAfter(lane.cells, when)] || lane.cells[lane.cells.length - 1];
  if (cell && cell.start <= when && when < cell.end) return { row, cell, lines: describeCell(cell) };
  const wait = lane.waits.find((candidate) => candidate.start <= when && when < candidate.end);
  if (wait) return { row, wait, lines: describeWait(wait) };
  if (cell && cell.start - slack <= when && when < cell.end + slack) return { row, cell, lines: describeCell(cell) };
  return { row, lines: describeIdle(lane, when) };
}
function showTip(lines, x, y) {
  tip.replaceChildren(...lines.map((line) => { const part = document.createElement("div"); part.textContent = line; return part; }));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(x + 14, window.innerWidth - box.width - 8)) + "px";
  tip.style.top = Math.max(4, y + 18 + box.height > window.innerHeight ? y - box.height - 12 : y + 18) + "px";
}
function point(event) {
  const box = canvas.getBoundingClientRect(), found = hit(event.clientX - box.left, event.clientY - box.top);
  const micro = found && found.cell && found.cell.kind !== "#" ? found.cell.micro : -1;
  if (micro !== view.micro) { view.micro = micro; redraw(); }
  if (found) showTip(found.lines, event.clientX, event.clientY);
  else tip.hidden = true;
}
function leave() {
  tip.hidden = true;
  if (view.micro >= 0) { view.micro = -1; redraw(); }
}

// Pointers that are down; two of them pinch.
const down = new Map();
stage.addEventListener("pointerdown", (event) => {
  if (event.target !== canvas) return;
  down.set(event.pointerId, { x: event.clientX, y: event.clientY });
  stage.setPointerCapture(event.pointerId);
  stage.classList.add("dragging");
  if (event.pointerType === "mouse") tip.hidden = true;
});
stage.addEventListener("pointermove", (event) => {
  const before = down.get(event.pointerId);
  if (!before) return point(event);
  if (down.size === 1) {
    const share = (before.x - event.clientX) / (width - left - right);
    stage.scrollTop += before.y - event.clientY;
    move(share);
  } else if (down.size === 2) {
    const other = [...down].find(([id]) => id !== event.pointerId)[1], box = canvas.getBoundingClientRect();
    const was = Math.max(8, Math.abs(before.x - other.x)), is = Math.max(8, Math.abs(event.clientX - other.x));
    zoom(was / is, (event.clientX + other.x) / 2 - box.left);
  }
  down.set(event.pointerId, { x: event.clientX, y: event.clientY });
});
for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => {
  down.delete(event.pointerId);
  if (!down.size) stage.classList.remove("dragging");
  if (name === "pointerup") point(event);
});
stage.addEventListener("pointerleave", leave);
stage.addEventListener("wheel", (event) => {
  const box = canvas.getBoundingClientRect(), x = event.clientX - box.left;
  if (x < left && !event.ctrlKey) return; // over the ranks: the browser scrolls
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) move((sideways * unit) / (width - left - right));
  else zoom(Math.exp(Math.max(-200, Math.min(200, event.deltaY * unit)) * (event.ctrlKey ? 0.01 : 0.002)), x);
  point(event);
}, { passive: false });
stage.addEventListener("scroll", redraw);

// Goes to a cell: in sight, framed, spoken.
function select(cell) {
  view.selected = cell;
  view.micro = cell && cell.kind !== "#" ? cell.micro : -1;
  if (!cell) { tip.hidden = true; return redraw(); }
  const span = view.to - view.from;
  if (cell.start < view.from || cell.end > view.to) setView((cell.start + cell.end) / 2 - span / 2, (cell.start + cell.end) / 2 + span / 2);
  const row = rows.find((candidate) => candidate.lane === cell.lane), seen = stage.clientHeight;
  if (row.y - axis < stage.scrollTop) stage.scrollTop = row.y - axis - 4;
  if (row.y + row.height > stage.scrollTop + seen) stage.scrollTop = row.y + row.height - seen + 4;
  const box = canvas.getBoundingClientRect(), lines = describeCell(cell);
  showTip(lines, box.left + Math.max(left, xOf(cell.start)), box.top + row.y + row.tall - stage.scrollTop);
  said.textContent = lines.join("; ");
  redraw();
}
function step(key) {
  const lanes = rows.filter((row) => row.lane && row.lane.cells.length).map((row) => row.lane), chosen = view.selected;
  if (!lanes.length) return;
  if (!chosen) return select(lanes[0].cells[Math.min(firstAfter(lanes[0].cells, view.from), lanes[0].cells.length - 1)]);
  const { cells } = chosen.lane, at = lanes.indexOf(chosen.lane);
  if (key === "ArrowLeft") select(cells[Math.max(0, chosen.i - 1)]);
  if (key === "ArrowRight") select(cells[Math.min(cells.length - 1, chosen.i + 1)]);
  if (key === "Home") select(cells[0]);
  if (key === "End") select(cells[cells.length - 1]);
  if (key === "ArrowUp" || key === "ArrowDown") {
    const other = lanes[Math.max(0, Math.min(lanes.length - 1, at + (key === "ArrowUp" ? -1 : 1)))].cells;
    select(other[Math.min(other.length - 1, firstAfter(other, (chosen.start + chosen.end) / 2))]);
  }
}
stage.addEventListener("keydown", (event) => {
  const act = { "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6), 0: () => setView(0, whole()), "[": () => move(-0.4), "]": () => move(0.4), Escape: () => select(null) }[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (act) act();
  else if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") step(event.key);
  else return;
  event.preventDefault();
});

function refresh() { layOut(); fitSize(); redraw(); }
function setTheme() {
  const chosen = get("theme").value, dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = chosen === "auto" ? (dark ? "dark" : "light") : chosen;
  readTheme();
  addLegend();
  redraw();
}
function addLegend() {
  const kinds = new Set(everyLane.flatMap((lane) => [...new Set(lane.kinds)])), picture = data.pictures.reduce((a, b) => (b.palette.F.length > a.palette.F.length ? b : a));
  const items = [], shades = picture.palette.F.length, add = (words, ...fills) => {
    const item = document.createElement("li"), swatch = document.createElement("canvas"), pen = swatch.getContext("2d");
    swatch.width = 22; swatch.height = 14;
    fills.forEach(([fill, x, y, w, h]) => { pen.fillStyle = fill; pen.fillRect(x, y, w, h); });
    item.append(swatch, words);
    items.push(item);
    return pen;
  };
  if (coloured()) {
    add("took longer than " + (view.colour === forecasts[0].lane ? "forecast" : "the " + view.colour + " forecast") + ", full at twice as long", ["rgb(228,181,114)", 0, 0, 11, 14], ["rgb(230,130,0)", 11, 0, 11, 14]);
    add("took less, full at half", ["rgb(114,171,203)", 0, 0, 11, 14], ["rgb(0,114,178)", 11, 0, 11, 14]);
  }
  for (const kind of "FBIW") if (kinds.has(kind)) add(kindWords[kind], [paint(kind, 0, picture)[0], 0, 0, 11, 14], [paint(kind, shades - 1, picture)[0], 11, 0, 11, 14]);
  if (kinds.has("&")) add("forward and backward, overlapped", [paint("F", 0, picture)[0], 0, 0, 22, 7], [paint("B", shades - 1, picture)[0], 0, 7, 22, 7]);
  if (kinds.has("#")) add("other work", [paint("#", 0, picture)[0], 0, 0, 22, 14]);
  if (everyLane.some((lane) => lane.waits.some((wait) => !wait.core))) add("waits for a message", [theme.wait, 0, 0, 22, 14]);
  if (everyLane.some((lane) => lane.waits.some((wait) => wait.core))) add("waits for a core", [hatch, 0, 0, 22, 14]);
  if (everyLane.some((lane) => lane.critical.length)) { const pen = add("critical path"); pen.strokeStyle = theme.critical; pen.lineWidth = 2; pen.strokeRect(1, 1, 20, 12); }
  const most = Math.max(...everyLane.map((lane) => lane.peakBytes || 0));
  add("activations kept, to " + +data.peak.toPrecision(6) + (data.peak === 1 ? " share" : " shares") + " of a micro-batch" + (most > 0 ? ", " + bytes(most) : ""), [theme.kept, 0, 4, 22, 10]);
  if (shades > 1) { const item = document.createElement("li"); item.textContent = picture.replicas ? "light and dark: the copies of the model" : "the darker, the later a rank's stage"; items.push(item); }
  if (data.laneKey) { const item = document.createElement("li"); item.textContent = data.laneKey; items.push(item); }
  get("legend").replaceChildren(...items);
}

function makeTable(head, body) {
  const table = document.createElement("table"), line = (cells, tag) => {
    const row = document.createElement("tr");
    for (const words of cells) { const cell = document.createElement(tag); cell.textContent = words; row.append(cell); }
    return row;
  };
  table.append(line(head, "th"), ...body.map((cells) => line(cells, "td")));
  return table;
}
function addSummary() {
  const mostBytes = (picture) => (picture.lanes.some((lane) => lane.keptBytes) ? Math.max(...picture.lanes.map((lane) => lane.peakBytes)) : undefined);
  const bounds = data.pictures.some((picture) => picture.bound > 0);
  const parts = [makeTable(["", "makespan", "idle", "largest peak of activations", ...(bounds ? ["lower bound"] : [])], data.pictures.map((picture) => [picture.title,
    time(picture.makespan, picture), (100 * picture.bubble).toFixed(1) + " %", keptWords(Math.max(0, ...picture.lanes.map((lane) => lane.peak)), mostBytes(picture)),
    ...(bounds ? [time(picture.bound, picture)] : [])]))];
  if (data.interleaved) {
    const title = document.createElement("h2"), ms = (value) => value.toFixed(2);
    title.textContent = "Forecast against measured";
    parts.push(title);
    for (const picture of forecasts) {
      const note = document.createElement("p");
      note.className = "help";
      note.textContent = picture === forecasts[0] ? data.errors[0] + ". Where more ranks run than cores, ranks wait for cores, and the picture shows order, not speed."
        : picture.title + ": as long as the step, so that what is left are errors of proportion.";
      parts.push(note, makeTable(["", "tasks", "without a forecast", "measured, ms", picture.lane + ", ms", "error", "mean error of a length, ms", "mean error of a start, ms"],
        picture.errors.map((e) => ["rank " + e.rank, e.cells, e.unmatched, ms(e.measured), ms(e.forecast), percent(e.measured, e.forecast), ms(e.durationError), ms(e.startError)])));
    }
  }
  get("summary").replaceChildren(...parts);
}
const tableLimit = 5000;
get("tasks").addEventListener("toggle", () => {
  const place = get("tasks").querySelector("div");
  if (!get("tasks").open || place.firstChild) return;
  const cells = (data.interleaved ? data.pictures.slice(0, 1) : data.pictures).flatMap((picture) => picture.lanes.flatMap((lane) => lane.cells)), n = (value) => String(+value.toPrecision(6));
  const head = ["action", "schedule", "rank", "start", "end", "length", "waited for", ...forecasts.flatMap(({ lane }) => [lane + " start", lane + " length", "start off by", "length off by"])];
  place.append(makeTable(head, cells.slice(0, tableLimit).map((cell) => {
    const wait = waitBefore(cell), row = [cellName(cell), cell.lane.picture.title, cell.lane.rank, n(cell.start), n(cell.end), n(cell.end - cell.start), wait ? wait.awaited || "a message" : ""];
    return [...row, ...forecasts.flatMap((forecast) => {
      if (!cell.expected) return ["", "", "", ""];
      const [start, end] = expectedBy(forecast, cell);
      return [n(start), n(end - start), n(cell.start - start), n(cell.end - cell.start - end + start)];
    })];
  })));
  if (cells.length > tableLimit) { const more = document.createElement("p"); more.textContent = "and " + (cells.length - tableLimit) + " more; --format csv has them all"; place.append(more); }
});

const buttons = { in: () => zoom(0.6), out: () => zoom(1 / 0.6), fit: () => setView(0, whole()), left: () => move(-0.4), right: () => move(0.4),
  taller: () => { view.row = Math.min(60, Math.round(view.row * 1.3)); refresh(); }, flatter: () => { view.row = Math.max(6, Math.round(view.row / 1.3)); refresh(); } };
for (const [id, act] of Object.entries(buttons)) get(id).addEventListener("click", act);
get("kept").addEventListener("change", () => { view.kept = get("kept").checked; refresh(); });
get("critical").addEventListener("change", () => { view.critical = get("critical").checked; redraw(); });
get("colour").addEventListener("change", () => { view.colour = get("colour").value; addLegend(); redraw(); });
get("theme").addEventListener("change", setTheme);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", setTheme);
window.addEventListener("resize", refresh);

get("title").textContent = data.title;
document.title = data.title;
get("criticalLabel").hidden = !everyLane.some((lane) => lane.critical.length);
get("colourLabel").hidden = !forecasts.length;
get("colour").append(...forecasts.map(({ lane }) => new Option(lane === forecasts[0].lane ? "by error" : "by error when " + lane, lane)));
const lanes = everyLane.length;
view.row = lanes <= 12 ? 28 : lanes <= 40 ? 22 : lanes <= 100 ? 14 : 9;
refresh();
setTheme();
addSummary();

// For scripts: where a cell is on the page, and what is in sight.
window.timeline = {
  view, data,
  boxOf(picture, rank, action) {
    const lane = data.pictures[picture].lanes.find((candidate) => candidate.rank === rank), cell = lane.cells.find((candidate) => cellName(candidate) === action);
    const row = rows.find((candidate) => candidate.lane === lane), box = canvas.getBoundingClientRect();
    return { x: box.left + xOf(cell.start), y: box.top + row.y - stage.scrollTop, width: xOf(cell.end) - xOf(cell.start), height: row.tall };
  },
  render() { const begin = performance.now(); render(); return performance.now() - begin; },
};
