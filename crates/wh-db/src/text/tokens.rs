//! Cuts a statement into words, names, strings, numbers, parameters and signs. Where the two engines would cut differently, it
//! refuses: what is left means the same to both and to us.
use std::borrow::Cow;

/// Longer than any statement we write by hand.
const STATEMENT_BYTES_MAX: usize = 64 * 1024;
/// Parameters are numbered `$1` to this.
const PARAMETER_MAX: usize = 999;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A bare word: a keyword or a name.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A string in single quotes.
    Text,
    /// A number.
    Number,
    /// `$n`.
    Param(usize),
    /// One sign.
    Sign(u8),
}

/// A piece of a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// How it is written, quotes included.
    pub text: &'a str,
    /// Where it starts, in bytes.
    pub start: usize,
}

impl<'a> Token<'a> {
    /// Whether it is this keyword, in upper case.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    /// Whether it is this sign.
    pub(crate) fn is_sign(&self, sign: u8) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// The name it stands for in lower case, if it can be one.
    pub(crate) fn name(&self) -> Option<Cow<'a, str>> {
        let bare = match self.kind {
            Kind::Word => self.text,
            Kind::Quoted => &self.text[1..self.text.len() - 1],
            _ => return None,
        };
        if bare.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Some(Cow::Owned(bare.to_ascii_lowercase()));
        }
        Some(Cow::Borrowed(bare))
    }

    /// Where it ends, in bytes.
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

const fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Cut one statement. The reason, where it cannot be cut safely.
pub(crate) fn tokens(sql: &str) -> Result<Vec<Token<'_>>, String> {
    let found = script_tokens(sql)?;
    match found.iter().find(|token| token.is_sign(b';')) {
        Some(_) => Err("a semicolon: one statement at a time, without one at its end".to_owned()),
        None => Ok(found),
    }
}

/// Cut a script: statements with semicolons between them.
pub(crate) fn script_tokens(sql: &str) -> Result<Vec<Token<'_>>, String> {
    if sql.len() > STATEMENT_BYTES_MAX {
        return Err(format!("a statement longer than {STATEMENT_BYTES_MAX} bytes"));
    }
    let bytes = sql.as_bytes();
    let mut found: Vec<Token<'_>> = Vec::with_capacity(sql.len() / 4);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        let (kind, end) = match byte {
            b' ' | b'\t' | b'\n' => {
                at += 1;
                continue;
            }
            b'-' if next == Some(b'-') => {
                at = line_comment(sql, at)?;
                continue;
            }
            b'/' if next == Some(b'*') => {
                at = block_comment(sql, at)?;
                continue;
            }
            b'\'' => (Kind::Text, quoted(bytes, at, b'\'')?),
            b'"' => (Kind::Quoted, name(bytes, at)?),
            b'$' => parameter(bytes, at)?,
            b'.' if next.is_some_and(|next| next.is_ascii_digit()) => match found.last() {
                Some(last) if last.end() == at => return Err("a number directly after something".to_owned()),
                _ => (Kind::Number, number(bytes, at)?),
            },
            _ if byte.is_ascii_digit() => (Kind::Number, number(bytes, at)?),
            _ if is_word_start(byte) => (Kind::Word, word(bytes, at)?),
            b'(' | b')' | b',' | b'.' | b'=' | b'<' | b'>' | b'!' | b'+' | b'-' | b'*' | b'/' | b'%'
            | b'|' | b';' => (Kind::Sign(byte), at + 1),
            _ => return Err(unexpected(sql, at)),
        };
        found.push(Token { kind, text: &sql[at..end], start: at });
        at = end;
    }
    Ok(found)
}

fn unexpected(sql: &str, at: usize) -> String {
    match sql[at..].chars().next() {
        Some(sign) => format!("the character {sign:?} at byte {at}"),
        None => "an unexpected end".to_owned(),
    }
}

/// To the end of the line. A carriage return ends the line for one engine only.
fn line_comment(sql: &str, at: usize) -> Result<usize, String> {
    let end = sql[at..].find('\n').map_or(sql.len(), |length| at + length);
    if sql[at..end].contains(['\r', '\0']) {
        return Err("a control character in a comment".to_owned());
    }
    Ok(end)
}

/// To its end. One engine nests them, the other does not.
fn block_comment(sql: &str, at: usize) -> Result<usize, String> {
    let inside = at + 2;
    let Some(length) = sql[inside..].find("*/") else { return Err("a comment without an end".to_owned()) };
    if sql[inside..inside + length].contains("/*") || sql[inside..inside + length].contains('\0') {
        return Err("a comment inside a comment".to_owned());
    }
    Ok(inside + length + 2)
}

/// The end of something in quotes; a doubled quote stands for itself.
fn quoted(bytes: &[u8], start: usize, quote: u8) -> Result<usize, String> {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        if byte == 0 {
            return Err("a NUL character".to_owned());
        }
        if byte == quote {
            if bytes.get(at + 1) != Some(&quote) {
                return Ok(at + 1);
            }
            at += 1;
        }
        at += 1;
    }
    Err("a string without an end".to_owned())
}

/// A name in double quotes: nothing inside that a bare name could not have.
fn name(bytes: &[u8], start: usize) -> Result<usize, String> {
    let mut end = start + 1;
    while bytes.get(end).copied().is_some_and(is_word) {
        end += 1;
    }
    let first = bytes.get(start + 1).copied();
    if bytes.get(end) != Some(&b'"') || bytes.get(end + 1) == Some(&b'"') || !first.is_some_and(is_word_start)
    {
        return Err("a quoted name with anything but letters, digits and underscores".to_owned());
    }
    Ok(end + 1)
}

/// A word. Directly before a quote it would change how one engine reads the string (`E'…'`, `U&"…"`, `x'…'`).
fn word(bytes: &[u8], start: usize) -> Result<usize, String> {
    let mut end = start;
    while bytes.get(end).copied().is_some_and(is_word) {
        end += 1;
    }
    match bytes.get(end) {
        Some(b'\'' | b'"') => Err("a word directly before a quote".to_owned()),
        Some(b'$') => Err("a dollar sign inside a name".to_owned()),
        _ => Ok(end),
    }
}

/// Digits with one point and an exponent; nothing may follow directly that makes it something else.
fn number(bytes: &[u8], start: usize) -> Result<usize, String> {
    let mut at = start;
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    at = digits(at);
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let end = digits(at + 1 + sign);
        if end == at + 1 + sign {
            return Err("a number with an empty exponent".to_owned());
        }
        at = end;
    }
    match bytes.get(at) {
        Some(&byte) if is_word(byte) || matches!(byte, b'$' | b'.' | b'\'' | b'"') => {
            Err("a number directly before something else".to_owned())
        }
        _ => Ok(at),
    }
}

/// `$1`. One engine would read `$1(…)` and `$1::x` as one name, the other `$1$…$1$` as a string.
fn parameter(bytes: &[u8], start: usize) -> Result<(Kind, usize), String> {
    let mut end = start + 1;
    let mut number = 0_usize;
    while let Some(digit) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
        number = number.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
        end += 1;
    }
    let leading_zero = bytes.get(start + 1) == Some(&b'0');
    let glued =
        bytes.get(end).is_some_and(|&b| is_word(b) || matches!(b, b'$' | b'(' | b':' | b'\'' | b'"' | b'.'));
    if number == 0 || number > PARAMETER_MAX || leading_zero || glued || end == start + 1 {
        return Err("a dollar sign that is not a parameter from $1 to $999".to_owned());
    }
    Ok((Kind::Param(number), end))
}
