//! Why a command did not do it: code, detail, hint, request id, exit code. Printed in one place.
use std::ops::{Deref, DerefMut};
use std::process::ExitCode;

use serde_json::{Value, json};

/// The exit codes, stable for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 1: the server refused or failed, and no other code fits; or it was declined at the prompt.
    Refused = 1,
    /// 2: the command cannot be meant.
    Usage = 2,
    /// 3: nobody is signed in.
    NotSignedIn = 3,
    /// 4: signed in, and not allowed.
    Forbidden = 4,
    /// 5: not there.
    NotFound = 5,
    /// 6: it contradicts what is.
    Conflict = 6,
    /// 7: the server cannot be reached, is busy, or took too long: the same may succeed later.
    Unavailable = 7,
}

impl Exit {
    /// By an HTTP status.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::NotSignedIn,
            403 => Self::Forbidden,
            404 | 410 => Self::NotFound,
            409 => Self::Conflict,
            408 | 429 | 502 | 503 | 504 => Self::Unavailable,
            _ => Self::Refused,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A refusal to be shown.
#[derive(Debug)]
pub struct Refusal {
    /// What the process ends with.
    pub exit: Exit,
    /// Of the server's error table, or `cli.…`.
    pub code: String,
    /// What happened this time.
    pub detail: String,
    /// What to do.
    pub hint: String,
    /// Under which the server's log holds the cause.
    pub request_id: String,
    /// What is wrong, field by field.
    pub fields: Vec<(String, String)>,
    /// The HTTP status, when a server answered.
    pub status: Option<u16>,
    /// In how many seconds the same may be tried again, when the server said so.
    pub retry_after_s: Option<u64>,
    /// The reader of the output went away: nothing to say, nothing went wrong.
    pub reader_gone: bool,
}

/// A [`Refusal`] in one pointer: it goes up through every function.
#[derive(Debug)]
pub struct Fail(Box<Refusal>);

impl Deref for Fail {
    type Target = Refusal;

    fn deref(&self) -> &Refusal {
        &self.0
    }
}

impl DerefMut for Fail {
    fn deref_mut(&mut self) -> &mut Refusal {
        &mut self.0
    }
}

/// `Result` of this crate.
pub type Result<T, E = Fail> = std::result::Result<T, E>;

impl Fail {
    /// One of the command line's own.
    pub fn new(exit: Exit, code: &str, detail: impl Into<String>, hint: &str) -> Self {
        Self(Box::new(Refusal {
            exit,
            code: code.to_owned(),
            detail: detail.into(),
            hint: hint.to_owned(),
            request_id: String::new(),
            fields: Vec::new(),
            status: None,
            retry_after_s: None,
            reader_gone: false,
        }))
    }

    /// The command cannot be meant.
    pub fn usage(detail: impl Into<String>, hint: &str) -> Self {
        Self::new(Exit::Usage, "cli.usage", detail, hint)
    }

    /// The parser made nothing of it: what it says first is the detail, tips and usage are what to do.
    pub fn unparsed(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let mut parts = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
        let detail = parts.next().unwrap_or_default();
        let hint = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
        Self::usage(detail.strip_prefix("error: ").unwrap_or(&detail), &hint)
    }

    /// A file cannot be read or written.
    pub fn file(name: impl std::fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Exit::Usage, "cli.file", format!("{name}: {error}"), "check the path and its permissions")
    }

    /// The output cannot be written; a closed pipe is no failure.
    pub fn output(error: &std::io::Error) -> Self {
        let mut fail = Self::new(
            Exit::Refused,
            "cli.output",
            format!("the output cannot be written: {error}"),
            "check the disk or the program that reads it",
        );
        fail.reader_gone = error.kind() == std::io::ErrorKind::BrokenPipe;
        fail
    }

    /// What a server answered that is no success.
    pub fn problem(status: u16, body: &[u8], hint: impl Fn(&str) -> Option<String>) -> Self {
        let problem: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        let Some(code) = problem["code"].as_str() else {
            return Self::no_problem(status, body);
        };
        let fields = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let field = |value: &Value| {
            let of = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
            (of("pointer"), of("detail"))
        };
        let mut fail = Self::new(Exit::of_status(status), code, text("detail"), "");
        if fail.detail.is_empty() {
            fail.detail = text("title");
        }
        fail.hint = hint(code).unwrap_or_default();
        fail.request_id = text("request_id");
        fail.fields = fields.iter().map(field).collect();
        fail.status = Some(status);
        fail
    }

    /// Something else than a Wheelhouse answered: a proxy, or a page.
    fn no_problem(status: u16, body: &[u8]) -> Self {
        let start: String = String::from_utf8_lossy(body).chars().take(120).collect();
        let mut fail = Self::new(
            Exit::of_status(status),
            "cli.answer",
            format!("status {status} without a problem: {}", start.trim()),
            "is it a Wheelhouse at this URL, and is a proxy before it well?",
        );
        fail.status = Some(status);
        fail
    }

    /// For programs: one line.
    pub fn json(&self) -> Value {
        let fields: Vec<Value> = self
            .fields
            .iter()
            .map(|(pointer, detail)| json!({ "pointer": pointer, "detail": detail }))
            .collect();
        json!({
            "code": self.code, "detail": self.detail, "hint": self.hint, "request_id": self.request_id,
            "status": self.status, "errors": fields, "exit": self.exit as u8,
        })
    }
}
