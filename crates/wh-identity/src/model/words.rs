//! Words with a rule: e-mail address, names, the browser's name. Holding one is proof that the rule was met.
use std::fmt;

use wh_base::{ErrorCode, Result};

use crate::codes;

const EMAIL_LENGTH_MAX: usize = 254;
const EMAIL_LOCAL_LENGTH_MAX: usize = 64;
const DOMAIN_LABEL_LENGTH_MAX: usize = 63;
const PERSON_NAME_LENGTH_MAX: usize = 100;
const COMPANY_NAME_LENGTH_MAX: usize = 80;
const USER_AGENT_LENGTH_MAX: usize = 256;

/// An e-mail address, trimmed and in lower case, so that one person has one account.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// ASCII only: an address that merely looks like another one must not be another account.
    pub fn parse(raw: &str) -> Result<Self> {
        let text = raw.trim().to_ascii_lowercase();
        let whole = text.len() <= EMAIL_LENGTH_MAX
            && text
                .split_once('@')
                .is_some_and(|(local, domain)| local_is_well(local) && domain_is_well(domain));
        if whole {
            return Ok(Self(text));
        }
        Err(codes::EMAIL.error("not an e-mail address").at("/email", "not of the form name@example.com"))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.split('@').next().unwrap_or(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn local_is_well(local: &str) -> bool {
    let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
    let letters = local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b));
    !local.is_empty() && local.len() <= EMAIL_LOCAL_LENGTH_MAX && !dots && letters
}

fn domain_is_well(domain: &str) -> bool {
    domain.split('.').all(|label| {
        let letters = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let length = (1..=DOMAIN_LABEL_LENGTH_MAX).contains(&label.len());
        letters && length && !label.starts_with('-') && !label.ends_with('-')
    })
}

/// What others call a person: trimmed, 1 to 100 printable characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName(String);

impl PersonName {
    /// The name, if it is one.
    pub fn parse(raw: &str) -> Result<Self> {
        printable(raw, PERSON_NAME_LENGTH_MAX, &codes::NAME, "/name").map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As people are looked for: lower case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// What a company is called: trimmed, 1 to 80 printable characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyName(String);

impl CompanyName {
    /// The name, if it is one; `field` is the JSON pointer that it came from.
    pub fn parse(raw: &str, field: &str) -> Result<Self> {
        printable(raw, COMPANY_NAME_LENGTH_MAX, &codes::COMPANY, field).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(super) fn printable(
    raw: &str,
    length_max: usize,
    code: &'static ErrorCode,
    field: &str,
) -> Result<String> {
    let text = raw.trim();
    let length = text.chars().count();
    if length == 0 || length > length_max {
        let message = format!("{length} characters, not 1 to {length_max}");
        return Err(code.error(message.clone()).at(field, message));
    }
    if text.chars().any(unprintable) {
        return Err(code.error("a control character").at(field, "control characters are not allowed"));
    }
    Ok(text.to_owned())
}

/// Control characters, and those that turn the direction of the text around them.
fn unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The browser's own words about itself, cut to a bearable length; untrusted, only ever shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent(String);

impl UserAgent {
    /// Keeps what can be shown.
    pub fn new(raw: &str) -> Option<Self> {
        let text: String = raw.chars().filter(|c| !unprintable(*c)).take(USER_AGENT_LENGTH_MAX).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
