//! What detection makes of nasty files: encodings, dialects, headers, types, words for empty cells, corrections.
use wh_dataset::model::ColumnType;
use wh_dataset::read::{
    CellState, ColumnHint, Detected, Encoding, Escape, Format, Header, IssueKind, LineEnd, ReadHints, Reason,
    detect,
};

fn look(file: &[u8]) -> Detected {
    detect(file, None, &ReadHints::default()).unwrap()
}

fn columns(found: &Detected) -> String {
    let columns =
        found.options.columns.iter().map(|column| format!("{}:{}", column.name, column.kind.word()));
    columns.collect::<Vec<_>>().join(" ")
}

fn kinds(found: &Detected) -> Vec<ColumnType> {
    found.options.columns.iter().map(|column| column.kind).collect()
}

/// Detects the type of one column called `x`, a number beside it.
fn kind_of(values: &[&str]) -> ColumnType {
    let rows: String = values.iter().enumerate().map(|(row, value)| format!("{row},{value}\n")).collect();
    let found = look(format!("id,x\n{rows}").as_bytes());
    assert_eq!(found.options.header, Header::Present, "{values:?}");
    found.options.columns[1].kind
}

#[test]
fn delimiters_are_found() {
    for (delimiter, file) in [
        (",", "a,b,c\n1,2,3\n4,5,6\n"),
        (";", "a;b;c\n1;2;3\n4;5;6\n"),
        ("\t", "a\tb\tc\n1\t2\t3\n4\t5\t6\n"),
        ("|", "a|b|c\n1|2|3\n4|5|6\n"),
        ("^", "a^b^c\n1^2^3\n4^5^6\n"),
        ("~", "a~b\n1~2\n4~5\n"),
        ("\u{1f}", "a\u{1f}b\n1\u{1f}2\n4\u{1f}5\n"),
        (";", "name;price\nnail, long;1,50\nscrew;2,75\n"),
        (",", "when,n\n2013-01-01 10:00:00,5\n2013-01-02 11:30:00,6\n"),
        ("\t", "text\tn\nhello, world\t1\nbye, bye, bye\t2\n"),
        (",", "x,y\n\"a;b;c\",\"d;e\"\n\"f;g;h\",\"i;j\"\n"),
        (",", "only\none\ncolumn\n"),
    ] {
        assert_eq!(look(file.as_bytes()).options.delimiter, delimiter, "{file:?}");
    }
}

#[test]
fn line_ends_and_quotes_are_found() {
    assert_eq!(look(b"a,b\r1,2\r3,4\r").options.line_end, LineEnd::Cr);
    assert_eq!(look(b"a,b\r\n1,2\r\n3,4\r\n").options.line_end, LineEnd::Lf);
    assert_eq!(look(b"'a','b'\n'x, y','2'\n'z','4'\n").options.quote.as_deref(), Some("'"));
    assert_eq!(look(b"a,b\n\"x\",it's\n\"y\",'t\n").options.quote.as_deref(), Some("\""));
    let slashed = look(b"a,b\n\"say \\\"hi, you\\\"\",2\n\"x\",3\n\"y\",4\n");
    assert_eq!(slashed.options.escape, Escape::Backslash);
    assert_eq!(slashed.preview.rows[0].cells[0].text, "say \"hi, you\"");
    let doubled = look(b"a,b\n\"say \"\"hi\"\"\nthere\",2\n\"x\",3\n");
    assert_eq!(doubled.options.escape, Escape::Doubled);
    assert_eq!(doubled.preview.rows[0].cells[0].text, "say \"hi\"\nthere");
    assert_eq!(doubled.preview.rows[1].line, 4);
}

#[test]
fn encodings_are_found_and_undone() {
    let text = "stadt,n\nKöln,1\nZürich €,2\n";
    let utf16le: Vec<u8> =
        [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let utf16be: Vec<u8> =
        [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    let unmarked: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    for (encoding, file) in [
        (Encoding::Utf8, text.as_bytes().to_vec()),
        (Encoding::Utf8, marked),
        (Encoding::Utf16Le, utf16le),
        (Encoding::Utf16Be, utf16be),
        (Encoding::Utf16Le, unmarked),
        (Encoding::Windows1252, b"stadt,n\nK\xF6ln,1\nZ\xFCrich \x80,2\n".to_vec()),
    ] {
        let found = look(&file);
        assert_eq!(found.options.encoding, encoding);
        assert_eq!(columns(&found), "stadt:text n:integer");
        assert_eq!(found.preview.rows[0].cells[0].text, "Köln");
        assert_eq!(found.preview.rows[1].cells[0].text, "Zürich €");
    }
    let latin = look(b"stadt,n\nK\xF6ln,1\n");
    assert!(latin.issues.iter().any(|issue| issue.kind == IssueKind::EncodingGuessed));
}

#[test]
fn headers_are_found() {
    for (header, file) in [
        (Header::Present, "id,name\n1,Ann\n2,Bob\n"),
        (Header::Absent, "1,Ann\n2,Bob\n"),
        (Header::Present, "first,last\nAnn,Smith\nBob,Jones\n"),
        (Header::Absent, "red,blue\nblue,red\nred,blue\n"),
        (Header::Present, "a,b,c\n"),
        (Header::Absent, "1,2,3\n"),
        (Header::Present, "day,value\n2020-01-01,\n2020-01-02,5\n"),
        (Header::Absent, ",,\n1,2,3\n"),
    ] {
        assert_eq!(look(file.as_bytes()).options.header, header, "{file:?}");
    }
}

#[test]
fn names_are_made_fit_and_it_is_said() {
    let found = look(b"id,id, ID ,,x\ty,id_2\n1,2,3,4,5,6\n");
    assert_eq!(
        columns(&found),
        "id:integer id_3:integer ID_4:integer column_4:integer x y:integer id_2:integer"
    );
    let kinds: Vec<IssueKind> = found.issues.iter().map(|issue| issue.kind).collect();
    assert_eq!(
        kinds,
        [IssueKind::NameRepeated, IssueKind::NameRepeated, IssueKind::NameEmpty, IssueKind::NameChanged]
    );
    let sources: Vec<&str> = found.options.columns.iter().map(|column| column.source.as_str()).collect();
    assert_eq!(sources, ["id", "#2", " ID ", "#4", "x\ty", "id_2"]);
    let second =
        ColumnHint { source: "#2".to_owned(), name: Some("other".to_owned()), ..ColumnHint::default() };
    let hints = ReadHints { columns: vec![second], ..ReadHints::default() };
    let named = detect(b"id,id\n1,2\n", None, &hints).unwrap();
    assert_eq!(columns(&named), "id:integer other:integer");
    let bare = look(b"1,2\n3,4\n");
    assert_eq!(columns(&bare), "column_1:integer column_2:integer");
    assert_eq!(bare.options.columns[1].source, "2");
    let long = "n".repeat(300);
    let cut = look(format!("{long},b\n1,2\n").as_bytes());
    assert_eq!(cut.options.columns[0].name.len(), 128);
}

#[test]
fn types_are_found() {
    use ColumnType::{Bool, Date, DateTime, Double, Int, Text};
    for (kind, values) in [
        (Int, &["1", "-2", "0", " 3 "][..]),
        (Int, &["9223372036854775807", "-9223372036854775807"]),
        (Double, &["1", "2.5", "-1e-3", ".5", "6.02E23"]),
        (Double, &["9223372036854775808", "1"]),
        (Text, &["9223372036854775809", "1"]),
        (Text, &["123456789012345678901", "1"]),
        (Text, &["007", "123"]),
        (Text, &["+49170123", "+491"]),
        (Text, &["1,5x", "2"]),
        (Double, &["0.5", "-0.25", "0"]),
        (Bool, &["true", "false", "TRUE"]),
        (Bool, &["yes", "No"]),
        (Bool, &["Y", "N", "Y"]),
        (Text, &["F", "F"]),
        (Text, &["yes", "false"]),
        (Int, &["0", "1"]),
        (Date, &["2013-01-31", "2020/02/29"]),
        (Text, &["2013-02-30", "2013-01-01"]),
        (DateTime, &["2013-01-01T10:00:00Z", "2013-01-01T10:00:00.123456+02:00"]),
        (DateTime, &["2013-01-01 10:00:00", "2013-01-01"]),
        (DateTime, &["2013-01-01 10:00"]),
        (Text, &["10:00:00", "11:00:00"]),
        (Text, &["inf", "1.5"]),
        (Text, &["", ""]),
    ] {
        let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
        assert_eq!(kind_of(&quoted), kind, "{values:?}");
    }
}

#[test]
fn words_for_empty_cells_are_found() {
    let found = look(b"n,t,s\n1,NA,a\nNA,2020-01-01,NULL\n3,-,b\n");
    assert_eq!(columns(&found), "n:integer t:date s:text");
    assert_eq!(found.options.nulls, ["", "NA", "-", "NULL"]);
    assert_eq!(found.preview.rows[1].cells[0].state, CellState::Empty);
    // Namibia and North America stay what they are as long as nothing says otherwise.
    let countries = look(b"code,name\nDE,Germany\nNA,Namibia\nFR,France\n");
    assert_eq!(countries.options.nulls, [""]);
    let both = look(b"code,n\nDE,1\nNA,NA\nFR,3\n");
    assert_eq!(both.options.nulls, ["", "NA"]);
    assert!(
        both.issues.iter().any(|i| i.kind == IssueKind::NullInText && i.column.as_deref() == Some("code"))
    );
}

#[test]
fn almost_typed_columns_stay_text_and_it_is_said() {
    let rows: String =
        (0..50).map(|n| if n == 7 { "abc,7\n".to_owned() } else { format!("{n},{n}\n") }).collect();
    let found = look(format!("x,y\n{rows}").as_bytes());
    assert_eq!(kinds(&found), [ColumnType::Text, ColumnType::Int]);
    let issue = found.issues.iter().find(|issue| issue.kind == IssueKind::AlmostTyped).unwrap();
    assert_eq!(issue.detail, "1 cells of the sample are not of type integer, for example \"abc\"");
}

#[test]
fn what_a_person_says_wins() {
    let file = b"x,zip\nabc,01234\n1,99999\n";
    let hints = ReadHints {
        columns: vec![
            ColumnHint { source: "x".to_owned(), kind: Some(ColumnType::Int), ..ColumnHint::default() },
            ColumnHint { source: "zip".to_owned(), name: Some("code".to_owned()), ..ColumnHint::default() },
        ],
        ..ReadHints::default()
    };
    let found = detect(file, None, &hints).unwrap();
    assert_eq!(columns(&found), "x:integer code:text");
    assert_eq!(found.preview.rows[0].reason, Some(Reason::NotInteger));
    assert_eq!(found.preview.rows[0].cells[0].state, CellState::Bad);
    assert_eq!(found.preview.rows[1].reason, None);
    assert_eq!(found.preview.sample_bad_lines, 1);
    let absent =
        ReadHints { header: Some(Header::Absent), delimiter: Some(";".to_owned()), ..ReadHints::default() };
    let found = detect(file, None, &absent).unwrap();
    assert_eq!(columns(&found), "column_1:text");
    let nulls = ReadHints { nulls: Some(vec!["abc".to_owned()]), ..ReadHints::default() };
    assert_eq!(kinds(&detect(file, None, &nulls).unwrap()), [ColumnType::Int, ColumnType::Text]);
}

#[test]
fn bad_lines_of_a_sample_are_shown() {
    let found = look(b"a,b\n1,2\n3\n4,5,6\n\"x\"y,1\n7,8\n\"open,9\n");
    assert_eq!(columns(&found), "a:integer b:integer");
    let shown: Vec<(u64, Option<Reason>)> =
        found.preview.rows.iter().map(|row| (row.line, row.reason)).collect();
    assert_eq!(
        shown,
        [
            (2, None),
            (3, Some(Reason::TooFewFields)),
            (4, Some(Reason::TooManyFields)),
            (5, Some(Reason::QuoteTrailing)),
            (6, None),
            (7, Some(Reason::QuoteOpen)),
        ]
    );
    assert_eq!(found.preview.rows[3].text.as_deref(), Some("\"x\"y,1"));
}

#[test]
fn ndjson_is_found_with_its_types() {
    let file = br#"{"id":1,"zip":"01234","n":"5","at":"2020-01-01T00:00:00Z","ok":true,"deep":{"a":[1,2]}}
{"id":2,"zip":"9","n":"6","at":null,"ok":false,"extra":1.5}
not json
[1,2]
"#;
    let found = look(file);
    assert_eq!(found.options.format, Format::Ndjson);
    assert_eq!(columns(&found), "id:integer zip:text n:text at:datetime ok:boolean deep:text extra:number");
    assert_eq!(found.preview.rows[0].cells[5].text, r#"{"a":[1,2]}"#);
    assert_eq!(found.preview.rows[2].reason, Some(Reason::JsonInvalid));
    assert_eq!(found.preview.rows[3].reason, Some(Reason::JsonNotObject));
}

#[test]
fn names_of_files_help() {
    let hints = ReadHints::default();
    assert_eq!(detect(b"{\"a\":1}\n", Some("x.jsonl"), &hints).unwrap().options.format, Format::Ndjson);
    let tabs = detect(b"a,b\tc\n1,2\t3\n", Some("x.TSV"), &hints).unwrap();
    assert_eq!((tabs.options.format, tabs.options.delimiter.as_str()), (Format::Tsv, "\t"));
}

#[test]
fn what_cannot_be_read_is_refused_with_a_code() {
    let hints = ReadHints::default();
    let code = |file: &[u8]| detect(file, None, &hints).unwrap_err().code().code;
    assert_eq!(code(b""), "dataset.sample_empty");
    assert_eq!(code(b"\r\n \n"), "dataset.sample_empty");
    assert_eq!(code(b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00\x01\x02\x03"), "dataset.not_text");
    assert_eq!(code(b"[{\"a\":1},\n{\"a\":2}]\n"), "dataset.json_document");
    assert_eq!(code(&vec![b'x'; 5 * 1024 * 1024]), "dataset.sample_too_large");
    assert_eq!(code(",".repeat(2000).as_bytes()), "dataset.columns");
    let wrong = ReadHints { delimiter: Some("::".to_owned()), ..ReadHints::default() };
    assert_eq!(detect(b"a,b\n", None, &wrong).unwrap_err().code().code, "dataset.options");
}

#[test]
fn a_cut_sample_does_not_show_its_last_line() {
    let mut file = b"a,b\n".to_vec();
    while file.len() < 70_000 {
        file.extend_from_slice(b"12345,67890\n");
    }
    file.extend_from_slice(b"123");
    let found = look(&file);
    assert_eq!(found.preview.sample_bad_lines, 0);
    assert_eq!(kinds(&found), [ColumnType::Int, ColumnType::Int]);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(file in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        detect(&file, None, &ReadHints::default()).ok();
    }

    #[test]
    fn no_text_makes_it_panic(file in "[a-c0-9,;\t|\"'\\\\\r\n{}:\\[\\]. -]{0,200}") {
        detect(file.as_bytes(), None, &ReadHints::default()).ok();
    }
}

#[test]
fn a_sample_with_new_keys_in_each_line_is_refused_before_it_fills_the_memory() {
    let mut file = String::new();
    for row in 0..10_000 {
        file.push('{');
        for key in 0..30 {
            file.push_str(&format!("{}\"k{row}_{key}\":1", if key == 0 { "" } else { "," }));
        }
        file.push_str("}\n");
    }
    let refused = detect(file.as_bytes(), Some("a.ndjson"), &ReadHints::default()).unwrap_err();
    assert!(refused.is(&wh_dataset::codes::COLUMNS), "{refused:?}");
}

#[test]
fn a_cut_sample_without_a_whole_line_is_refused() {
    let file = format!("\n{}", "x".repeat(80_000));
    let refused = detect(file.as_bytes(), Some("a.csv"), &ReadHints::default()).unwrap_err();
    assert!(refused.is(&wh_dataset::codes::SAMPLE_EMPTY), "{refused:?}");
}
