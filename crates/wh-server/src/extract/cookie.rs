//! The session cookie: its name, how it is set, cleared and read. Knows no session.
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use wh_base::{Result, Secret};

use crate::{Problem, codes};

/// The longest token that is looked at; ours have 43 characters.
const TOKEN_LENGTH_MAX: usize = 256;

/// How the console is reached; decides the cookie's name and its `Secure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieScheme {
    /// https, here or at a proxy before us: `__Host-wh_sid`, Secure.
    Secure,
    /// http: `wh_sid`. For a laptop.
    Plain,
}

/// Sets and clears the session cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCookie(CookieScheme);

impl SessionCookie {
    /// The cookie for this scheme.
    pub const fn new(scheme: CookieScheme) -> Self {
        Self(scheme)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self.0 {
            CookieScheme::Secure => "__Host-wh_sid",
            CookieScheme::Plain => "wh_sid",
        }
    }

    /// Whether there is a session cookie of either name among the request's cookies.
    pub(crate) fn any(headers: &HeaderMap) -> bool {
        let names = [CookieScheme::Secure, CookieScheme::Plain].map(|scheme| Self(scheme).name());
        headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).any(|text| {
            text.split(';')
                .filter_map(|pair| pair.trim().split_once('='))
                .any(|(name, _)| names.contains(&name))
        })
    }

    /// The value of a `Set-Cookie` that hands out the token. The token is base64url: it needs no quoting.
    pub fn set(self, token: &Secret<String>, max_age_s: u32) -> HeaderValue {
        let secure = self.secure();
        let text = format!(
            "{}={}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}",
            self.name(),
            token.expose()
        );
        let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    /// The value of a `Set-Cookie` that takes it back.
    pub fn clear(self) -> HeaderValue {
        let text = format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{}", self.name(), self.secure());
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }

    const fn secure(self) -> &'static str {
        match self.0 {
            CookieScheme::Secure => "; Secure",
            CookieScheme::Plain => "",
        }
    }

    /// The token in the request's cookies. Two cookies of the name are none: one of them is not ours.
    pub(crate) fn token(self, headers: &HeaderMap) -> Option<Secret<String>> {
        let mut found = None;
        for value in headers.get_all(header::COOKIE) {
            for pair in value.to_str().ok()?.split(';') {
                let Some((name, value)) = pair.trim().split_once('=') else { continue };
                if name != self.name() {
                    continue;
                }
                if found.is_some() || value.is_empty() || value.len() > TOKEN_LENGTH_MAX {
                    return None;
                }
                found = Some(Secret::new(value.to_owned()));
            }
        }
        found
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionCookie {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Self>() {
            Some(cookie) => Ok(*cookie),
            None => Err(codes::UNWIRED.error("the application set no session cookie").into()),
        }
    }
}
