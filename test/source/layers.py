# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The libraries as CMake knows them: who owns which file, and who links whom."""
import os
import re

SOURCE, BUILD = os.environ["DPC_SOURCE_DIR"], os.environ["DPC_BUILD_DIR"]
ROOTS = ("include", "runtime", "runtime/include", "tools")  # of includes, beside a file's own folder


class Library:
    def __init__(self, line):
        self.name, self.folder, headers, sources, links = line.split("|")
        self.headers = [os.path.normpath(f"{self.folder}/{name}") for name in headers.split()]
        self.sources = [os.path.normpath(f"{self.folder}/{name}") for name in sources.split()]
        self.links = links.split()


def read_libraries():
    with open(os.path.join(BUILD, "layers.txt"), encoding="utf-8") as file:
        return {library.name: library for library in map(Library, file.read().splitlines())}


def closure(libraries, name):
    """A library and all that it links, directly or through others."""
    seen, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one in libraries and one not in seen:
            seen.add(one)
            waiting += libraries[one].links
    return seen


def find_cycle(libraries):
    """Names of libraries each of which links the next, the last one the first; or none."""
    for start in libraries:
        path, waiting = {start: None}, [start]
        while waiting:
            one = waiting.pop()
            for other in libraries[one].links:
                if other == start:
                    cycle = [one]
                    while path[cycle[-1]]:
                        cycle.append(path[cycle[-1]])
                    return cycle[::-1]
                if other in libraries and other not in path:
                    path[other] = one
                    waiting.append(other)
    return []


def mirrored(path):
    """Where in lib/ a public header stands."""
    return re.sub(r"^include/dpc/", "lib/", path)


class Owners:
    """The library of a file: the one that lists it; for a header, the one that has a
    source of that name; else the only one of the folder, or its lowest."""

    def __init__(self, libraries):
        self.libraries = libraries
        self.listed = {path: name for name, library in libraries.items() for path in library.sources + library.headers}
        self.stems = {os.path.splitext(path)[0]: name for name, library in libraries.items() for path in library.sources}
        self.folders = {}
        for name, library in libraries.items():
            for folder in {library.folder, *map(os.path.dirname, library.sources)}:
                self.folders.setdefault(folder, set()).add(name)

    def of(self, path):
        if path.startswith("runtime/include/"):
            return "dpcrt_session"
        path = mirrored(path)
        found = self.listed.get(path) or self.stems.get(os.path.splitext(path)[0])
        if found:
            return found
        candidates = self.folders.get(os.path.dirname(path), ())
        return min(candidates, key=lambda name: (len(closure(self.libraries, name)), name), default=None)

    def sharing(self, path):
        """All libraries that compile a source: one that is built against several others
        belongs to each of them."""
        return {name for name, library in self.libraries.items() if path in library.sources}


def resolve(path, included):
    """The file of the project that an include names; none if it is not the project's."""
    for root in (os.path.dirname(path), *ROOTS):
        found = os.path.normpath(os.path.join(root, included))
        if os.path.exists(os.path.join(SOURCE, found)):
            return found
    return None


def includes(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as file:
        for name in re.findall(r'^\s*#\s*include\s*"([^"]+)"', file.read(), re.MULTILINE):
            if found := resolve(path, name):
                yield found


def sources():
    for root in ("include", "lib", "runtime", "tools"):
        for folder, _, names in os.walk(os.path.join(SOURCE, root)):
            for name in sorted(names):
                if name.endswith((".h", ".cpp")):
                    yield os.path.relpath(os.path.join(folder, name), SOURCE)
