# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turns arrays and tables into data that `dpc run --data` reads.

    python -m dpc.data tokens IN.npy|IN.parquet|IN.arrow... -o OUT.bin [--column input_ids] [--dtype u16]
    python -m dpc.data arrays INPUT=FILE.npy... -o OUT.safetensors

`tokens` writes token numbers one after the other, for `--data tokens:OUT.bin,dtype=…`; rows of a
table are joined in order. `arrays` writes one tensor per graph input. NumPy is needed, for tables
pyarrow too. Both write the file whole or not at all.
"""
import argparse
import sys
from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple

from dpc import _endings, _safetensors

__all__ = ["arrays", "main", "tokens"]

_TOKEN_TYPES = {"u8": "uint8", "u16": "uint16", "u32": "uint32"}
_CHUNK = 1 << 22  # elements at a time


def tokens(sources: Sequence[str], target: str, dtype: Optional[str] = None, column: Optional[str] = None) -> Tuple[int, str]:
    """Writes all tokens of the sources to `target`; how many, and their type: the narrowest that holds all, if none is given."""
    import numpy
    if dtype is not None and dtype not in _TOKEN_TYPES:
        raise ValueError(f"--dtype {dtype}: tokens are {', '.join(_TOKEN_TYPES)}")
    least, most, count = 0, 0, 0
    for source in sources:  # once to know the range, so that nothing half is written
        for piece in _pieces(source, column):
            if piece.dtype.kind not in "iu":
                raise ValueError(f"'{source}' holds {piece.dtype}, tokens are whole numbers")
            if piece.size:
                least, most, count = min(least, int(piece.min())), max(most, int(piece.max())), count + piece.size
    if least < 0:
        raise ValueError(f"token {least}: tokens are not negative")
    if not count:
        raise ValueError("there are no tokens in " + ", ".join(f"'{s}'" for s in sources))
    fitting = [name for name, kind in _TOKEN_TYPES.items() if most <= numpy.iinfo(kind).max]
    if not fitting or (dtype is not None and dtype not in fitting):
        raise ValueError(f"token {most} does not fit {dtype or 'u32'}" + (f"; {fitting[0]} would hold it" if fitting else ""))
    chosen = dtype or fitting[0]
    with _safetensors.whole_file(target) as file:
        for source in sources:
            for piece in _pieces(source, column):
                file.write(numpy.ascontiguousarray(piece, dtype="<" + numpy.dtype(_TOKEN_TYPES[chosen]).str[1:]).tobytes())
    return count, chosen


def arrays(inputs: Mapping[str, Any], target: str) -> None:
    """Writes arrays by the graph input's name: [N, …], N counting micro-batches, or rows one after the other."""
    import numpy
    entries = {}
    for name, given in inputs.items():
        value = numpy.asarray(given)
        try:
            dtype = _safetensors.dtype_name(value)
        except KeyError:
            raise ValueError(f"'{name}' is of type {value.dtype}, which safetensors files do not hold") from None
        entries[name] = _safetensors.Entry(dtype, value.shape, value.nbytes,
                                           lambda v=value: numpy.ascontiguousarray(v, dtype=v.dtype.newbyteorder("<")).tobytes())
    _safetensors.write(entries, target)


def _pieces(source: str, column: Optional[str]) -> Iterator[Any]:
    """Flat arrays of a file, each small enough to hold."""
    import numpy
    if source.endswith(".npy"):
        flat = numpy.load(source, mmap_mode="r", allow_pickle=False).reshape(-1)
        for begin in range(0, flat.size, _CHUNK):
            yield flat[begin:begin + _CHUNK]
        return
    if not source.endswith((".parquet", ".arrow", ".feather")):
        raise ValueError(f"'{source}' is no .npy, .parquet, .arrow or .feather file")
    import pyarrow
    for batch in _batches(source):
        names = batch.schema.names
        name = column if column is not None else names[0] if len(names) == 1 else next((n for n in ("input_ids", "tokens") if n in names), None)
        if name is None or name not in names:
            raise ValueError(f"'{source}' has no column '{name or 'input_ids'}'; --column names one of {', '.join(names)}")
        values = batch.column(name)
        while pyarrow.types.is_list(values.type) or pyarrow.types.is_large_list(values.type) or pyarrow.types.is_fixed_size_list(values.type):
            values = values.flatten()
        if values.null_count:
            raise ValueError(f"column '{name}' of '{source}' has rows without a value")
        yield values.to_numpy(zero_copy_only=False)


def _batches(source: str) -> Iterator[Any]:
    import pyarrow
    if source.endswith(".parquet"):
        import pyarrow.parquet
        yield from pyarrow.parquet.ParquetFile(source).iter_batches()
        return
    with pyarrow.memory_map(source) as file:
        try:
            reader = pyarrow.ipc.open_file(file)
        except pyarrow.ArrowInvalid:  # a stream, as `datasets` saves tables
            yield from pyarrow.ipc.open_stream(file)
            return
        for i in range(reader.num_record_batches):
            yield reader.get_batch(i)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dpc.data", description="Turn arrays and tables into data that dpc run reads.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("tokens", help="token numbers of arrays or tables, one after the other")
    one.add_argument("source", metavar="IN", nargs="+", help=".npy, .parquet, .arrow or .feather")
    one.add_argument("--column", help="of a table (the only one, else input_ids or tokens)")
    one.add_argument("--dtype", choices=sorted(_TOKEN_TYPES), help="of the file (the narrowest that holds all)")
    other = commands.add_parser("arrays", help="a tensor for each input of the graph")
    other.add_argument("source", metavar="INPUT=FILE.npy", nargs="+")
    for command in (one, other):
        command.add_argument("-o", "--output", metavar="OUT", required=True)
        command.add_argument("--force", action="store_true", help="replace an existing OUT")
    flags = parser.parse_args(arguments)
    if _endings.refuses_existing([flags.output], flags.force):
        return _endings.USAGE

    def work() -> None:
        if flags.command == "tokens":
            count, dtype = tokens(flags.source, flags.output, flags.dtype, flags.column)
            print(f"{count} tokens; dpc run --data tokens:{flags.output},dtype={dtype},shift,inputs=…,labels=…")
        else:
            import numpy
            pairs: List[Tuple[str, str]] = [tuple(text.split("=", 1)) for text in flags.source if "=" in text]  # type: ignore[misc]
            if len(pairs) != len(flags.source):
                raise ValueError("arrays takes INPUT=FILE.npy, an input of the graph and its array")
            arrays({name: numpy.load(path, mmap_mode="r", allow_pickle=False) for name, path in pairs}, flags.output)
            print(f"{len(pairs)} inputs; dpc run --data {flags.output}")

    return _endings.run(work, {ValueError: 9}, lambda error: 11 if error.filename == flags.output else 9)


if __name__ == "__main__":
    sys.exit(main())
