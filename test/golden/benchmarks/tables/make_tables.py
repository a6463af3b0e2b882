"""Small tables and what pandas' reader makes of them, as VLMEvalKit reads its own: `pd.read_csv(path, sep="\\t")`.

    python make_tables.py        # writes tables.json beside itself; pandas 3.0.6

Each entry: the table's text; the rows, each value as `str` writes it and null where it is missing; or "error".
"""
import io
import json
import random
from pathlib import Path

import pandas as pd

KINDS = [
    ["1", "02", "3", "+4", " 5", "6 ", "-7", "007"],
    ["1", "2.50", "3e2", ".5", "7.", "1e-7", "1e16", "123456789.125", "-0.0", "inf", "-Infinity"],
    ["True", "TRUE", "false", "False"],
    ["9223372036854775807", "18446744073709551615", "5"],
    ["9223372036854775808", "-1", "5"],
    ["18446744073709551616", "3"],
    ["cat", "a dog", "\u00e9\u4e2d", "1a", "2024-01-01", "0x10", "1_000", "1e", "tru", "yes"],
    ["", "NA", "None", "nan", "N/A", "null"],
    ['"quoted"', '"two ""quotes"""', '"Stop" is it', 'in "side"', '"tab\there"', '"line\nend"', '"5"', '""'],
    ["-nan", "NaN", "<NA>", "#N/A", "NULL", "n/a", "1.#IND", "#NA", "-1.#QNAN", " NA", "NA ", "na", "none", "Null", "N/a"],
    ["1", "2", "", "4.5", "NA"],
    ["True", "False", "", "NA", "1"],
    ["1e5", "1E5", "1e+05", "1.e3", "0.1", "0.30000000000000004", "1e22", "123456789012345", "5e-324", "1e308", "1e309", "00.5"],
    ["0", "-0", "00", "+0", "- 1", "1 000", "1,000", "$5", "5%", "\u0663", "1\u00a0", "0b1", "inf", "Inf", "+inf", "infinity", "INF"],
    ['a"', '"a"b', '"a" ', ' "a"', '"a""', '""""', '"', '"a\r\nb"', '"\n"', '"a\rb"', "'a'", "a\\\tb", "\\N"],
    ["x" * 300, '"' + "y" * 200 + '\n"', "9" * 300, "0." + "3" * 400, "-" + "1" * 25],
    ["-" + "1" * 25, "5", "7"], ["-" + "1" * 25, "-9223372036854775809", "NA"], ["-" + "1" * 25, "18446744073709551616", "1"], ["-9223372036854775809","0.5","x"],
    ["\u00a0", "\u3000x", "\u200b", "\ufeff", "a\x00b", "\x1a", "\x0b", "\x0c1", "\x85", "\u2028", "\U0001f600"],
]
NAMES = ["0", "0.0", "c0.1", "c0.2", "", "", "c0", "c1", "Unnamed: 0", "index", " c", '"q"', '"a\tb"', "1", "NA", "nan", "True"]


def table(rng: random.Random) -> str:
    width, height = rng.randint(1, 5), rng.randint(0, 5)
    header = [f"c{i}" for i in range(width)]
    if width > 1 and rng.random() < 0.1:
        header[1] = header[0]
    if rng.random() < 0.1:
        header[-1] = "0"
    if rng.random() < 0.3:
        header = [rng.choice(NAMES) if rng.random() < 0.5 else name for name in header]
    columns = []
    for _ in range(width):
        kinds = [rng.choice(KINDS)] + ([KINDS[7]] if rng.random() < 0.3 else []) + ([rng.choice(KINDS)] if rng.random() < 0.2 else [])
        columns.append([rng.choice(rng.choice(kinds)) for _ in range(height)])
    lines = ["\t".join(header)] + ["\t".join(column[i] for column in columns) for i in range(height)]
    if width > 1 and height and rng.random() < 0.1:
        lines[-1] = lines[-1].rsplit("\t", 1)[0]
    if rng.random() < 0.2:
        lines.insert(rng.randint(0, len(lines)), rng.choice(["", "  ", " "]))
    if height > 1 and rng.random() < 0.05:
        lines[-1] += "\tmore"
    if rng.random() < 0.1:
        for _ in range(rng.randint(1, 3)):
            lines.insert(rng.randint(0, len(lines)), rng.choice(["", "\t", "  \t", "\t" * width, " ", "\t" * (width - 1)]))
    if rng.random() < 0.05:
        return lines[0] + "\n" + "".join(line + "\r\n" for line in lines[1:])
    ends = rng.choice([["\n"], ["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]])
    text = "".join(line + rng.choice(ends) for line in lines)
    if rng.random() < 0.2:
        text = text[:-1]
    return ("\ufeff" if rng.random() < 0.1 else "") + text


def read(text: str):
    """Each value as the column's own type writes it, null where it is missing; "error" where pandas refuses the table."""
    try:
        frame = pd.read_csv(io.BytesIO(text.encode()), sep="\t")
    except Exception:
        return "error"
    if not isinstance(frame.index, pd.RangeIndex) or list(frame.index) != list(range(len(frame))):
        return "error"  # Rows that are longer than the header. Here they are refused.
    columns = {str(name): frame[name].tolist() for name in frame.columns}
    return [
        {name: None if pd.isna(values[i]) else str(values[i]) for name, values in columns.items()}
        for i in range(len(frame))
    ]


def is_settled(text: str, rows) -> bool:
    """Not so where a space or tab after a lone `\\r` makes pandas read lines again, "NA" stays a text beside a uint64."""
    if "\r " in text or "\r\t" in text:
        return False
    return rows == "error" or not any(
        value in KINDS[7] or value in KINDS[9] for row in rows for value in row.values()
    )


rng = random.Random(0)
entries = []
while len(entries) < 500:
    text = table(rng)
    rows = read(text)
    if is_settled(text, rows):
        entries.append({"text": text, "rows": rows})
Path(__file__).with_name("tables.json").write_text(
    json.dumps({"pandas": pd.__version__, "tables": entries}, ensure_ascii=False, separators=(",", ":")) + "\n"
)
print(sum(entry["rows"] == "error" for entry in entries), "errors of", len(entries))
