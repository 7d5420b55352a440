# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How the commands of this package end: what they expect to go wrong is one line on stderr and an exit status."""
import os
import sys
from typing import Callable, Mapping, Optional, Sequence, Type

USAGE, NEEDS_PACKAGE = 2, 10


def refuses_existing(paths: Sequence[str], force: bool) -> bool:
    """Whether one of them is there and may not be replaced, which is then said."""
    there = [path for path in paths if os.path.exists(path)]
    if there and not force:
        _say(f"'{there[0]}' exists; --force replaces it")
    return bool(there) and not force


def needs_package(error: ModuleNotFoundError, packages: Optional[str] = None) -> int:
    _say(f"{error.name} is needed: pip install {packages or error.name}")
    return NEEDS_PACKAGE


def run(work: Callable[[], None], refusals: Mapping[Type[Exception], int], of_file: Callable[[OSError], int], packages: Optional[str] = None) -> int:
    """The exit status of `work`: of the errors in `refusals` theirs, of an error of a file what `of_file` says.

    packages  what brings a missing module, if not the package of its name
    """
    try:
        work()
    except ModuleNotFoundError as error:
        return needs_package(error, packages)
    except tuple(refusals) as error:
        _say(str(error))
        return next(status for kind, status in refusals.items() if isinstance(error, kind))
    except OSError as error:
        _say(f"{error.strerror or error}" + (f": '{error.filename}'" if error.filename is not None else ""))
        return of_file(error)
    return 0


def _say(text: str) -> None:
    print(f"error: {text}", file=sys.stderr)
