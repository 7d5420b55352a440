# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every relative link of README.md and docs/ leads to a file, and to a heading in it."""
import os
import re

from pages import FENCE, SOURCE

LINK = re.compile(r"\[[^\]\n]+(?:\n[^\]\n]+)?\]\(([^)\s]+)\)")


def pages():
    yield "README.md"
    for folder, _, files in os.walk(os.path.join(SOURCE, "docs")):
        for name in sorted(files):
            if name.endswith(".md"):
                yield os.path.relpath(os.path.join(folder, name), SOURCE)


def read(page):
    with open(os.path.join(SOURCE, page), encoding="utf-8") as file:
        return FENCE.sub("", file.read())


def anchors(page):
    for heading in re.findall(r"^#+ (.*)$", read(page), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def test_links_resolve():
    broken = []
    for page in pages():
        for link in LINK.findall(read(page)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if not os.path.exists(os.path.join(SOURCE, target)):
                broken.append(f"{page}: {link}: there is no {target}")
            elif anchor and anchor not in anchors(target):
                broken.append(f"{page}: {link}: {target} has no such heading")
    assert not broken, "\n".join(broken)


def test_every_page_is_reachable_from_the_readme():
    seen, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for link in LINK.findall(read(page)):
            target = os.path.normpath(os.path.join(os.path.dirname(page), link.partition("#")[0]))
            if target.endswith(".md") and os.path.exists(os.path.join(SOURCE, target)):
                waiting.append(target)
    lost = sorted(set(pages()) - seen)
    assert not lost, f"no link leads to {', '.join(lost)}"


# What the worked examples make.
MADE = {"lib/Import/NarrowElementwise.cpp", "lib/Schedule/generators/GpipeLifo.cpp", "test/Import/atan.onnxtxt",
        "test/Import/narrow-elementwise.mlir", "runtime/devices/plain/CMakeLists.txt", "runtime/devices/late/CMakeLists.txt", "runtime/devices/late/LateDevice.h",
        "runtime/devices/late/LateDevice.cpp"}
MADE |= {f"runtime/{kind}s/plain/Plain{kind.title()}.{end}" for kind in ("device", "transport") for end in ("h", "cpp")}


def test_files_named_in_pages_exist():
    missing, named = [], set()
    for page in pages():
        for path in re.findall(r"`((?:lib|include|runtime|test|tools|scripts|cmake|docs|demo)/[\w./-]+)`", read(page)):
            named.add(path)
            if path not in MADE and not os.path.exists(os.path.join(SOURCE, path)):
                missing.append(f"{page}: {path}")
    assert not missing, "\n".join(missing)
    assert MADE <= named, f"no page names {', '.join(sorted(MADE - named))}"


def test_pages_named_in_code_exist():
    missing = []
    for root in ("include", "lib", "runtime", "tools", "test", "docs", "cmake", "scripts"):
        for folder, _, files in os.walk(os.path.join(SOURCE, root)):
            for name in files:
                if not name.endswith((".h", ".cpp", ".td", ".fbs", ".md", ".py", ".txt", ".cmake")):
                    continue
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    for page in re.findall(r"(?<![\w./-])docs/\w[\w/]*\.md", file.read()):
                        if not os.path.exists(os.path.join(SOURCE, page)):
                            missing.append(f"{os.path.relpath(path, SOURCE)}: {page}")
    assert not missing, "\n".join(missing)
