"""Figures of the flights computed by DuckDB, to hold the grid against. Prints JSON."""

import json
import sys

import duckdb

flights = duckdb.connect()
flights.execute(
    "CREATE TABLE f AS SELECT row_number() OVER () AS n, * FROM read_csv(?, header = true, nullstr = ['', 'NA'])",
    [sys.argv[1]],
)

SUMMER = "month BETWEEN 6 AND 8 AND (origin = 'JFK' OR dep_delay > 30)"


def one(sql):
    return flights.execute(sql).fetchone()[0]


def rows(sql):
    return [[None if cell is None else str(cell) for cell in row] for row in flights.execute(sql).fetchall()]


SHOWN = "dep_delay, carrier, flight"
print(
    json.dumps(
        {
            "rows": one("SELECT count(*) FROM f"),
            "summer": one(f"SELECT count(*) FROM f WHERE {SUMMER}"),
            "summer_latest": rows(
                f"SELECT {SHOWN} FROM f WHERE {SUMMER} ORDER BY dep_delay DESC NULLS LAST, carrier, n LIMIT 10"
            ),
            "tail": one("SELECT count(*) FROM f WHERE lower(tailnum) LIKE '%n14228%'"),
            "late_empty": one("SELECT count(*) FROM f WHERE dep_delay IS NULL"),
            "row_150000": rows(f"SELECT {SHOWN} FROM f WHERE n = 150000")[0],
        }
    )
)
