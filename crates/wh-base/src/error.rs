//! One error for the whole house: its code decides kind and status, its message is for people, its source keeps the cause.
use std::error::Error as StdError;
use std::fmt;

use serde::Serialize;

/// `Result` with the house's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of refusal it is; decides the HTTP status and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 400: it cannot be read at all.
    Malformed,
    /// 401: nobody is signed in.
    Unauthenticated,
    /// 403: signed in, and not allowed.
    Forbidden,
    /// 404: not there, or not yours.
    NotFound,
    /// 405: the address is right, the method is not.
    MethodNotAllowed,
    /// 408: the client was too slow.
    RequestTimeout,
    /// 409: it contradicts what is.
    Conflict,
    /// 410: it was there and is used up.
    Gone,
    /// 413: more than the limit.
    TooLarge,
    /// 414: the address is too long.
    UriTooLong,
    /// 415: a media type that this operation does not take.
    UnsupportedMediaType,
    /// 421: this server does not answer for that host.
    Misdirected,
    /// 422: it can be read, and a rule refuses it.
    Invalid,
    /// 429: too often.
    TooMany,
    /// 500: our fault.
    Internal,
    /// 503: not now; the same request may succeed later.
    Unavailable,
    /// 504: it took longer than its limit, or its outcome did not come back.
    Timeout,
}

impl Kind {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::TooLarge => 413,
            Self::UriTooLong => 414,
            Self::UnsupportedMediaType => 415,
            Self::Misdirected => 421,
            Self::Invalid => 422,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::Timeout => 504,
        }
    }
}

/// One line of the error table. Declared as a `const` in the `codes` module of the crate that raises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// `area.what`, stable for ever.
    pub code: &'static str,
    /// Decides the status.
    pub kind: Kind,
    /// What happened, for the manual and as the problem's title.
    pub summary: &'static str,
    /// What to do about it.
    pub hint: &'static str,
}

impl ErrorCode {
    /// A line of the table.
    pub const fn new(code: &'static str, kind: Kind, summary: &'static str, hint: &'static str) -> Self {
        Self { code, kind, summary, hint }
    }

    /// An error of this code. The message is lower case, without a full stop, and never holds a secret.
    pub fn error(&'static self, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            code: self,
            message: message.into(),
            fields: Vec::new(),
            retry_after_s: None,
            source: None,
        }))
    }

    /// An error of this code that keeps its cause for the log.
    pub fn caused(
        &'static self,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Error {
        let mut error = self.error(message);
        error.0.source = Some(source.into());
        error
    }
}

/// What is wrong with one field of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// JSON pointer into the body, or the name of the parameter.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// An error that can be shown to its caller and logged for its operator.
pub struct Error(Box<Inner>);

struct Inner {
    code: &'static ErrorCode,
    message: String,
    fields: Vec<FieldError>,
    retry_after_s: Option<u32>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// The line of the table.
    pub fn code(&self) -> &'static ErrorCode {
        self.0.code
    }

    /// The kind of its code.
    pub fn kind(&self) -> Kind {
        self.0.code.kind
    }

    /// For people: what happened this time.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What is wrong, field by field.
    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// When the same request may be tried again, in seconds.
    pub fn retry_after_s(&self) -> Option<u32> {
        self.0.retry_after_s
    }

    /// Whether it is an error of this code.
    pub fn is(&self, code: &ErrorCode) -> bool {
        self.0.code.code == code.code
    }

    /// The same error in other words.
    #[must_use]
    pub fn reworded(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same error with a field named.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.0.fields.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// The same error with a time to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.code, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        match &self.0.source {
            Some(source) => write!(f, " (caused by: {source})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}
