//! Bad lines that the border of a block cuts: each is one, and the rows and line numbers behind it are right.
use wh_dataset::model::ColumnType::{Int, Text};
use wh_dataset::read::{BLOCK_BYTES, Header, LINE_BYTES_MAX, ReadOptions, Reason};

use crate::files::{Place, bad, csv, options, rows};

/// Bytes of the lines before the border.
const LINE_BYTES: usize = 1024;

fn three_columns() -> ReadOptions {
    ReadOptions { header: Header::Absent, ..csv(&[("who", Text), ("n", Int), ("what", Text)]) }
}

/// A good line of so many bytes.
fn good(bytes: usize) -> String {
    format!("{},1,y\n", "x".repeat(bytes - ",1,y\n".len()))
}

#[tokio::test]
async fn a_bad_line_on_a_border_is_one_bad_line() {
    let lines = [
        ("\"Acme\" Ltd,12,foo\n", Reason::QuoteTrailing),
        ("\"Acme\" Ltd,\"1\",\"f\"o,\"o\"\r\n", Reason::QuoteTrailing),
        ("a,12,\"foo\"bar\n", Reason::QuoteTrailing),
        ("a,12\n", Reason::TooFewFields),
        ("\"a,b\",12,foo,bar\n", Reason::TooManyFields),
    ];
    for (line, reason) in lines {
        for before_border in 0..=line.len() {
            let mut file = good(LINE_BYTES).repeat(BLOCK_BYTES / LINE_BYTES - 1);
            file.push_str(&good(LINE_BYTES - before_border));
            assert_eq!(file.len() + before_border, BLOCK_BYTES);
            file.push_str(line);
            file.push_str("\"Smith, J\",2,z\nshort\n");
            let place = Place::new();
            let staged =
                place.import(file.as_bytes(), options(three_columns()), &[usize::MAX]).await.unwrap();
            let count = BLOCK_BYTES / LINE_BYTES;
            let shown = rows(&staged);
            assert_eq!(shown.len(), count + 1, "{line:?} cut after {before_border}");
            assert_eq!(shown[count], ["Smith, J", "2", "z"]);
            let wanted = [
                (count as u64 + 1, reason, line.trim_end().to_owned()),
                (count as u64 + 3, Reason::TooFewFields, "short".to_owned()),
            ];
            assert_eq!(bad(&place, &staged).await, wanted, "{line:?} cut after {before_border}");
        }
    }
}

#[tokio::test]
async fn a_line_that_is_too_long_is_one_bad_line_whatever_it_begins_with() {
    for (begin, reason, lines) in [
        ("", Reason::LineTooLong, 1),
        ("\"p\nq\",", Reason::LineTooLong, 2),
        ("\"", Reason::QuoteOpen, 1),
        ("\"Acme\" ", Reason::QuoteTrailing, 1),
    ] {
        let long = "x".repeat(LINE_BYTES_MAX + BLOCK_BYTES * 3 + 7);
        // What is left of it must not be taken for a row, nor what begins like a quoted field.
        let file = format!("{begin}{long},7,\"y\"\na,1,b\nshort\n\"c\",2,d\n");
        for pieces in [&[usize::MAX][..], &[100_000], &[65_536, 1]] {
            let place = Place::new();
            let staged = place.import(file.as_bytes(), options(three_columns()), pieces).await.unwrap();
            assert_eq!(rows(&staged), [["a", "1", "b"], ["c", "2", "d"]], "{begin:?}");
            let found = bad(&place, &staged).await;
            let heads: Vec<(u64, Reason)> = found.iter().map(|(line, reason, _)| (*line, *reason)).collect();
            assert_eq!(heads, [(1, reason), (lines + 2, Reason::TooFewFields)], "{begin:?}");
            assert!(found[0].2.starts_with(begin) && found[0].2.len() == 1024, "{begin:?}");
        }
    }
}
