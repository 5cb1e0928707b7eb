//! Random tables of every type and random questions through HTTP, on both engines, equal a plain evaluation: small tables, one of
//! several chunks, the same after an append, and after it was read from its segments anew.
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::house::{Person, sites};
use crate::random::{self, Dice};
use crate::reference::{Asked, Table};

/// Small tables, and questions to each.
const TABLES: u64 = 24;
const SIZES: [usize; 5] = [1, 2, 50, 200, 700];
const QUESTIONS: usize = 12;
/// A chunk has 65,536 rows. The plain evaluation takes its time, so there are fewer questions, and both engines get the same.
const LARGE: usize = 70_000;
const LARGE_QUESTIONS: usize = 6;
const APPENDED: usize = 3_000;
/// What the operation takes of a filter.
const FILTER_BYTES_MAX: usize = 8_192;

/// A question and its answer.
struct Case {
    asked: Asked,
    count: usize,
    rows: Vec<Vec<Value>>,
}

impl Case {
    fn of(dice: &Dice, table: &Table) -> Self {
        let mut asked = random::asked(dice, table);
        while asked.filter.as_ref().is_some_and(|filter| filter.to_string().len() > FILTER_BYTES_MAX) {
            asked = random::asked(dice, table);
        }
        asked.limit = asked.limit.max(1);
        let (count, rows) = table.answer(&asked);
        Self { asked, count, rows }
    }

    fn several(dice: &Dice, table: &Table, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::of(dice, table)).collect()
    }

    fn query(&self, table: &Table) -> String {
        let Asked { filter, search, sort, offset, limit } = &self.asked;
        let mut query = format!("limit={limit}&offset={offset}");
        if let Some(filter) = filter {
            query.push_str(&format!("&filter={}", encoded(&filter.to_string())));
        }
        if let Some(search) = search {
            query.push_str(&format!("&q={}", encoded(search)));
        }
        let key = |(column, descending): &(usize, bool)| {
            format!("{}{}", if *descending { "-" } else { "" }, table.columns[*column].0)
        };
        let keys: Vec<String> = sort.iter().map(key).collect();
        if !keys.is_empty() {
            query.push_str(&format!("&sort={}", keys.join(",")));
        }
        query
    }

    /// Ask it of a panel that holds so many rows.
    fn ask(&self, owner: &Person, panel: &str, table: &Table, total: usize, what: &str) {
        let context = format!("{what}: {:?}", self.asked);
        let answer = owner.get(&format!("/v1/panels/{panel}/rows?{}", self.query(table)));
        assert_eq!(answer.status, 200, "{context}: {}", answer.text());
        let window = answer.json();
        assert_eq!(window["count"], json!(self.count), "{context}");
        assert_eq!(window["total"], json!(total), "{context}");
        let answered = rows_exactly(&answer.body);
        assert_eq!(answered.len(), self.rows.len(), "{context}");
        for (place, (answered, expected)) in answered.iter().zip(&self.rows).enumerate() {
            assert_eq!(answered, expected, "row {place} of {context}");
        }
    }
}

/// The rows with every number as it was written: a number that went through a parser may have lost its last bit.
fn rows_exactly(body: &[u8]) -> Vec<Vec<Value>> {
    #[derive(serde::Deserialize)]
    struct Shown<'a> {
        #[serde(borrow)]
        rows: Vec<Vec<&'a RawValue>>,
    }
    let shown: Shown<'_> = serde_json::from_slice(body).expect("a window");
    let exact = |raw: &&RawValue| match (raw.get().parse::<i64>(), raw.get().parse::<f64>()) {
        (Ok(whole), _) => Value::from(whole),
        (_, Ok(number)) => Value::from(number),
        _ => serde_json::from_str(raw.get()).expect("a value"),
    };
    shown.rows.iter().map(|row| row.iter().map(exact).collect()).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Send the rows as a file of lines, with the types that they have.
fn import(owner: &Person, panel: &str, mode: &str, table: &Table) {
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|(name, kind)| json!({ "source": name, "name": name, "kind": kind.word() }))
        .collect();
    let options = encoded(&json!({ "format": "ndjson", "columns": columns }).to_string());
    let path = format!("/v1/panels/{panel}/imports?mode={mode}&options={options}");
    let lines = random::lines(table);
    let done = owner.send("POST", &path, "Content-Type: application/x-ndjson\r\n", lines.as_bytes());
    assert_eq!(done.status, 201, "{}", done.text());
    assert_eq!(done.json()["bad_lines"], 0, "{}", done.text());
}

#[test]
fn small_random_tables_equal_the_reference() {
    let sites = sites();
    let houses: Vec<_> = sites
        .iter()
        .map(|site| {
            let house = site.start();
            let owner = house.set_up();
            let panel = owner.panel("small");
            (house, owner, panel)
        })
        .collect();
    for seed in 0..TABLES {
        let dice = Dice::new(seed);
        let table = random::table(&dice, *dice.pick(&SIZES));
        let cases = Case::several(&dice, &table, QUESTIONS);
        for (site, (_house, owner, panel)) in sites.iter().zip(&houses) {
            import(owner, panel, "replace", &table);
            for (number, case) in cases.iter().enumerate() {
                let what = format!("seed {seed}, question {number} on {}", site.kind.word());
                case.ask(owner, panel, &table, table.rows.len(), &what);
            }
        }
    }
}

#[test]
fn a_table_of_several_chunks_equals_the_reference_before_and_after_an_append_and_a_start() {
    let dice = Dice::new(7_000);
    let mut head = random::table(&dice, LARGE + APPENDED);
    let tail = Table { columns: head.columns.clone(), rows: head.rows.split_off(LARGE) };
    let before = Case::several(&dice, &head, LARGE_QUESTIONS);
    let mut whole = Table { columns: head.columns.clone(), rows: head.rows.clone() };
    whole.rows.extend(tail.rows.iter().cloned());
    let after = Case::several(&dice, &whole, LARGE_QUESTIONS);
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let panel = owner.panel("large");
        let ask = |owner: &Person, cases: &[Case], table: &Table, when: &str| {
            for (number, case) in cases.iter().enumerate() {
                let what = format!("question {number} {when} on {}", site.kind.word());
                case.ask(owner, &panel, table, table.rows.len(), &what);
            }
        };
        import(&owner, &panel, "replace", &head);
        ask(&owner, &before, &head, "before the append");
        import(&owner, &panel, "append", &tail);
        ask(&owner, &after, &whole, "after the append");
        house.terminate();
        let house = site.start();
        ask(&house.sign_in("olga@acme.example"), &after, &whole, "after a start");
    }
}
