//! Rows and bad lines of nasty files, whatever way they are cut.
mod borders;
mod random_files;

use wh_dataset::model::ColumnType::{self, Bool, Date, DateTime, Double, Int, Text};
use wh_dataset::read::{Encoding, FIELD_BYTES_MAX, Format, Header, LINE_BYTES_MAX, ReadOptions, Reason};

use crate::files::{Place, bad, csv, lines, options, rows};

fn ndjson(columns: &[(&str, ColumnType)]) -> ReadOptions {
    ReadOptions { format: Format::Ndjson, header: Header::Absent, ..csv(columns) }
}

#[tokio::test]
async fn every_type_is_read() {
    let read = csv(&[("t", Text), ("i", Int), ("n", Double), ("b", Bool), ("d", Date), ("at", DateTime)]);
    let file = "t,i,n,b,d,at\n\
        Köln, -7 ,1.5e3,YES,2013-01-31,2013-01-31T23:00:00-02:30\n\
        ,,,,,\n\
        \"a,\"\"b\"\"\nc\",+9223372036854775807,-.5,0,1900/02/28,1969-12-31 23:59:59.9999999\n";
    assert_eq!(
        lines(file.as_bytes(), options(read)).await,
        [
            "Köln|-7|1500.0|true|2013-01-31|2013-02-01T01:30:00Z",
            "~|~|~|~|~|~",
            "a,\"b\"\nc|9223372036854775807|-0.5|false|1900-02-28|1969-12-31T23:59:59.999999Z",
        ]
    );
}

#[tokio::test]
async fn moments_are_read_to_the_microsecond() {
    for (text, moment) in [
        ("2013-01-01T10:00:00Z", "2013-01-01T10:00:00Z"),
        ("2013-01-01t10:00:00z", "2013-01-01T10:00:00Z"),
        ("2013-01-01 10:00", "2013-01-01T10:00:00Z"),
        ("2013-01-01", "2013-01-01T00:00:00Z"),
        ("2013-01-01 10:00:00.5 UTC", "2013-01-01T10:00:00.5Z"),
        ("2013-01-01T10:00:00+0530", "2013-01-01T04:30:00Z"),
        ("2013-01-01T10:00:00-05", "2013-01-01T15:00:00Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("2000-02-29T12:00:00.123456789Z", "2000-02-29T12:00:00.123456Z"),
    ] {
        let file = format!("{text}\n");
        let read = ReadOptions { header: Header::Absent, ..csv(&[("at", DateTime)]) };
        assert_eq!(lines(file.as_bytes(), options(read)).await, [moment], "{text}");
    }
}

#[tokio::test]
async fn bad_lines_are_set_aside_with_their_reason() {
    let read = csv(&[("i", Int), ("n", Double), ("d", Date), ("b", Bool), ("at", DateTime)]);
    let good = "1,1.5,2020-01-01,true,2020-01-01 00:00:00\n";
    let file = [
        "i,n,d,b,at\n".as_bytes(),
        good.as_bytes(),
        b"1,2\n",
        b"1,2,2020-01-01,true,2020-01-01,6\n",
        b"x,y,2020-01-01,true,2020-01-01\r\n",
        b"9223372036854775808,1,,,\n",
        b"-9223372036854775808,1,,,\n",
        b"1,inf,,,\n",
        b"1,1,2021-02-29,,\n",
        b"1,1,,maybe,\n",
        b"1,1,,,2020-01-01T25:00:00\n",
        b"\n",
        b"\"1\"2,1,,,\n",
        b"1,1,,\xFF,\n",
        good.as_bytes(),
        b"\"1,1,,,\n",
        good.as_bytes(),
    ]
    .concat();
    for pieces in [&[usize::MAX][..], &[1], &[7, 3, 11]] {
        let place = Place::new();
        let staged = place.import(&file, options(read.clone()), pieces).await.unwrap();
        assert_eq!(rows(&staged).len(), 3);
        assert_eq!((staged.bad.count, staged.bad.kept), (12, 12));
        let found: Vec<(u64, Reason)> =
            bad(&place, &staged).await.into_iter().map(|(line, reason, _)| (line, reason)).collect();
        let mut sorted = found.clone();
        sorted.sort_by_key(|(line, _)| *line);
        assert_eq!(
            sorted,
            [
                (3, Reason::TooFewFields),
                (4, Reason::TooManyFields),
                (5, Reason::NotInteger),
                (6, Reason::IntegerRange),
                (7, Reason::IntegerRange),
                (8, Reason::NotNumber),
                (9, Reason::NotDate),
                (10, Reason::NotBoolean),
                (11, Reason::NotDateTime),
                (13, Reason::QuoteTrailing),
                (14, Reason::Encoding),
                (16, Reason::QuoteOpen),
            ]
        );
    }
}

#[tokio::test]
async fn lines_count_as_an_editor_counts_them() {
    let file = b"a,b\n\"x\ny\nz\",1\n\r\nbad\n\"p\r\nq\",2\nworse\n";
    let place = Place::new();
    let staged = place.import(file, options(csv(&[("a", Text), ("b", Int)])), &[2]).await.unwrap();
    assert_eq!(rows(&staged), [["x\ny\nz", "1"], ["p\r\nq", "2"]]);
    let found = bad(&place, &staged).await;
    assert_eq!(
        found,
        [(6, Reason::TooFewFields, "bad".to_owned()), (9, Reason::TooFewFields, "worse".to_owned())]
    );
}

#[tokio::test]
async fn what_is_too_long_is_set_aside_and_reading_goes_on() {
    let long_line = format!("{},1\n", "x".repeat(LINE_BYTES_MAX + 10));
    let longer = format!("{},1\n", "x".repeat(LINE_BYTES_MAX * 3));
    let long_field = format!("{},1\n", "x".repeat(FIELD_BYTES_MAX + 1));
    let fitting = format!("{},1\n", "x".repeat(FIELD_BYTES_MAX));
    let open = format!("\"{}\n", "y\n".repeat(LINE_BYTES_MAX));
    let file = format!("a,b\n{long_line}p,1\n{longer}q,2\n{long_field}{fitting}r,3\n{open}");
    for pieces in [&[usize::MAX][..], &[100_000], &[65_536, 1]] {
        let place = Place::new();
        let staged =
            place.import(file.as_bytes(), options(csv(&[("a", Text), ("b", Int)])), pieces).await.unwrap();
        let firsts: Vec<String> =
            rows(&staged).into_iter().map(|row| row[0].chars().take(3).collect()).collect();
        assert_eq!(firsts, ["p", "q", "xxx", "r"]);
        let found = bad(&place, &staged).await;
        let mut heads: Vec<(u64, Reason)> = found.iter().map(|(line, reason, _)| (*line, *reason)).collect();
        heads.sort_by_key(|(line, _)| *line);
        assert_eq!(
            heads[..4],
            [
                (2, Reason::LineTooLong),
                (4, Reason::LineTooLong),
                (6, Reason::FieldTooLong),
                (9, Reason::QuoteOpen),
            ]
        );
        assert!(found.iter().all(|(_, _, text)| text.len() <= 1024));
        // The lines behind the quote that is never closed are lines of their own.
        assert_eq!(staged.bad.count, 3 + LINE_BYTES_MAX as u64);
        assert_eq!(staged.bad.kept, 50_000);
    }
}

#[tokio::test]
async fn bytes_that_are_no_characters_cost_only_their_line() {
    let mut file = b"a,b\n".to_vec();
    let mut expected = 0;
    for row in 0..40_000 {
        if row % 1000 == 5 {
            file.extend_from_slice(b"K\xF6ln,1\n");
        } else {
            expected += 1;
            file.extend_from_slice(format!("Köln{row},{row}\n").as_bytes());
        }
    }
    let place = Place::new();
    let staged = place.import(&file, options(csv(&[("a", Text), ("b", Int)])), &[9999]).await.unwrap();
    assert_eq!(staged.rows, expected);
    assert_eq!(staged.bad.count, 40);
    let found = bad(&place, &staged).await;
    assert_eq!(found[0], (7, Reason::Encoding, "K\u{FFFD}ln,1".to_owned()));
}

#[tokio::test]
async fn half_characters_of_utf16_cost_only_their_line() {
    let mut units: Vec<u16> = "a,b\nx,1\n".encode_utf16().collect();
    units.extend([0xD800, u16::from(b','), u16::from(b'2'), u16::from(b'\n')]);
    units.extend("😀,3\n".encode_utf16());
    let file: Vec<u8> = [0xFEFF].into_iter().chain(units).flat_map(u16::to_le_bytes).collect();
    for pieces in [&[usize::MAX][..], &[1], &[3]] {
        let read = ReadOptions { encoding: Encoding::Utf16Le, ..csv(&[("a", Text), ("b", Int)]) };
        let place = Place::new();
        let staged = place.import(&file, options(read), pieces).await.unwrap();
        assert_eq!(rows(&staged), [["x", "1"], ["😀", "3"]]);
        assert_eq!(bad(&place, &staged).await[0].1, Reason::Encoding);
    }
}

#[tokio::test]
async fn columns_are_renamed_and_left_out() {
    let mut read = csv(&[("a", Text), ("b", Int), ("c", Int)]);
    read.columns[0].name = "first".to_owned();
    read.columns[1].skip = true;
    read.columns[2].nulls = Some(vec!["none".to_owned()]);
    let found = lines(b"a,b,c\nx,not a number,1\nnone,2,none\n", options(read)).await;
    assert_eq!(found, ["x|1", "none|~"]);
}

#[tokio::test]
async fn objects_are_read_key_by_key() {
    let read = ndjson(&[("id", Int), ("name", Text), ("deep", Text), ("ok", Bool), ("n", Double)]);
    let file = r#"{"id":1,"name":"A\"\u00e9","deep":{"x":[1, 2]},"ok":true,"n":1e2}
{"n":"2.5","ok":"no","id":"7","name":5,"deep":[]}

{"name":null,"other":1,"id":2,"id":3}
{"id":1.5}
{"id":4,"name":"\ud800"}
{"id":5,"name":"half
[1]
"x"
{"id":6} {"id":7}
{"id":8,"name":""}"#;
    for pieces in [&[usize::MAX][..], &[1], &[10, 3]] {
        let place = Place::new();
        let staged = place.import(file.as_bytes(), options(read.clone()), pieces).await.unwrap();
        let shown: Vec<String> = rows(&staged).into_iter().map(|row| row.join("|")).collect();
        assert_eq!(shown, [r#"1|A"é|{"x":[1, 2]}|true|100.0"#, "7|5|[]|false|2.5", "2|~|~|~|~", "8|~|~|~|~"]);
        let found: Vec<(u64, Reason)> =
            bad(&place, &staged).await.into_iter().map(|(line, reason, _)| (line, reason)).collect();
        assert_eq!(
            found,
            [
                (5, Reason::NotInteger),
                (6, Reason::JsonInvalid),
                (7, Reason::JsonInvalid),
                (8, Reason::JsonNotObject),
                (9, Reason::JsonNotObject),
                (10, Reason::JsonInvalid),
            ]
        );
        assert_eq!(staged.unknown_keys, ["other"]);
    }
}
