// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where everything lies, and how it is drawn: only what is in sight, at any zoom.
const stage = document.getElementById("stage"), canvas = document.getElementById("picture"), context = canvas.getContext("2d");
const left = 96, right = 12, axis = 24;
const view = { from: data.from, to: data.to, row: 22, kept: true, critical: true, colour: "task", micro: -1, selected: null };
let rows = [], height = 0, width = 0, theme = {}, hatch = null;

function layOut() {
  const curve = view.kept ? Math.max(6, Math.round(view.row * 0.5)) : 0;
  rows = [];
  let y = axis + 2;
  const heading = (pictures) => { for (const picture of pictures) { rows.push({ picture, y, height: 24 }); y += 24; } };
  const add = (lane, forecast) => {
    const tall = forecast ? Math.round(view.row * 0.7) : view.row, below = forecast ? 0 : curve;
    rows.push({ lane, forecast, y, tall, curve: below, height: tall + below + 2 });
    y += tall + below + 2;
  };
  if (data.interleaved) {
    heading(data.pictures);
    for (const lane of data.pictures[0].lanes) {
      add(lane, false);
      for (const { lanes } of forecasts) for (const other of lanes) if (other.rank === lane.rank) add(other, true);
      y += 5;
    }
  } else {
    for (const picture of data.pictures) {
      heading([picture]);
      for (const lane of picture.lanes) add(lane, false);
      y += 8;
    }
  }
  height = y + 4;
}

function fitSize() {
  const room = Math.max(220, window.innerHeight - document.querySelector("header").offsetHeight - 24);
  const seen = Math.min(height, room), scale = window.devicePixelRatio || 1;
  stage.style.height = seen + "px";
  width = stage.clientWidth;
  canvas.style.width = width + "px";
  canvas.style.height = seen + "px";
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(seen * scale);
  document.getElementById("spacer").style.height = Math.max(0, height - seen) + "px";
}

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["page", "panel", "ink", "soft", "line", "wait", "hatch", "kept", "critical", "focus"]) theme[name] = style.getPropertyValue("--" + name).trim();
  const tile = document.createElement("canvas"), pen = tile.getContext("2d");
  tile.width = tile.height = 6;
  pen.fillStyle = theme.page;
  pen.globalAlpha = 0.55;
  pen.fillRect(0, 0, 6, 6);
  pen.globalAlpha = 1;
  pen.strokeStyle = theme.hatch;
  pen.lineWidth = 1.6;
  for (const shift of [-6, 0, 6]) { pen.beginPath(); pen.moveTo(shift - 1, 7); pen.lineTo(shift + 7, -1); pen.stroke(); }
  hatch = context.createPattern(tile, "repeat");
}

const xOf = (when) => left + ((when - view.from) / (view.to - view.from)) * (width - left - right);
const timeAt = (x) => view.from + ((x - left) / (width - left - right)) * (view.to - view.from);
const whole = () => { const end = Math.max(...data.pictures.map((picture) => picture.makespan), 0); return end > 0 ? end : 1; };

// The forecast whose errors are the colours; none: those of tasks.
const coloured = () => forecasts.find((forecast) => forecast.lane === view.colour);
const expectedLength = (cell, forecast) => { const [start, end] = expectedBy(forecast, cell); return end - start; };
// An error of +100 % or more is full orange, of -50 % or less full blue.
function errorColour(cell, forecast) {
  if (!cell.expected || !(expectedLength(cell, forecast) > 0) || !(cell.end > cell.start)) return theme.wait;
  const off = Math.max(-1, Math.min(1, Math.log2((cell.end - cell.start) / expectedLength(cell, forecast))));
  const [r, g, b] = off < 0 ? [0, 114, 178] : [230, 130, 0];
  const mix = (from, to) => Math.round(from + (to - from) * Math.abs(off));
  return `rgb(${mix(228, r)},${mix(228, g)},${mix(228, b)})`;
}
const paint = (kind, shade, picture) => picture.palette[kind][Math.min(shade, picture.palette[kind].length - 1)];

function drawTask(kind, shade, micro, name, picture, x, y, w, h, fill) {
  const [colour, ink] = fill ? [fill, "#000"] : paint(kind, shade, picture);
  context.fillStyle = colour;
  context.fillRect(x, y, w, h);
  const size = Math.min(12, h - 1);
  if (w < 6 || size < 6) return;
  const label = w > name.length * size * 0.62 + 6 ? name : String(micro);
  if (w < label.length * size * 0.58 + 1) return;
  labels.push([label, size, ink, x + w / 2, y + h / 2 + 0.5]);
}
// Labels of a lane lie over everything else of it.
const labels = [];
function drawLabels() {
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const [label, size, ink, x, y] of labels) {
    context.fillStyle = ink;
    context.font = size + "px system-ui, sans-serif";
    context.fillText(label, x, y);
  }
  labels.length = 0;
}

function drawCell(cell, x, w, row) {
  const { y, tall } = row, { picture } = cell.lane;
  const forecast = row.forecast ? null : coloured(), fill = forecast ? errorColour(cell, forecast) : null;
  if (cell.kind === "#") {
    context.fillStyle = fill || paint("#", 0, picture)[0];
    context.fillRect(x, y, w, tall);
  } else if (fill) {
    const words = cell.expected ? percent(cell.end - cell.start, expectedLength(cell, forecast), 0) : "?";
    drawTask("F", 0, "", words, picture, x, y, w, tall, fill);
  } else if (cell.second) {
    const half = Math.round(tall / 2);
    drawTask("F", cell.shade, cell.micro, taskName("F", cell.stage, cell.micro), picture, x, y, w, half);
    drawTask("B", cell.second.shade, cell.second.micro, taskName("B", cell.second.stage, cell.second.micro), picture, x, y + half, w, tall - half);
  } else {
    drawTask(cell.kind, cell.shade, cell.micro, taskName(cell.kind, cell.stage, cell.micro), picture, x, y, w, tall);
  }
  const frame = (colour, thick) => {
    context.strokeStyle = colour;
    context.lineWidth = thick;
    context.strokeRect(x + thick / 2, y + thick / 2, Math.max(0.5, w - thick), tall - thick);
  };
  if (view.critical && cell.critical) {
    if (w > 5) frame(theme.critical, 2);
    else { context.fillStyle = theme.critical; context.fillRect(x, y, w + 1, Math.max(2, tall * 0.2)); } // a frame would hide the colour
  }
  if (view.micro >= 0 && isOf(cell, view.micro)) frame(theme.ink, w > 5 ? 2 : 1);
}

function drawWaits(row, core) {
  const { lane, y, tall } = row, list = lane.waits;
  for (let i = firstAfter(list, view.from); i < list.length && list[i].start < view.to; i++) {
    if (list[i].core !== core) continue;
    const x = Math.max(left, xOf(list[i].start)), w = xOf(list[i].end) - x;
    if (w < 0.3) continue;
    // Inside a task a band along its foot, so that the task stays to be seen.
    const next = lane.cells[firstAfter(lane.cells, list[i].start)], inside = core && next && next.start < list[i].end;
    context.fillStyle = core ? hatch : theme.wait;
    const top = inside ? y + tall - Math.max(2, Math.round(tall * 0.18)) : y;
    context.fillRect(x, top, w, y + tall - top);
  }
}

function drawKept(row) {
  const { lane, curve } = row, floor = row.y + row.tall + curve, most = data.peak || 1, { kept } = lane;
  context.fillStyle = theme.kept;
  context.beginPath();
  context.moveTo(left, floor);
  let value = keptAt(lane, view.from), drawn = left;
  context.lineTo(left, floor - (value / most) * (curve - 1));
  for (let i = 0; i < kept.length; i += 2) {
    if (kept[i] <= view.from) continue;
    if (kept[i] > view.to) break;
    const x = xOf(kept[i]);
    if (x - drawn > 0.25) { context.lineTo(x, floor - (value / most) * (curve - 1)); drawn = x; }
    value = kept[i + 1];
    context.lineTo(drawn, floor - (value / most) * (curve - 1));
  }
  context.lineTo(width - right, floor - (value / most) * (curve - 1));
  context.lineTo(width - right, floor);
  context.fill();
}

function drawLane(row) {
  const { lane, y, tall } = row, { cells } = lane;
  context.globalAlpha = 1;
  drawWaits(row, false);
  context.globalAlpha = row.forecast ? 0.72 : 1;
  let drawn = -1;
  for (let i = firstAfter(cells, view.from); i < cells.length && cells[i].start < view.to; i++) {
    const x = xOf(cells[i].start), end = xOf(cells[i].end);
    if (end - drawn < 0.4) continue; // what is drawn already fills this pixel
    drawn = end;
    drawCell(cells[i], x, Math.max(0.5, end - x - (end - x > 3 ? 1 : 0)), row);
  }
  context.globalAlpha = 1;
  drawWaits(row, true);
  drawLabels();
  if (row.curve) drawKept(row);
  const chosen = view.selected;
  if (chosen && chosen.lane === lane) {
    context.strokeStyle = theme.focus;
    context.lineWidth = 3;
    context.strokeRect(xOf(chosen.start) - 1, y - 1, Math.max(2, xOf(chosen.end) - xOf(chosen.start) + 1), tall + 2);
  }
}

function ticks() {
  const least = (view.to - view.from) / Math.max(2, (width - left) / 90), power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= least * (1 - 1e-9)) || least;
  const list = [];
  for (let i = Math.ceil(view.from / step - 1e-9), n = 0; i * step <= view.to && n < 500; i++, n++) list.push(i * step);
  return list;
}

function render() {
  const scale = window.devicePixelRatio || 1, seen = canvas.height / scale, top = stage.scrollTop;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.fillStyle = theme.page;
  context.fillRect(0, 0, width, seen);
  context.translate(0, -top);
  const visible = rows.filter((row) => row.y + row.height > top && row.y < top + seen);
  const marks = ticks();
  context.fillStyle = theme.line;
  for (const mark of marks) context.fillRect(Math.round(xOf(mark)), top, 1, seen);
  context.save();
  context.beginPath();
  context.rect(left, top, width - left - right, seen);
  context.clip();
  for (const row of visible) if (row.lane) drawLane(row);
  context.restore();
  context.textBaseline = "middle";
  context.textAlign = "left";
  for (const row of visible) {
    if (row.lane) {
      context.fillStyle = row.forecast ? theme.soft : theme.ink;
      context.font = Math.min(13, row.tall) + "px system-ui, sans-serif";
      context.fillText(row.forecast ? row.lane.picture.lane : "rank " + row.lane.rank, row.forecast ? 20 : 10, row.y + row.tall / 2);
    } else {
      context.fillStyle = theme.page;
      context.fillRect(0, row.y, width, row.height);
      context.fillStyle = theme.ink;
      context.font = "600 14px system-ui, sans-serif";
      context.fillText(row.picture.heading, 10, row.y + row.height / 2 + 2);
    }
  }
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.fillStyle = theme.panel;
  context.fillRect(0, 0, width, axis);
  context.fillStyle = theme.soft;
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "center";
  for (const mark of marks) if (xOf(mark) < width - right - 4) context.fillText(time(mark, { unit: "" }), xOf(mark), axis / 2);
  context.textAlign = "left";
  context.fillText("time" + (data.pictures[0].unit ? " in " + data.pictures[0].unit : ""), 10, axis / 2);
}

let pending = false;
function redraw() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => { pending = false; render(); });
}
