//! CSV (RFC 4180) for programs and spreadsheets. Texts that a spreadsheet would run as a formula are disarmed, unless asked not to.
use serde_json::Value;

/// A text that begins so is a formula to a spreadsheet; the last four are the full-width forms of the first.
const FORMULA: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// What becomes of texts that are formulas.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// They get a `'` before them.
    Disarmed,
    /// Nothing.
    AsTheyAre,
}

/// One line with its end. Numbers stay numbers: only texts can be formulas.
pub fn row<'a>(values: impl Iterator<Item = &'a Value>, texts: Texts) -> String {
    let mut line = String::new();
    for (at, value) in values.enumerate() {
        if at > 0 {
            line.push(',');
        }
        field(&mut line, value, texts);
    }
    line.push_str("\r\n");
    line
}

fn field(line: &mut String, value: &Value, texts: Texts) {
    match value {
        Value::Null => {}
        Value::String(text) if texts == Texts::Disarmed && text.starts_with(FORMULA) => {
            quoted(line, &format!("'{text}"));
        }
        Value::String(text) => quoted(line, text),
        Value::Array(list) if list.iter().all(|v| !v.is_object() && !v.is_array()) => {
            let words: Vec<String> =
                list.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect();
            field(line, &Value::String(words.join("; ")), texts);
        }
        Value::Array(_) | Value::Object(_) => quoted(line, &value.to_string()),
        other => line.push_str(&other.to_string()),
    }
}

fn quoted(line: &mut String, text: &str) {
    // An empty text is not an empty cell.
    if !text.is_empty() && !text.contains([',', '"', '\n', '\r']) && text.trim() == text {
        line.push_str(text);
        return;
    }
    line.push('"');
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}
