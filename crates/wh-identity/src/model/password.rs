//! When a new password is good enough: long, and not what is tried first. No composition rules, no expiry, no hashing.
use std::collections::HashSet;

use wh_base::{Result, Secret};

use crate::codes;

/// Enough for any passphrase; more would only be work for the server. In characters.
pub const PASSWORD_LENGTH_MAX: usize = 256;

/// Words that people make passwords of, one a line, in lower case; `#` opens a comment.
const COMMON_WORDS: &str = include_str!("common_words.txt");
/// What falls into fewer pieces than this (a known word, up to four digits, one letter) is guessed early.
const PIECES_MIN: usize = 4;
/// Fewer different characters than this in the part that repeats are a pattern.
const DISTINCT_MIN: usize = 5;
/// Neighbours on the keyboard or in the alphabet in a run this long (`1234`, `qwer`, `aaaa`) say nothing.
const RUN_LENGTH_MIN: usize = 3;
/// A year, a door, the end of a telephone number: so many digits count as one piece.
const DIGITS_PIECE_MAX: usize = 4;
/// Runs are looked for along these, forwards and backwards.
const ROWS: &[&str] = &[
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
];

/// A new password that may be set. Not for checking one that was set before: those are compared, never judged.
pub struct Password(Secret<String>);

impl Password {
    /// `personal` is what an attacker knows of the person: address, name, company. `field` is its JSON pointer.
    pub fn parse(raw: &Secret<String>, length_min: usize, personal: &[&str], field: &str) -> Result<Self> {
        let text = raw.expose();
        let length = text.chars().count();
        if length < length_min || length > PASSWORD_LENGTH_MAX {
            let message = format!("{length} characters, not {length_min} to {PASSWORD_LENGTH_MAX}");
            return Err(codes::PASSWORD_LENGTH.error(message.clone()).at(field, message));
        }
        if is_common(text, personal) {
            return Err(codes::PASSWORD_COMMON.error("too common").at(
                field,
                "too common: choose one that is not made of a common password, your name or your company",
            ));
        }
        Ok(Self(raw.clone()))
    }

    /// The password, for hashing.
    pub fn secret(&self) -> &Secret<String> {
        &self.0
    }
}

/// Whether the text is nothing but few pieces: common or personal words, runs, repetitions, short numbers, signs.
fn is_common(text: &str, personal: &[&str]) -> bool {
    let letters: Vec<char> = text.to_lowercase().chars().collect();
    let letters = unit(&letters);
    let own = personal.iter().flat_map(|phrase| phrase.split(|c: char| !c.is_alphanumeric()));
    let common = COMMON_WORDS.lines().filter(|line| !line.starts_with('#'));
    let words: Vec<Vec<char>> = own
        .chain(common)
        .map(|word| word.to_lowercase().chars().collect())
        .filter(|word: &Vec<char>| word.len() >= RUN_LENGTH_MIN)
        .collect();
    distinct(letters) < DISTINCT_MIN || pieces(letters, &words) < PIECES_MIN
}

/// The shortest part whose repetition is the whole.
fn unit(letters: &[char]) -> &[char] {
    let size = (1..=letters.len() / 2).find(|size| {
        letters.len().is_multiple_of(*size) && letters.chunks(*size).all(|part| part == &letters[..*size])
    });
    &letters[..size.unwrap_or(letters.len())]
}

fn distinct(letters: &[char]) -> usize {
    letters.iter().collect::<HashSet<_>>().len()
}

/// The least number of pieces that the letters fall into; signs and runs are free.
fn pieces(letters: &[char], words: &[Vec<char>]) -> usize {
    let mut least = vec![usize::MAX; letters.len() + 1];
    least[0] = 0;
    for at in 0..letters.len() {
        let (so_far, rest) = (least[at], &letters[at..]);
        let mut reach = |length: usize, cost: usize| {
            least[at + length] = least[at + length].min(so_far.saturating_add(cost));
        };
        reach(1, usize::from(rest[0].is_alphanumeric()));
        for length in RUN_LENGTH_MIN..=run_length(rest) {
            reach(length, 0);
        }
        let digits = rest.iter().take(DIGITS_PIECE_MAX).take_while(|c| c.is_ascii_digit()).count();
        for length in 1..=digits {
            reach(length, 1);
        }
        for word in words {
            if word.len() <= rest.len()
                && word.iter().zip(rest).all(|(plain, given)| looks_like(*given, *plain))
            {
                reach(word.len(), 1);
            }
        }
    }
    least[letters.len()]
}

/// How many letters from the start are the same or follow one another along a row.
fn run_length(letters: &[char]) -> usize {
    let same = letters.iter().take_while(|c| **c == letters[0]).count();
    let along = ROWS.iter().flat_map(|row| {
        let forwards: Vec<char> = row.chars().collect();
        let backwards: Vec<char> = row.chars().rev().collect();
        [common_start(letters, &forwards), common_start(letters, &backwards)]
    });
    along.fold(same, usize::max)
}

/// The longest start of `letters` that stands somewhere in the row.
fn common_start(letters: &[char], row: &[char]) -> usize {
    (0..row.len())
        .map(|from| row[from..].iter().zip(letters).take_while(|(a, b)| a == b).count())
        .fold(0, usize::max)
}

/// Whether a given letter is that plain letter, or its usual disguise.
fn looks_like(given: char, plain: char) -> bool {
    given == plain
        || matches!(
            (given, plain),
            ('0', 'o')
                | ('1' | '!', 'i' | 'l')
                | ('3', 'e')
                | ('4' | '@', 'a')
                | ('5' | '$', 's')
                | ('7', 't')
        )
}
