"""Reads a sweep directory with pandas and prints what pandas has made of it as JSON:
the type of each column and its values, numbers as hexadecimal floats."""
import json
import sys

import pandas

directory, how = sys.argv[1:]
if how == "plain":
    table = pandas.read_csv(directory + "/table.csv")
else:  # as docs/SWEEPS.md says
    columns = json.load(open(directory + "/manifest.json"))["columns"]
    kinds = {"integer": "Int64", "number": "float64", "text": "string"}
    table = pandas.read_csv(directory + "/table.csv", dtype={c["name"]: kinds[c["type"]] for c in columns},
                            keep_default_na=False, na_values=[""], float_precision="round_trip")


def cell(x):
    if pandas.isna(x):
        return ""
    return x if isinstance(x, str) else float(x).hex()


print(json.dumps([{"name": n, "type": str(table[n].dtype), "values": [cell(x) for x in table[n]]} for n in table.columns]))
