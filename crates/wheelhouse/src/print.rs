//! What the command line says to a person: results to standard output, failures to standard error.
use std::io::Write;

use wh_base::Error;

/// One line of result.
pub fn line(text: &str) {
    // A closed pipe ends the reader's interest, not the work.
    let _closed = writeln!(std::io::stdout(), "{text}");
}

/// A text as it is, for example a generated file.
pub fn text(text: &str) {
    let _closed = std::io::stdout().write_all(text.as_bytes());
}

/// One line of notice that is not the result.
pub fn notice(text: &str) {
    let _closed = writeln!(std::io::stderr(), "{text}");
}

/// Code, message, causes and what to do.
pub fn failure(error: &Error) {
    notice(&format!("wheelhouse: {}", error.message()));
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        notice(&format!("  because: {source}"));
        cause = source.source();
    }
    notice(&format!("  what to do: {} [{}]", error.code().hint, error.code().code));
}
