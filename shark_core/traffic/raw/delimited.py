"""Streams delimited text as Arrow record batches; a malformed line is refused, never skipped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from shark_core.errors import DataError

BLOCK_BYTES = 1 << 24


@dataclass(frozen=True)
class Delimited:
    """Lines of `schema.names`, split at `delimiter`, unquoted; an empty string is null.

    `required` is a column that no line leaves empty: it gives blank lines away, which Arrow reads
    as lines of nulls.
    """

    schema: pa.Schema
    delimiter: str
    required: str
    header_lines: int = 0

    def batches(self, path: Path) -> Iterator[pa.RecordBatch]:
        """All lines in file order. Raises `DataError` with file and line at the first bad one."""
        line = self.header_lines
        try:
            for batch in self._open(path):
                self._check_required(batch, path, line)
                line += batch.num_rows
                yield batch
        except pa.ArrowInvalid as error:
            raise _refusal(path, _line_in(str(error)), self.schema, error) from error

    def _open(self, path: Path) -> pacsv.CSVStreamingReader:
        return pacsv.open_csv(
            path,
            read_options=pacsv.ReadOptions(
                use_threads=False,  # errors tell the line then
                block_size=BLOCK_BYTES,
                column_names=self.schema.names,
                skip_rows=self.header_lines,
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self.delimiter, quote_char=False, ignore_empty_lines=False
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=self.schema, null_values=[""], strings_can_be_null=True
            ),
        )

    def _check_required(self, batch: pa.RecordBatch, path: Path, lines_before: int) -> None:
        missing = pc.index(batch[self.required].is_null(), value=True).as_py()
        if missing >= 0:
            line = lines_before + missing + 1
            raise _refusal(path, line, self.schema, f"nothing in column {self.required!r}")


def _line_in(message: str) -> int | None:
    """Arrow writes `Row #7: …`, counted from 1, header included."""
    match = re.search(r"Row #(\d+)", message)
    return int(match[1]) if match else None


def _refusal(path: Path, line: int | None, schema: pa.Schema, found: object) -> DataError:
    return DataError(
        "a raw line is malformed",
        expected=f"{len(schema)} columns: {', '.join(f'{f.name} {f.type}' for f in schema)}",
        found=found,
        where=path if line is None else f"{path}, line {line}",
        remedy="correct or remove the line, or download the file again; no line is skipped",
    )
