"""Draws one step of a Chrome trace that `dpc run --trace` wrote as a page that
needs nothing else: a lane of tasks per rank, under it what the rank waited for and
what the compiler had expected. Standard library only.
Usage: timeline.py TRACE.json OUTPUT.html [STEP]    (the last traced step)
"""
import html
import json
import re
import sys

WIDTH, LANE, WAIT, PLAN, GAP, LEFT = 1600, 30, 9, 14, 12, 70
KINDS = (  # class, what the legend says, how a task's name tells it
    ("pair", "forward & backward, fused", r"forward\+|^F\d+&"),
    ("forward", "forward", r"\.forward|^F\d"),
    ("input", "input half of a backward", r"\.input_half|^I\d"),
    ("weight", "weight half", r"\.weight_half|^W\d"),
    ("backward", "backward", r"\.backward"),
    ("other", "update", r""),
)
FORECAST = "The pale lane under a rank is the forecast, with a core for each rank. "
WAITS = {"waiting for a message": "message", "waiting for a core": "core"}
STYLE = """
:root{--bg:#fff;--fg:#1b1f24;--line:#d0d7de;--forward:#8ab4f8;--input:#7bc89c;--weight:#c3e6a3;--pair:#b39ddb;--backward:#5fb49c;--other:#e0c28c;--message:#d9534f;--core:#c9ced6}
@media(prefers-color-scheme:dark){:root{--bg:#14181d;--fg:#e6e9ed;--line:#39424d;--forward:#3f6fc0;--input:#2f855a;--weight:#5f8a3a;--pair:#7356b0;--backward:#2c7a64;--other:#96743a;--message:#b8403c;--core:#555d68}}
body{background:var(--bg);color:var(--fg);font:14px system-ui,sans-serif;margin:24px}
svg{max-width:100%;height:auto}text{fill:var(--fg);font-size:12px}.label{font-size:10px;pointer-events:none}
line{stroke:var(--line)}.task{stroke:var(--bg);stroke-width:.7}.forecast{stroke:var(--bg);stroke-width:.5;opacity:.55}rect:hover{stroke:var(--fg)}.key{display:inline-block;width:14px;height:14px;margin:0 6px 0 18px;vertical-align:-2px}
"""
STYLE += "".join(f".{name}{{fill:var(--{name});background:var(--{name})}}" for name in [k[0] for k in KINDS] + list(WAITS.values()))


def kind_of(name):
    return next(kind for kind, _, pattern in KINDS if re.search(pattern, name))


def ticks(duration_ms):
    """Round times, about ten of them."""
    step = 10 ** (len(str(max(1, int(duration_ms / 10)))) - 1)
    while duration_ms / step > 14:
        step *= 2 if str(step)[0] == "1" else 2.5
    return [i * step for i in range(int(duration_ms / step) + 1)]


def draw(events, step):
    ranks = {e["pid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "process_name"}
    spans = [e for e in events if e["ph"] == "X" and e.get("args", {}).get("step") == step]
    tasks = [e for e in spans if e.get("cat") == "task"]
    # The compute stream's waits: what the rank itself stood still for.
    streams = {(e["pid"], e["tid"]) for e in tasks}
    waits = [e for e in spans if e.get("cat") == "waiting" and (e["pid"], e["tid"]) in streams]
    measured = [e for e in spans if e.get("cat") != "forecast"]
    begin = min(e["ts"] for e in measured if (e["pid"], e["tid"]) in streams)
    length = max(e["ts"] + e["dur"] for e in measured) - begin
    # The forecast of a step that is not the first may have been laid behind its begin.
    forecast = [e for e in spans if e.get("cat") == "forecast" and e["tid"] == 0]
    shift = min((e["ts"] for e in forecast), default=0) - begin
    forecast = [{**e, "ts": e["ts"] - shift} for e in forecast]
    end = max([begin + length] + [e["ts"] + e["dur"] for e in forecast])
    scale = (WIDTH - LEFT) / (end - begin)
    tall = LANE + WAIT + (PLAN if forecast else 0) + GAP
    height = len(ranks) * tall + 24
    out = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="timeline of step {step}">']
    for tick in ticks((end - begin) / 1e3):
        x = LEFT + tick * 1e3 * scale
        out.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 18}"/><text x="{x + 3:.1f}" y="{height - 6}">{tick:g} ms</text>')
    lanes = {pid: i * tall for i, pid in enumerate(sorted(ranks))}
    for pid, y in lanes.items():
        out.append(f'<text x="0" y="{y + 20}">{html.escape(ranks[pid])}</text>')

    def box(event, kind, y, tall, label=None):
        x, w = LEFT + (event["ts"] - begin) * scale, max(event["dur"] * scale, 0.3)
        title = html.escape(f'{event["name"]}: {event["dur"] / 1e3:.2f} ms, from {(event["ts"] - begin) / 1e3:.2f} ms')
        shape = kind if label is None else f"{kind} task"
        out.append(f'<rect class="{shape}" x="{x:.1f}" y="{y}" width="{w:.1f}" height="{tall}"><title>{title}</title></rect>')
        if label and w > 7 * len(label):
            out.append(f'<text class="label" x="{x + 3:.1f}" y="{y + 19}">{html.escape(label)}</text>')

    for event in tasks:
        micro_batch = re.sub(r"^\S+ ", "", event["name"]).replace("m", "")
        box(event, kind_of(event["name"]), lanes[event["pid"]], LANE, micro_batch)
    for event in waits:
        if event["name"] in WAITS:
            box(event, WAITS[event["name"]], lanes[event["pid"]] + LANE, WAIT)
    for event in forecast:
        box(event, f'{kind_of(event["name"])} forecast', lanes[event["pid"]] + LANE + WAIT, PLAN - 2)
    out.append("</svg>")
    return "\n".join(out), length / 1e3, tasks, bool(forecast)


def main(source, target, step=None):
    with open(source, encoding="utf-8") as f:
        events = json.load(f)["traceEvents"]
    steps = {e["args"]["step"] for e in events if e["ph"] == "X" and e.get("cat") == "task"}
    step = max(steps, default=None) if step is None else int(step)
    if step not in steps:
        sys.exit(f"timeline.py: '{source}' has no tasks of step {step}; it has {sorted(steps)}")
    picture, duration, tasks, has_forecast = draw(events, step)
    shown = {kind_of(e["name"]) for e in tasks}
    keys = [(kind, words) for kind, words, _ in KINDS if kind in shown] + [(kind, words) for words, kind in WAITS.items()]
    legend = "".join(f'<span class="key {kind}"></span>{words}' for kind, words in keys)
    with open(target, "w", encoding="utf-8") as f:
        f.write(f'<!doctype html><meta charset="utf-8"><title>Step {step}</title><style>{STYLE}</style>'
                f'<h1>Step {step}: {duration:.0f} ms</h1><p>{legend}</p>'
                f'<p>Numbers are micro-batches; point at a box for its name and times. {FORECAST if has_forecast else ""}'
                f'Where more ranks run than cores, ranks wait for cores and the picture shows order, not speed.</p>{picture}\n')
    print(f"{target}: step {step}, {len(tasks)} tasks, {duration:.0f} ms")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
