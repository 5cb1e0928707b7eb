//! One spelling per address: what is matched and authorised is what was asked. Ambiguous spellings are refused.
use std::fmt::Write;

use http::Uri;
use http::uri::PathAndQuery;
use wh_base::{Error, Result};

use super::codes;

/// The normal form of the address, or `None` when it has it already: dot segments and repeated slashes are resolved,
/// needless percent-encoding is undone. Encoded slashes, backslashes and control characters are refused.
pub(super) fn normal(uri: &Uri, bytes_max: u32) -> Result<Option<Uri>> {
    let path = uri.path();
    let length = path.len() + uri.query().map_or(0, |query| query.len() + 1);
    if length > bytes_max as usize {
        return Err(codes::ADDRESS_LONG.error(format!("{length} bytes, not at most {bytes_max}")));
    }
    if !path.starts_with('/') {
        return Err(refused("does not begin with a slash"));
    }
    if is_plain(path.as_bytes()) {
        // An absolute-form target is reduced to its path as well, so that nothing behind the edge sees two hosts.
        return if uri.authority().is_none() { Ok(None) } else { rebuilt(path, uri.query()).map(Some) };
    }
    let resolved = resolve(&decode(path)?)?;
    rebuilt(&resolved, uri.query()).map(Some)
}

fn refused(why: &str) -> Error {
    codes::ADDRESS.error(format!("the path {why}"))
}

fn rebuilt(path: &str, query: Option<&str>) -> Result<Uri> {
    let text = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let path =
        PathAndQuery::try_from(text).map_err(|e| codes::ADDRESS.caused("the path cannot be read", e))?;
    Ok(Uri::from(path))
}

/// The common case, in one look: nothing to decode, to resolve or to refuse.
fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    for &byte in path {
        let odd = matches!(byte, b'%' | b'\\') || byte < 0x20 || byte == 0x7f;
        if odd || (before == b'/' && matches!(byte, b'/' | b'.')) {
            return false;
        }
        before = byte;
    }
    true
}

/// Undo the percent-encoding of characters that need none; keep the rest in upper case.
fn decode(path: &str) -> Result<String> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => return Err(refused("holds a backslash")),
            c if c.is_ascii_control() => return Err(refused("holds a control character")),
            '%' => {
                let (high, low) = (rest.next().and_then(hex), rest.next().and_then(hex));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err(refused("holds a `%` without two hexadecimal digits"));
                };
                encoded(high * 16 + low, &mut out)?;
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

fn hex(c: char) -> Option<u8> {
    c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn encoded(byte: u8, out: &mut String) -> Result<()> {
    match byte {
        b'/' | b'\\' => Err(refused("holds an encoded slash")),
        0..0x20 | 0x7f => Err(refused("holds an encoded control character")),
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            out.push(char::from(byte));
            Ok(())
        }
        _ => {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
            Ok(())
        }
    }
}

/// RFC 3986 5.2.4, and repeated slashes as one.
fn resolve(path: &str) -> Result<String> {
    let mut segments: Vec<&str> = Vec::new();
    let mut open = false;
    for segment in path.split('/').skip(1) {
        open = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                if segments.pop().is_none() {
                    return Err(refused("steps above the root"));
                }
            }
            segment => segments.push(segment),
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in &segments {
        out.push('/');
        out.push_str(segment);
    }
    if open || out.is_empty() {
        out.push('/');
    }
    Ok(out)
}
