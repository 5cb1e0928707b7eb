//! Random data comes back as it was, however a file writes it and however it is cut; any bytes are rows or bad lines.
use proptest::prelude::*;
use wh_dataset::ingest::IngestLimits;
use wh_dataset::model::ColumnType::{self, Bool, Date, DateTime, Double, Int, Text};
use wh_dataset::read::{Encoding, Escape, Header, LineEnd, ReadOptions, Reason};

use super::ndjson;
use crate::files::{Place, bad, csv, options, rows, stored_rows};

/// A value as it is meant, and how a file writes it.
#[derive(Clone, Debug)]
enum Value {
    Null,
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
    Date(i32),
    DateTime(i64),
}

impl Value {
    fn written(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Int(value) => value.to_string(),
            Self::Double(value) => format!("{value:?}"),
            Self::Bool(value) => value.to_string(),
            Self::Date(days) => moment(i64::from(*days) * 86_400_000_000)[..10].to_owned(),
            Self::DateTime(micros) => moment(*micros),
        }
    }

    /// As the rows show it.
    fn shown(&self) -> String {
        match self {
            Self::Null => "~".to_owned(),
            Self::Text(text) if text.is_empty() => "~".to_owned(),
            Self::Double(value) if *value == 0.0 => "0.0".to_owned(),
            other => other.written(),
        }
    }
}

fn moment(micros: i64) -> String {
    wh_base::Timestamp::from_micros(micros).to_string()
}

fn value(kind: ColumnType) -> BoxedStrategy<Value> {
    let days = -700_000..2_900_000_i32; // years 54 to 9909
    let some = match kind {
        Text => "[a-zäöü€😀 ,;\t|'\"\\\\\r\n{}\\[\\]:.0-9-]{0,12}".prop_map(Value::Text).boxed(),
        Int => prop_oneof![(i64::MIN + 1..=i64::MAX), -100..100_i64].prop_map(Value::Int).boxed(),
        Double => prop_oneof![
            any::<f64>().prop_filter("finite", |v| v.is_finite()),
            (-1000..1000_i32).prop_map(|v| f64::from(v) / 8.0)
        ]
        .prop_map(Value::Double)
        .boxed(),
        Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Date => days.prop_map(Value::Date).boxed(),
        DateTime => (days, 0..86_400_000_000_i64)
            .prop_map(|(day, micros)| Value::DateTime(i64::from(day) * 86_400_000_000 + micros))
            .boxed(),
    };
    prop_oneof![1 => Just(Value::Null), 5 => some].boxed()
}

type Table = (Vec<ColumnType>, Vec<Vec<Value>>);

fn table() -> impl Strategy<Value = Table> {
    prop::collection::vec(prop::sample::select(ColumnType::ALL.to_vec()), 1..6).prop_flat_map(|kinds| {
        let row: Vec<BoxedStrategy<Value>> = kinds.iter().map(|kind| value(*kind)).collect();
        (Just(kinds), prop::collection::vec(row, 0..30))
    })
}

#[derive(Clone, Debug)]
struct Dialect {
    delimiter: char,
    quote: char,
    escape: Escape,
    line: &'static str,
    header: Header,
    always_quoted: bool,
    encoding: Encoding,
}

fn dialect() -> impl Strategy<Value = Dialect> {
    (
        prop::sample::select(vec![',', ';', '\t', '|', ':', 'x']),
        prop::sample::select(vec!['"', '\'']),
        prop::sample::select(vec![Escape::Doubled, Escape::Backslash]),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        prop::sample::select(vec![Header::Present, Header::Absent]),
        any::<bool>(),
        prop::sample::select(vec![Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be]),
    )
        .prop_map(|(delimiter, quote, escape, line, header, always_quoted, encoding)| Dialect {
            delimiter,
            quote,
            escape,
            line,
            header,
            always_quoted,
            encoding,
        })
}

fn write_csv((kinds, rows): &Table, dialect: &Dialect) -> String {
    let field = |text: &str| {
        let needs = text.contains([dialect.delimiter, dialect.quote, '\r', '\n', '\\']);
        // A single empty field must be told from an empty line.
        let alone = text.is_empty() && kinds.len() == 1;
        if !(needs || dialect.always_quoted || alone) {
            return text.to_owned();
        }
        let quote = dialect.quote.to_string();
        let inner = match dialect.escape {
            Escape::Doubled => text.replace(&quote, &quote.repeat(2)),
            Escape::Backslash => text.replace('\\', "\\\\").replace(&quote, &format!("\\{quote}")),
        };
        format!("{quote}{inner}{quote}")
    };
    let mut out = String::new();
    let header: Vec<Value> = (0..kinds.len()).map(|place| Value::Text(format!("c{place}"))).collect();
    let header = (dialect.header == Header::Present).then_some(header);
    for row in header.iter().chain(rows) {
        let fields: Vec<String> = row.iter().map(|value| field(&value.written())).collect();
        out.push_str(&fields.join(&dialect.delimiter.to_string()));
        out.push_str(dialect.line);
    }
    out
}

fn encode(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => {
            [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect()
        }
        _ => text.as_bytes().to_vec(),
    }
}

/// How a file is cut: the sizes of the pieces in which it comes, and of the blocks in which it is read.
#[derive(Clone, Debug)]
struct Cut {
    pieces: Vec<usize>,
    block_bytes: usize,
}

impl Cut {
    fn place(&self) -> Place {
        Place::with_limits(IngestLimits { block_bytes: self.block_bytes, ..IngestLimits::default() })
    }
}

/// Short blocks, so that their borders fall into every part of a line.
fn cut() -> impl Strategy<Value = Cut> {
    (prop::collection::vec(1..200_usize, 1..6), prop_oneof![1..40_usize, 1..400_usize])
        .prop_map(|(pieces, block_bytes)| Cut { pieces, block_bytes })
}

fn check(table: &Table, file: &[u8], read: ReadOptions, cut: &Cut) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let place = cut.place();
        let staged = place.import(file, options(read), &cut.pieces).await.unwrap();
        let expected: Vec<Vec<String>> =
            table.1.iter().map(|row| row.iter().map(Value::shown).collect()).collect();
        assert_eq!(staged.bad.count, 0, "{:?}", bad(&place, &staged).await);
        assert_eq!(rows(&staged), expected);
        let zeros = |rows: Vec<Vec<String>>| -> Vec<Vec<String>> {
            let fixed = |cell: String| if cell == "-0.0" { "0.0".to_owned() } else { cell };
            rows.into_iter().map(|row| row.into_iter().map(fixed).collect()).collect()
        };
        assert_eq!(zeros(stored_rows(place.objects(), &staged).await), expected);
    });
}

/// In the order of the file: within a block, lines that are no records come before those with a bad cell.
fn sorted(mut bad: Vec<(u64, Reason, String)>) -> Vec<(u64, Reason, String)> {
    bad.sort_by_key(|(line, _, _)| *line);
    bad
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn delimited_text_comes_back_as_it_was(
        table in table(),
        dialect in dialect(),
        cut in cut(),
    ) {
        let names: Vec<String> = (0..table.0.len()).map(|place| format!("c{place}")).collect();
        let columns: Vec<(&str, ColumnType)> = names.iter().map(String::as_str).zip(table.0.iter().copied()).collect();
        let read = ReadOptions {
            delimiter: dialect.delimiter.to_string(),
            quote: Some(dialect.quote.to_string()),
            escape: dialect.escape,
            line_end: if dialect.line == "\r" { LineEnd::Cr } else { LineEnd::Lf },
            header: dialect.header,
            encoding: dialect.encoding,
            ..csv(&columns)
        };
        let file = encode(&write_csv(&table, &dialect), dialect.encoding);
        check(&table, &file, read, &cut);
    }

    #[test]
    fn objects_come_back_as_they_were(
        table in table(),
        strings in any::<bool>(),
        cut in cut(),
    ) {
        let names: Vec<String> = (0..table.0.len()).map(|place| format!("c {place} \"")).collect();
        let columns: Vec<(&str, ColumnType)> = names.iter().map(String::as_str).zip(table.0.iter().copied()).collect();
        let mut file = String::new();
        for row in &table.1 {
            let pairs: Vec<String> = names.iter().zip(row).filter_map(|(name, value)| {
                let text = match value {
                    Value::Null if strings => return None,
                    Value::Null => "null".to_owned(),
                    Value::Int(_) | Value::Double(_) | Value::Bool(_) if !strings => value.written(),
                    other => serde_json::to_string(&other.written()).unwrap(),
                };
                Some(format!("{}: {text}", serde_json::to_string(name).unwrap()))
            }).collect();
            file.push_str(&format!("{{{}}}\n", pairs.join(", ")));
        }
        check(&table, file.as_bytes(), ndjson(&columns), &cut);
    }

    #[test]
    fn any_bytes_are_rows_or_bad_lines(
        file in prop::collection::vec(prop::sample::select(b"ab1,\"\\\r\n\xC3\xA4\xFF'".to_vec()), 0..300),
        cut in cut(),
        escape in prop::sample::select(vec![Escape::Doubled, Escape::Backslash]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let read = ReadOptions { header: Header::Absent, escape, ..csv(&[("a", Text), ("b", Int)]) };
            let (uncut, place) = (Place::new(), cut.place());
            let whole = uncut.import(&file, options(read.clone()), &[usize::MAX]).await.unwrap();
            let pieced = place.import(&file, options(read), &cut.pieces).await.unwrap();
            assert_eq!(rows(&whole), rows(&pieced));
            assert_eq!(sorted(bad(&uncut, &whole).await), sorted(bad(&place, &pieced).await));
        });
    }
}
