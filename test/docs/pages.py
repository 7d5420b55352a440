# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tests of this folder read in Markdown pages, and how IR is compared."""
import os
import re

SOURCE = os.environ["DPC_SOURCE_DIR"]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def code_blocks(text, language):
    """The fenced blocks of one language, without their indentation."""
    for indent, found, body in FENCE.findall(text):
        if found == language:
            yield "".join(line[len(indent):] if line.startswith(indent) else line for line in body.splitlines(keepends=True))


def without_locations(text):
    """IR without ` loc(...)`, parentheses balanced, and without locations' aliases."""
    lines = []
    for line in text.splitlines():
        if re.match(r"#loc\d* = ", line):
            continue
        while (start := line.find(" loc(")) >= 0:
            depth, end, quoted = 0, start + 4, False
            while end < len(line):
                if line[end] == '"':
                    quoted = not quoted
                elif not quoted:
                    depth += {"(": 1, ")": -1}.get(line[end], 0)
                    if depth == 0:
                        break
                end += 1
            line = line[:start] + line[end + 1:]
        lines.append(line)
    return "\n".join(lines)


def pattern_of(lines):
    """White space of any kind and amount is equal; a line `...` stands for anything,
    `...` within a line for anything without a line's end. A kernel's name is the hash
    of its content; in a page any hash stands for one kernel, the same in one snippet."""
    parts = []
    for line in lines:
        if line.strip() == "...":
            parts.append(r"\s.*?(?<=\s)")
            continue
        pieces = [r"\s*".join(re.escape(word) for word in piece.split()) for piece in line.split("...")]
        parts.append(r"\s*" + r"[^\n]*?".join(pieces))
    seen = set()

    def kernel(match):
        name = match.group(0)
        again = name in seen
        seen.add(name)
        return f"(?P={name})" if again else f"(?P<{name}>k_[0-9a-f]{{16}})"

    return re.compile(re.sub(r"k_[0-9a-f]{16}", kernel, "".join(parts)), re.DOTALL)


def missing(snippet, text):
    """None if the snippet occurs in the text, else its first line that does not.

    Comments and empty lines of the snippet do not count.
    """
    lines = [re.sub(r"(^|\s)//.*$", "", line) for line in without_locations(snippet).splitlines()]
    lines = [line for line in lines if line.strip()]
    if pattern_of(lines).search(text):
        return None
    return next(line for number, line in enumerate(lines, 1) if not pattern_of(lines[:number]).search(text))
