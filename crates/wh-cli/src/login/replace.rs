//! A sign-in into a context that is there already: it does not change hands unasked, and the session it had does not live on unseen.
use std::time::Duration;

use clap::ArgMatches;

use super::{described, send};
use crate::app::App;
use crate::client::{Client, Credential, Reach};
use crate::context::{Contexts, Entry};
use crate::fail::{Exit, Result};
use crate::terminal;

/// A server that is away must not hold up who is signed in already.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// Keep the context and make it the current one; the one that was there before. Where that may not be, the session that was just
/// made for it ends.
pub fn keep(app: &App, matches: &ArgMatches, name: &str, entry: &Entry) -> Result<Option<Entry>> {
    let kept = asked(app, matches, name, entry).and_then(|()| {
        Contexts::change(&app.world.config_file()?, |contexts| {
            contexts.current = Some(name.to_owned());
            Ok(contexts.contexts.insert(name.to_owned(), entry.clone()))
        })
    });
    if kept.is_err() {
        end(app, entry, "the session that was just made");
    }
    kept
}

/// Asks whether the context may become another's: on a terminal, else by `--replace`.
fn asked(app: &App, matches: &ArgMatches, name: &str, entry: &Entry) -> Result<()> {
    let contexts = Contexts::load(&app.world.config_file()?)?;
    let Some(former) = contexts.contexts.get(name).filter(|former| !goes_on(former, entry)) else {
        return Ok(());
    };
    if matches.get_flag("replace") {
        return Ok(());
    }
    let question = format!(
        "The context `{name}` is signed in to {}{}; put {}{} in its place?",
        former.url,
        described(former),
        entry.url,
        described(entry)
    );
    terminal::confirm_or(&question, "say --replace, or --name NAME for a context of its own")
}

/// Whether nobody loses a credential by it: it holds none, or it stays with whom it was. The session of a person moves from company
/// to company; a key stays in its own, and one that does not say whose it is stays with itself alone.
fn goes_on(former: &Entry, entry: &Entry) -> bool {
    if former.cookie.is_none() && former.token.is_none() {
        return true;
    }
    if former.url != entry.url {
        return false;
    }
    let is_same_key = former.token.is_some() && former.token == entry.token;
    let are_sessions = former.token.is_none() && entry.token.is_none();
    let is_same_person = former.user.is_some() && former.user == entry.user;
    is_same_key || (is_same_person && (are_sessions || former.company == entry.company))
}

/// What the context held before serves nobody any more.
pub fn end_replaced(app: &App, former: &Entry, entry: &Entry) {
    if former.token.is_some() && former.token != entry.token {
        terminal::notice("The API key that this context held before lives until it is revoked.");
    }
    end(app, former, "the session that this context held before");
}

/// End a session on its server, as well as that goes: where it does not, that is said, and the sign-in or sign-out stands.
pub fn end(app: &App, entry: &Entry, which: &str) {
    let (None, Some(cookie)) = (&entry.token, &entry.cookie) else { return };
    let reach = Reach { base: &entry.url, ca_file: entry.ca_file.as_deref(), timeout: Some(END_TIMEOUT) };
    let ended = Client::new(&reach, Credential::Cookie(cookie.clone()))
        .and_then(|client| send(app, &client.traced(&app.world), "session_end", None));
    match ended {
        Ok(_) => {}
        // It has ended already: what was wanted.
        Err(fail) if fail.exit == Exit::NotSignedIn => {}
        Err(fail) => terminal::notice(&format!(
            "{which} could not be ended ({}); it ends by itself, or on the page of your sessions",
            fail.detail
        )),
    }
}
