//! Random tables, filters, sorts and windows from a seed; no test itself.
use serde_json::{Value, json};
use wh_base::{Random, SeededRandom};
use wh_dataset::model::ColumnType::{self, Bool, Date, DateTime, Double, Int, Text};

use crate::reference::{Asked, Cell, Table};

pub struct Dice(SeededRandom);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    pub fn next(&self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    }

    pub fn below(&self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn pick<'a, T>(&self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    fn one_in(&self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// How the cells of a column come about; many shapes, so that each width and form of codes is met.
fn cell(dice: &Dice, kind: ColumnType, shape: usize, row: usize) -> Option<Cell> {
    const WORDS: &[&str] = &[
        "Ümlaut",
        "straße",
        "UA",
        "ua",
        "AA",
        "a\"b",
        "back\\slash",
        "line\nfeed",
        "日本",
        "İstanbul",
        " x ",
    ];
    let empty = match shape % 4 {
        0 => false,
        1 => dice.one_in(3),
        2 => dice.one_in(50),
        _ => (row / 3_000).is_multiple_of(2),
    };
    if empty {
        return None;
    }
    Some(match kind {
        Text => Cell::Text(match shape / 4 {
            0 => dice.pick(WORDS).to_string(),
            1 => format!("{}{}", dice.pick(WORDS), dice.below(300)),
            2 => format!("key-{:05}", dice.below(60_000)),
            _ => "always".to_owned(),
        }),
        Int => Cell::Int(match shape / 4 {
            0 => dice.below(20) as i64 - 10,
            1 => dice.below(3_000) as i64 - 40,
            2 => (dice.next() as i64).max(i64::MIN + 1),
            3 => (row / 100) as i64 * 1_000_000,
            _ => 2013,
        }),
        Double => Cell::Number(match shape / 4 {
            0 => dice.below(2_000) as f64 - 100.0,
            1 => dice.below(100_000) as f64 / 100.0,
            2 => f64::from_bits(dice.next() >> 2) * if dice.one_in(2) { -1.0 } else { 1.0 },
            // Few digits at first, many later: chunks of different forms in one column.
            3 if row < 66_000 => dice.below(500) as f64 / 10.0,
            _ => dice.below(1 << 50) as f64 / 1e9 - 500_000.0,
        }),
        Bool => Cell::Bool(dice.one_in(2)),
        Date => Cell::Date(
            15_700 + dice.below([2, 365, 30_000][shape % 3]) as i32 - 10_000 * i32::from(shape == 5),
        ),
        DateTime => Cell::Moment(match shape / 4 {
            0 => 1_356_998_400_000_000 + dice.below(8_760) as i64 * 3_600_000_000,
            1 => 1_356_998_400_000_000 + dice.below(1 << 40) as i64,
            _ => -1_000 + dice.below(2_000) as i64,
        }),
    })
}

pub fn table(dice: &Dice, rows: usize) -> Table {
    let kinds = [Int, Text, Double, DateTime, Date, Bool, Int, Text, Double];
    let count = 2 + dice.below(kinds.len() - 1);
    let columns: Vec<_> = (0..count).map(|place| (format!("c{place}"), kinds[place])).collect();
    let shapes: Vec<usize> = (0..count).map(|_| dice.below(20)).collect();
    let row =
        |row| columns.iter().zip(&shapes).map(|((_, kind), shape)| cell(dice, *kind, *shape, row)).collect();
    let rows = (0..rows).map(row).collect();
    Table { columns, rows }
}

pub fn lines(table: &Table) -> String {
    let mut lines = String::new();
    for row in &table.rows {
        let fields = table.columns.iter().zip(row).map(|((name, _), cell)| {
            let value = match cell {
                // All digits, so that reading gives the same number.
                Some(Cell::Number(number)) => format!("{number:?}"),
                Some(cell) => cell.json().to_string(),
                None => "null".to_owned(),
            };
            format!("\"{name}\":{value}")
        });
        lines.push_str(&format!("{{{}}}\n", fields.collect::<Vec<_>>().join(",")));
    }
    lines
}

/// A value of the column, now and then one that is in no row.
fn value(dice: &Dice, table: &Table, column: usize) -> Value {
    let known = (0..5).find_map(|_| table.rows.get(dice.below(table.rows.len().max(1)))?[column].clone());
    let kind = table.columns[column].1;
    let made = || (0..100).find_map(|_| cell(dice, kind, dice.below(20), dice.below(100_000))).unwrap();
    let value = if dice.one_in(4) { made() } else { known.unwrap_or_else(made) };
    if kind == Int && dice.one_in(8) {
        return json!(dice.below(2_000) as f64 / 4.0 - 100.0);
    }
    value.json()
}

pub fn filter(dice: &Dice, table: &Table, depth: usize) -> Value {
    match dice.below(if depth == 0 { 4 } else { 8 }) {
        4 | 5 => {
            json!({"all": (0..dice.below(4)).map(|_| filter(dice, table, depth - 1)).collect::<Vec<_>>()})
        }
        6 => json!({"any": (0..dice.below(4)).map(|_| filter(dice, table, depth - 1)).collect::<Vec<_>>()}),
        7 => json!({"not": filter(dice, table, depth - 1)}),
        _ => condition(dice, table),
    }
}

fn condition(dice: &Dice, table: &Table) -> Value {
    let column = dice.below(table.columns.len());
    let (name, kind) = &table.columns[column];
    let ops: &[&str] = match kind {
        Text => &[
            "eq",
            "ne",
            "contains",
            "not_contains",
            "starts_with",
            "ends_with",
            "in",
            "not_in",
            "is_empty",
            "is_not_empty",
        ],
        Bool => &["eq", "ne", "is_empty", "is_not_empty"],
        _ => &["eq", "ne", "lt", "le", "gt", "ge", "between", "in", "not_in", "is_empty", "is_not_empty"],
    };
    let op = *dice.pick(ops);
    let value = match op {
        "is_empty" | "is_not_empty" => return json!({"column": name, "op": op}),
        "between" => json!([value(dice, table, column), value(dice, table, column)]),
        "in" | "not_in" => (0..dice.below(14)).map(|_| value(dice, table, column)).collect(),
        "contains" | "not_contains" | "starts_with" | "ends_with" => json!(part(dice, table, column)),
        _ => value(dice, table, column),
    };
    json!({"column": name, "op": op, "value": value})
}

/// Some characters of a text of the column, in some case.
fn part(dice: &Dice, table: &Table, column: usize) -> String {
    let text = value(dice, table, column);
    let chars: Vec<char> = text.as_str().unwrap().chars().collect();
    let from = dice.below(chars.len());
    let part: String = chars[from..(from + 1 + dice.below(4)).min(chars.len())].iter().collect();
    if dice.one_in(2) { part.to_uppercase() } else { part }
}

pub fn asked(dice: &Dice, table: &Table) -> Asked {
    let text = table.columns.iter().position(|(_, kind)| *kind == Text);
    let search = (dice.one_in(5)).then(|| match text {
        Some(column) if dice.one_in(2) => part(dice, table, column),
        _ => {
            let value = value(dice, table, dice.below(table.columns.len()));
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.chars().take(10).collect()
        }
    });
    let search = search.map(|search| search.trim().to_owned()).filter(|search| !search.is_empty());
    let mut sort: Vec<(usize, bool)> = Vec::new();
    for _ in 0..dice.below(4) {
        let column = dice.below(table.columns.len());
        if sort.iter().all(|(other, _)| *other != column) {
            sort.push((column, dice.one_in(2)));
        }
    }
    let rows = table.rows.len();
    let offset = *dice.pick(&[0, 0, 0, 7, 60, rows / 2, rows * 9 / 10, rows, rows + 5]);
    let filter = (!dice.one_in(4)).then(|| filter(dice, table, 3));
    Asked { filter, search, sort, offset, limit: *dice.pick(&[0, 1, 50, 50, 200, 1_000]) }
}
