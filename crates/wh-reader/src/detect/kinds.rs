//! Which type the cells of a column have, and which words in it stand for an empty cell. Prefers text to a loss.
use std::borrow::Cow;
use std::collections::BTreeMap;

use super::sample::Cell;
use crate::model::ColumnType;
use crate::nulls::NullWords;
use crate::{moment, value};

/// Words that stand for an empty cell wherever they are a whole cell.
const NULL_SURE: [&str; 8] = ["\\N", "NULL", "null", "Null", "<NA>", "#N/A", "(null)", "<null>"];
/// Words that stand for an empty cell when they stand between numbers, dates or booleans.
const NULL_BETWEEN: [&str; 20] = [
    "NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "None", "none", "NONE", "nil", "-", "--", "?", ".",
    "missing", "unknown", "#VALUE!", "#DIV/0!", "N.A.",
];
/// Different words that spoil a type and are remembered.
const SPOILERS_MAX: usize = 40;

/// What a column looks like.
#[derive(Debug)]
pub(crate) struct Looks {
    pub(crate) kind: ColumnType,
    /// Words for an empty cell that the type needs.
    pub(crate) nulls: Vec<String>,
    /// The type that almost all cells have, how many do not, and one that does not.
    pub(crate) almost: Option<(ColumnType, usize, String)>,
    /// How often each word that may stand for an empty cell is there.
    pub(crate) words: BTreeMap<&'static str, usize>,
}

/// What stands against one type.
#[derive(Default)]
struct Against {
    fitting: usize,
    misfits: usize,
    words: BTreeMap<Vec<u8>, usize>,
    overflow: bool,
}

impl Against {
    fn add(&mut self, fits: impl Fn(&[u8]) -> bool, cell: &[u8]) {
        if fits(cell) {
            self.fitting += 1;
            return;
        }
        self.misfits += 1;
        if let Some(count) = self.words.get_mut(cell) {
            *count += 1;
        } else if self.words.len() < SPOILERS_MAX {
            self.words.insert(cell.to_vec(), 1);
        } else {
            self.overflow = true;
        }
    }

    /// The type holds if all that does not fit are words for an empty cell.
    fn holds(&self) -> bool {
        self.fitting > 0 && !self.overflow && self.words.keys().all(|word| null_word(word).is_some())
    }
}

fn null_word(cell: &[u8]) -> Option<&'static str> {
    NULL_SURE.iter().chain(&NULL_BETWEEN).find(|word| word.as_bytes() == cell).copied()
}

/// Whether a word stands for an empty cell even among texts.
pub(crate) fn null_surely(word: &str) -> bool {
    NULL_SURE.contains(&word)
}

/// Whole number by its form; a leading zero or plus sign says that it is a name made of digits.
fn is_int(cell: &[u8]) -> bool {
    !digits_name(cell) && value::int(cell).is_ok_and(|value| value != i64::MIN)
}

fn digits_name(cell: &[u8]) -> bool {
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    matches!(digits, [b'0', b'0'..=b'9', ..] | [b'+', ..])
}

/// Number, unless whole digits would be lost by it.
fn is_double(cell: &[u8]) -> bool {
    if digits_name(cell) {
        return false;
    }
    let Some(number) = value::double(cell) else { return false };
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    let exact = digits.len() <= 15 || !digits.iter().all(u8::is_ascii_digit);
    exact || format!("{:.0}", number.abs()).as_bytes() == digits
}

fn is_datetime(cell: &[u8]) -> bool {
    moment::datetime(cell).is_some()
}

/// Looks at the cells of a column. `known` are the words for an empty cell that a person named already.
pub(crate) fn looks<'a>(
    cells: impl Iterator<Item = Option<&'a Cell<'a>>>,
    known: Option<&NullWords>,
) -> Looks {
    let mut against: [Against; 5] = Default::default();
    let mut words = BTreeMap::new();
    let mut booleans = [false; value::BOOLEAN_WORDS.len() * 2];
    let (mut filled, mut times) = (0_usize, false);
    for cell in cells.flatten() {
        let text = value::trim(&cell.text);
        if text.is_empty() || known.is_some_and(|known| known.has(&cell.text) || known.has(text)) {
            continue;
        }
        filled += 1;
        if let Some(word) = null_word(text) {
            *words.entry(word).or_insert(0) += 1;
        }
        let bare = !cell.json_string;
        let [int, double, date, datetime, boolean] = &mut against;
        int.add(|text| bare && is_int(text), text);
        double.add(|text| bare && is_double(text), text);
        date.add(|text| moment::date(text).is_some(), text);
        datetime.add(is_datetime, text);
        times |= text.len() > 10;
        let place = boolean_place(text).filter(|_| bare);
        if let Some(place) = place {
            booleans[place] = true;
        }
        boolean.add(|_| place.is_some(), text);
    }
    let [int, double, date, datetime, boolean] = &against;
    let boolean_holds = boolean.holds() && booleans_agree(&booleans);
    let candidates = [
        (ColumnType::Int, int, int.holds()),
        (ColumnType::Double, double, double.holds()),
        (ColumnType::Date, date, date.holds()),
        (ColumnType::DateTime, datetime, datetime.holds() && times),
        (ColumnType::Bool, boolean, boolean_holds),
    ];
    if let Some((kind, against, _)) = candidates.iter().find(|(_, _, holds)| *holds) {
        let nulls = against.words.keys().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        return Looks { kind: *kind, nulls, almost: None, words };
    }
    let almost = candidates
        .iter()
        .filter(|(_, against, _)| {
            against.fitting * 10 >= filled * 9 && against.fitting > 0 && against.misfits > 0
        })
        .min_by_key(|(_, against, _)| against.misfits)
        .map(|(kind, against, _)| {
            let example = against.words.keys().find(|word| null_word(word).is_none());
            let example = example.map_or(Cow::Borrowed(""), |word| String::from_utf8_lossy(word));
            (*kind, against.misfits, example.into_owned())
        });
    Looks { kind: ColumnType::Text, nulls: Vec::new(), almost, words }
}

/// Which boolean word it is: two places per pair.
fn boolean_place(cell: &[u8]) -> Option<usize> {
    value::BOOLEAN_WORDS.iter().enumerate().find_map(|(pair, (yes, no))| {
        if cell.eq_ignore_ascii_case(yes.as_bytes()) {
            Some(pair * 2)
        } else if cell.eq_ignore_ascii_case(no.as_bytes()) {
            Some(pair * 2 + 1)
        } else {
            None
        }
    })
}

/// One pair only; a pair of short words only when both are there, as `F` alone may be a gender and `on` a preposition.
fn booleans_agree(seen: &[bool]) -> bool {
    let mut pairs = seen.chunks(2).enumerate().filter(|(_, pair)| pair.iter().any(|seen| *seen));
    match (pairs.next(), pairs.next()) {
        (Some((place, pair)), None) => place < 2 || pair.iter().all(|seen| *seen),
        _ => false,
    }
}
