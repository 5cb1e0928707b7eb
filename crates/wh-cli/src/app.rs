//! What every command of an operation has: the spec, the world, the flags, and on demand a connection. Decides no command.
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;

use crate::client::{Ask, Client, Credential, Payload, Reach, Reply};
use crate::context::{Contexts, Entry};
use crate::fail::{Exit, Fail, Result};
use crate::output::Format;
use crate::spec::Spec;
use crate::tree::name;
use crate::world::World;

const TIMEOUT_S: u64 = 60;
/// What both names of the session cookie end with.
const SESSION_COOKIE: &str = "wh_sid";

/// The command line at work.
pub struct App {
    /// The operations.
    pub spec: Spec,
    /// The process around it.
    pub world: World,
}

/// What was said for every operation.
pub struct Flags {
    /// In what form results are printed.
    pub format: Format,
    /// Nothing is asked.
    pub yes: bool,
    context: Option<String>,
    timeout: Option<Duration>,
}

/// A server, and the context it came from.
pub struct Connection {
    /// The server.
    pub client: Client,
    /// Certificates beside the machine's.
    pub ca_file: Option<PathBuf>,
    context: Option<String>,
}

impl Flags {
    /// From the matches and the environment.
    pub fn of(matches: &ArgMatches, world: &World) -> Result<Self> {
        let set = |id: &str| matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or(false);
        let format = if set(name::JSON) {
            Format::Json
        } else if set(name::CSV) && set(name::RAW) {
            Format::RawCsv
        } else if set(name::CSV) {
            Format::Csv
        } else if set(name::QUIET) {
            Format::Ids
        } else {
            Format::Table
        };
        let said = matches.try_get_one::<u64>(name::TIMEOUT).ok().flatten().copied();
        let seconds = match (said, world.setting("TIMEOUT")) {
            (Some(seconds), _) => seconds,
            (None, Some(text)) => text.parse().map_err(|_| {
                Fail::usage(format!("WHEELHOUSE_CLI_TIMEOUT is `{text}`"), "a whole number of seconds")
            })?,
            (None, None) => TIMEOUT_S,
        };
        Ok(Self {
            format,
            yes: set(name::YES),
            context: matches.try_get_one::<String>(name::CONTEXT).ok().flatten().cloned(),
            timeout: (seconds > 0).then(|| Duration::from_secs(seconds)),
        })
    }

    /// No progress and no notices.
    pub fn quiet(&self) -> bool {
        self.format == Format::Ids
    }
}

impl App {
    /// The server that flags, environment and contexts name, in this order. A credential only ever goes to the server it is for.
    pub fn connect(&self, flags: &Flags) -> Result<Connection> {
        let (context, mut entry) = self.entry(flags)?;
        if let Some(token) = self.world.setting("TOKEN") {
            entry.token = Some(token.to_owned());
        }
        if let Some(file) = self.world.setting("CA_FILE") {
            entry.ca_file = Some(PathBuf::from(file));
        }
        let credential = match (entry.token, entry.cookie) {
            (Some(token), _) => Credential::Token(token),
            (None, Some(cookie)) => Credential::Cookie(cookie),
            (None, None) => Credential::None,
        };
        let base = base_of(&entry.url)?;
        let reach = Reach { base: &base, ca_file: entry.ca_file.as_deref(), timeout: flags.timeout };
        let client = Client::new(&reach, credential)?.traced(&self.world);
        Ok(Connection { client, ca_file: entry.ca_file, context })
    }

    fn entry(&self, flags: &Flags) -> Result<(Option<String>, Entry)> {
        if flags.context.is_none()
            && let Some(url) = self.world.setting("URL")
        {
            return Ok((None, Entry { url: url.to_owned(), ..Entry::default() }));
        }
        let contexts = Contexts::load(&self.world.config_file()?)?;
        let named = flags.context.as_deref().or_else(|| self.world.setting("CONTEXT"));
        match named.or(contexts.current.as_deref()) {
            Some(name) => Ok((Some(name.to_owned()), contexts.get(name)?.clone())),
            None => Err(Fail::new(
                Exit::NotSignedIn,
                "cli.no_context",
                "no server is named",
                "`wheelhouse login URL`, or set WHEELHOUSE_CLI_URL and WHEELHOUSE_CLI_TOKEN",
            )),
        }
    }

    /// Send to the server; what a session becomes by it is kept.
    pub fn send(&self, connection: &Connection, ask: Ask<'_>) -> Result<Reply> {
        let sent = connection.client.send(ask, |code| self.spec.hint(code).map(str::to_owned));
        let reply = sent.map_err(|mut fail| {
            if fail.exit == Exit::NotSignedIn && fail.code.starts_with("server.") {
                fail.hint = format!("`wheelhouse login {}`", connection.client.base);
            }
            fail
        })?;
        self.keep(connection, &reply)?;
        Ok(reply)
    }

    /// GET of a target.
    pub fn get(&self, connection: &Connection, target: String) -> Result<Reply> {
        self.send(connection, Ask { method: "GET", target, key: None, payload: Payload::None })
    }

    fn keep(&self, connection: &Connection, reply: &Reply) -> Result<()> {
        let (Some(context), Some(cookie)) = (&connection.context, session_cookie(reply)) else {
            return Ok(());
        };
        if !matches!(connection.client.credential, Credential::Cookie(_)) {
            return Ok(());
        }
        Contexts::change(&self.world.config_file()?, |contexts| {
            if let Some(entry) = contexts.contexts.get_mut(context) {
                entry.cookie = (!cookie.ends_with('=')).then_some(cookie);
            }
            Ok(())
        })
    }
}

/// `name=value` of the session that an answer begins or, without a value, ends.
pub fn session_cookie(reply: &Reply) -> Option<String> {
    reply.headers.get_all("set-cookie").iter().find_map(|value| {
        let pair = value.to_str().ok()?.split(';').next()?.trim();
        pair.split_once('=').filter(|(name, _)| name.ends_with(SESSION_COOKIE))?;
        Some(pair.to_owned())
    })
}

/// Scheme, host and port of a URL: everything that a server's address is.
pub fn base_of(text: &str) -> Result<String> {
    let hint = "a URL is like https://ops.acme.example or http://127.0.0.1:8080";
    let url = url::Url::parse(text).map_err(|e| Fail::usage(format!("`{text}` is no URL: {e}"), hint))?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !bare || !url.username().is_empty() {
        return Err(Fail::usage(format!("`{text}` is not the address of a server"), hint));
    }
    Ok(url.origin().ascii_serialization())
}
