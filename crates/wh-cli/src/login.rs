//! Signing in and out, and the contexts that come of it. A password is sent once and kept nowhere.
mod browser;
mod replace;

use clap::ArgMatches;
use serde_json::{Value, json};
use std::time::Duration;

use crate::app::{App, base_of, session_cookie};
use crate::client::{Ask, Client, Credential, Payload, Reach, Reply};
use crate::context::{Contexts, Entry};
use crate::fail::{Exit, Fail, Result};
use crate::output::{Format, Output};
use crate::terminal;
use crate::tree::name;
use browser::Show;

const TIMEOUT: Duration = Duration::from_mins(1);
/// The server's word for a key that is good, and not for this.
const BEARER_SCOPE: &str = "server.bearer_scope";

/// `wheelhouse login URL`.
pub fn login(app: &App, matches: &ArgMatches) -> Result<()> {
    let word = |id: &str| matches.get_one::<String>(id).map(String::as_str);
    let url = base_of(word("url").unwrap_or_default())?;
    let ca_file = matches.get_one::<std::path::PathBuf>("ca-file").map(std::path::absolute).transpose();
    let ca_file = ca_file.map_err(|e| Fail::file("--ca-file", &e))?;
    if !matches.get_flag("plain-http") {
        refuse_plain_http(&url)?;
    }
    let reach = Reach { base: &url, ca_file: ca_file.as_deref(), timeout: Some(TIMEOUT) };
    let mut entry = Entry { url: url.clone(), ca_file: ca_file.clone(), ..Entry::default() };
    let token = match (word("token"), matches.get_flag("token-stdin")) {
        (Some(token), _) => Some(token.to_owned()),
        (None, true) => Some(terminal::line()?.trim().to_owned()),
        (None, false) => None,
    };
    let me = if let Some(token) = token {
        if token.is_empty() {
            return Err(Fail::usage("there is no token in what was given", "a token begins with whk_"));
        }
        let client = Client::new(&reach, Credential::Token(token.clone()))?.traced(&app.world);
        entry.token = Some(token);
        match send(app, &client, "me_get", None) {
            Ok(reply) => reply.bytes()?,
            // A key that works, and may not say whose it is.
            Err(fail) if fail.code == BEARER_SCOPE => Vec::new(),
            Err(fail) => return Err(fail),
        }
    } else {
        let client = Client::new(&reach, Credential::None)?.traced(&app.world);
        let reply = match by_browser(matches) {
            Some(show) => browser::sign_in(app, &client, show)?,
            None => by_password(app, &client, matches)?,
        };
        entry.cookie = session_cookie(&reply);
        reply.bytes()?
    };
    let me: Value = serde_json::from_slice(&me).unwrap_or_default();
    let said = |pointer: &str| me.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    entry.user = said("/user/email").or_else(|| said("/user/name"));
    entry.company = said("/tenant/name");
    let name = word("name").map_or_else(|| name_of(&url), str::to_owned);
    let replaced = replace::keep(app, matches, &name, &entry)?;
    let who = described(&entry);
    terminal::notice(&format!("Signed in to {url}{who}; context `{name}` is the current one."));
    if let Some(former) = replaced {
        replace::end_replaced(app, &former, &entry);
    }
    Ok(())
}

/// How the page is shown, where one signs in by it: when that was said, or when nothing was and somebody is here.
fn by_browser(matches: &ArgMatches) -> Option<Show> {
    if matches.get_flag("no-browser") {
        return Some(Show::Print);
    }
    let is_meant = matches.get_flag("browser") || (!matches.contains_id("email") && terminal::asks());
    is_meant.then_some(Show::Open)
}

fn described(entry: &Entry) -> String {
    let user =
        entry.user.as_ref().map(|user| format!(" as {}", terminal::harmless(user))).unwrap_or_default();
    let company =
        entry.company.as_ref().map(|c| format!(" in {}", terminal::harmless(c))).unwrap_or_default();
    format!("{user}{company}")
}

/// The host, with its port where it is not the usual one.
fn name_of(url: &str) -> String {
    url.split_once("://").map_or(url, |(_, rest)| rest).to_owned()
}

fn refuse_plain_http(base: &str) -> Result<()> {
    let url = url::Url::parse(base).map_err(|e| Fail::usage(e.to_string(), "check the URL"))?;
    let here = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    if url.scheme() == "https" || here {
        return Ok(());
    }
    Err(Fail::usage(
        format!("{base} is not encrypted: everybody on the way would read the credential"),
        "use https, or say --plain-http where the way is safe",
    ))
}

fn by_password(app: &App, client: &Client, matches: &ArgMatches) -> Result<Reply> {
    let nobody = || {
        Fail::usage(
            "nobody is here to ask for a password",
            "say --token-stdin, --email ADDRESS --password-stdin, or --browser",
        )
    };
    let email = matches.get_one::<String>("email").ok_or_else(nobody)?;
    let password = if matches.get_flag("password-stdin") {
        terminal::line()?
    } else if terminal::asks() {
        terminal::ask_secret("Password")?
    } else {
        return Err(nobody());
    };
    send(app, client, "session_create", Some(json!({ "email": email, "password": password }).to_string()))
}

fn send(app: &App, client: &Client, id: &str, body: Option<String>) -> Result<Reply> {
    let operation = app
        .spec
        .operation(id)
        .ok_or_else(|| Fail::usage(format!("this build has no {id}"), "report this"))?;
    let payload = body.map_or(Payload::None, Payload::Json);
    let ask = Ask { method: &operation.method, target: operation.path.clone(), key: None, payload };
    client.send(ask, |code| app.spec.hint(code).map(str::to_owned))
}

/// `wheelhouse logout`.
pub fn logout(app: &App, matches: &ArgMatches) -> Result<()> {
    let file = app.world.config_file()?;
    let contexts = Contexts::load(&file)?;
    let named = matches.get_one::<String>(name::CONTEXT).or(contexts.current.as_ref()).cloned();
    let Some(name) = named else {
        return Err(Fail::new(
            Exit::NotSignedIn,
            "cli.no_context",
            "there is no context",
            "there is nothing to sign out of",
        ));
    };
    let entry = contexts.get(&name)?.clone();
    replace::end(app, &entry, "the session");
    Contexts::change(&file, |contexts| {
        if let Some(entry) = contexts.contexts.get_mut(&name) {
            entry.cookie = None;
            entry.token = None;
        }
        Ok(())
    })?;
    let note = if entry.token.is_some() { "; the API key itself lives until it is revoked" } else { "" };
    terminal::notice(&format!("Signed out of `{name}`{note}."));
    Ok(())
}

/// `wheelhouse context …`.
pub fn context(app: &App, matches: &ArgMatches) -> Result<()> {
    let file = app.world.config_file()?;
    match matches.subcommand() {
        Some(("use", sub)) => {
            let name = named(sub);
            Contexts::change(&file, |contexts| {
                contexts.get(&name)?;
                contexts.current = Some(name.clone());
                Ok(())
            })
        }
        Some(("remove", sub)) => {
            let name = named(sub);
            Contexts::change(&file, |contexts| {
                contexts.get(&name)?;
                contexts.contexts.remove(&name);
                if contexts.current.as_ref() == Some(&name) {
                    contexts.current = None;
                }
                Ok(())
            })
        }
        Some((_, sub)) => {
            let format = match (sub.get_flag(name::JSON), sub.get_flag(name::QUIET)) {
                (true, _) => Format::Json,
                (false, true) => Format::Ids,
                (false, false) => Format::Table,
            };
            list(app, &Contexts::load(&file)?, format)
        }
        None => Ok(()),
    }
}

fn named(matches: &ArgMatches) -> String {
    matches.get_one::<String>(name::CONTEXT).cloned().unwrap_or_default()
}

fn list(app: &App, contexts: &Contexts, format: Format) -> Result<()> {
    let mut out = Output::new(format, &app.world);
    let current = |name: &String| contexts.current.as_ref() == Some(name);
    let how = |entry: &Entry| match (&entry.token, &entry.cookie) {
        (Some(_), _) => "token",
        (None, Some(_)) => "session",
        (None, None) => "signed out",
    };
    if format == Format::Json {
        let all: Vec<Value> = contexts
            .contexts
            .iter()
            .map(|(name, entry)| {
                json!({
                    "name": name, "current": current(name), "url": entry.url, "credential": how(entry),
                    "user": entry.user, "company": entry.company,
                })
            })
            .collect();
        out.json(json!({ "items": all }).to_string().as_bytes())?;
        return out.flush();
    }
    if format == Format::Ids {
        for name in contexts.contexts.keys() {
            out.line(name)?;
        }
        return out.flush();
    }
    let heads = ["", "name", "url", "user", "company", "credential"].map(str::to_owned);
    let text = |value: &Option<String>| terminal::harmless(value.as_deref().unwrap_or_default());
    let rows: Vec<Vec<String>> = contexts
        .contexts
        .iter()
        .map(|(name, entry)| {
            let star = if current(name) { "*" } else { "" };
            let url = entry.url.clone();
            vec![
                star.to_owned(),
                name.clone(),
                url,
                text(&entry.user),
                text(&entry.company),
                how(entry).to_owned(),
            ]
        })
        .collect();
    out.table(&heads, &rows)?;
    out.flush()
}
