//! A field's content from its bytes: quotes taken off, escapes undone. Where fields begin and end is `split`'s work.
use std::borrow::Cow;

use memchr::memchr;

use super::options::{Dialect, Escape};

/// The content of a field as it stands in the file: without its quotes, escapes undone. Borrowed where nothing is undone.
#[inline]
pub(crate) fn unquote(raw: &[u8], dialect: Dialect) -> Cow<'_, [u8]> {
    match (dialect.quote, raw) {
        (Some(quote), [first, inner @ .., last]) if *first == quote && *last == quote => {
            unescape(inner, quote, dialect.escape)
        }
        _ => Cow::Borrowed(raw),
    }
}

fn unescape(inner: &[u8], quote: u8, escape: Escape) -> Cow<'_, [u8]> {
    let mark = if escape == Escape::Doubled { quote } else { b'\\' };
    if memchr(mark, inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr(mark, rest) {
        out.extend_from_slice(&rest[..at]);
        match rest.get(at + 1) {
            // A backslash before anything else than a quote or a backslash is itself.
            Some(next) if *next == quote || *next == mark => {
                out.push(*next);
                rest = &rest[at + 2..];
            }
            _ => {
                out.push(mark);
                rest = &rest[at + 1..];
            }
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}
