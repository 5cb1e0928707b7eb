//! `Authorization: Bearer …`: whether a key speaks, and which. Knows no key.
use http::{HeaderMap, HeaderValue, header};
use wh_base::{Result, Secret};

use crate::codes;

/// The scheme with the space behind it.
const SCHEME: &str = "bearer ";
/// The longest text that is looked at; ours have 65 characters.
const TOKEN_LENGTH_MAX: usize = 256;

/// Whether any `Authorization` is a bearer's. Other schemes are somebody else's: a proxy before us may ask for a password.
pub(crate) fn speaks(headers: &HeaderMap) -> bool {
    headers.get_all(header::AUTHORIZATION).iter().any(|value| of_bearer(value).is_some())
}

/// The token, if a bearer speaks. Two `Authorization` headers are no token: one of them is not its client's.
pub(crate) fn token(headers: &HeaderMap) -> Result<Option<Secret<String>>> {
    if !speaks(headers) {
        return Ok(None);
    }
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let token = values.next().and_then(of_bearer).and_then(|token| std::str::from_utf8(token).ok());
    match (token.map(str::trim), values.next()) {
        (Some(token), None) if !token.is_empty() && token.len() <= TOKEN_LENGTH_MAX => {
            Ok(Some(Secret::new(token.to_owned())))
        }
        _ => Err(codes::BEARER_MALFORMED.error("not one Authorization header with one API key")),
    }
}

/// What stands behind the scheme.
fn of_bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, rest) = value.as_bytes().split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME.as_bytes()).then_some(rest)
}
