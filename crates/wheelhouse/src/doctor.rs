//! `wheelhouse doctor`: looks at everything a server stands on, says what is wrong and what to do. Repairs nothing.
mod backups;
mod clock;
mod machine;
mod network;
mod stores;

pub use machine::Room;
use serde::Serialize;
use wh_base::{Clock, ErrorCode, Kind, Result, SystemClock};

use crate::print;
use crate::settings::{Settings, Sources};

/// Something is in the way of a server.
pub const FAILED: ErrorCode = ErrorCode::new(
    "wheelhouse.doctor",
    Kind::Unavailable,
    "something that a server needs is not as it must be",
    "each line that begins with `fail` says what to do",
);

/// All of them, for the error table.
pub const ALL: &[&ErrorCode] = &[&FAILED];

/// How a thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it must be.
    Ok,
    /// It works, and may not for long.
    Warn,
    /// A server does not start, or does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Which.
    pub check: String,
    /// How it was found.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    fn ok(check: &str, found: impl Into<String>) -> Self {
        Self { check: check.to_owned(), state: State::Ok, found: found.into(), advice: None }
    }

    fn warn(check: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Warn, advice: Some(advice.into()), ..Self::ok(check, found) }
    }

    fn fail(check: &str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Fail, advice: Some(advice.into()), ..Self::ok(check, found) }
    }

    /// An error with its causes, and the advice of its code.
    fn error(check: &str, error: &wh_base::Error) -> Self {
        let mut found = error.message().to_owned();
        let mut cause = std::error::Error::source(error);
        while let Some(source) = cause {
            found.push_str(&format!(": {source}"));
            cause = source.source();
        }
        Self::fail(check, found, error.code().hint)
    }
}

/// How the findings are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Lines for a person.
    Lines,
    /// One JSON object.
    Json,
}

/// Look at everything. Fails when something is in the way of a server.
pub async fn run(sources: &Sources, telling: Telling) -> Result<()> {
    let findings = look(sources).await;
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let failed = count(State::Fail);
    match telling {
        Telling::Lines => {
            findings.iter().for_each(tell);
            let (ok, warned) = (count(State::Ok), count(State::Warn));
            print::line(&format!("{ok} ok, {warned} to look at, {failed} failed"));
        }
        Telling::Json => {
            let told = serde_json::json!({ "ok": failed == 0, "checks": findings });
            print::line(&told.to_string());
        }
    }
    if failed > 0 {
        return Err(FAILED.error(format!("{failed} of {} checks failed", findings.len())));
    }
    Ok(())
}

fn tell(finding: &Finding) {
    let word = match finding.state {
        State::Ok => "ok",
        State::Warn => "warn",
        State::Fail => "fail",
    };
    print::line(&format!("{word:<4}  {:<22}  {}", finding.check, finding.found));
    if let Some(advice) = &finding.advice {
        print::line(&format!("      {:<22}  what to do: {advice}", ""));
    }
}

async fn look(sources: &Sources) -> Vec<Finding> {
    let settings = match Settings::load(sources) {
        Ok(settings) => settings,
        // Without settings nobody knows where to look further.
        Err(error) => return vec![Finding::error("configuration", &error)],
    };
    crate::compose::install_crypto();
    let mut findings = vec![machine::configuration(&settings)];
    findings.extend(machine::folder(&settings));
    findings.extend(machine::disk(&settings));
    findings.extend(clock::look(&settings).await);
    findings.push(machine::open_files());
    findings.push(machine::memory(&settings));
    findings.extend(network::ports(&settings));
    findings.extend(network::certificate(&settings, SystemClock.now()));
    let database = stores::database(&settings, SystemClock.now()).await;
    let operator = stores::operator_company(&settings, &database).await;
    findings.extend(database.into_iter().chain(operator));
    findings.push(stores::objects(&settings).await);
    findings.extend(stores::objects_owner(&settings).await);
    findings.extend(backups::all(&settings).await);
    findings
}

#[cfg(test)]
mod tests;
