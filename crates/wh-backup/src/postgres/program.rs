//! How a program of PostgreSQL is found, called, stopped and heard; and what it is told of a URL. Knows no backup.
use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use wh_base::{Result, Secret};

use crate::codes;
use crate::stop::Stop;

/// Where Debian keeps the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Of a failed program's words.
const WORDS_BYTES_MAX: u64 = 4_096;
/// Time between two looks whether a program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A program of PostgreSQL with its arguments. The password goes through the environment: arguments are for all to see.
pub(super) struct Tool {
    name: &'static str,
    program: PathBuf,
    command: Command,
    stop: Stop,
}

impl Tool {
    /// One that speaks to the server of a URL.
    pub(super) fn new(name: &'static str, url: &Secret<String>, stop: &Stop) -> Result<Self> {
        let mut tool = Self::without_server(name, stop)?;
        let (target, password) = without_password(url)?;
        tool.command.envs(wh_db::tls_of_programs(url)?);
        if let Some(password) = password {
            tool.command.env("PGPASSWORD", password.expose());
        }
        if name == "pg_dump" {
            tool.command.arg("--dbname").arg(target);
        }
        Ok(tool)
    }

    /// One that reads files only.
    pub(super) fn without_server(name: &'static str, stop: &Stop) -> Result<Self> {
        let program = program(name)?;
        let mut command = Command::new(&program);
        command.stdin(Stdio::null());
        Ok(Self { name, program, command, stop: stop.clone() })
    }

    pub(super) fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(argument);
        self
    }

    pub(super) fn args<const N: usize>(&mut self, arguments: [&str; N]) -> &mut Self {
        self.command.args(arguments);
        self
    }

    /// Run it to its end.
    pub(super) fn run(&mut self) -> Result<()> {
        self.run_while(|| Ok(()))
    }

    /// Run it to its end, or until it must not go on.
    pub(super) fn run_while(&mut self, may_go_on: impl Fn() -> Result<()>) -> Result<()> {
        let name = self.name;
        let failed = |e| codes::TOOL_FAILED.caused(format!("{name} does not start"), e);
        let (mut child, words) = self.started(Stdio::null())?;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                break status;
            }
            if let Err(why) = self.stop.check().and_then(|()| may_go_on()) {
                child.kill().and_then(|()| child.wait()).map_err(failed)?;
                return Err(why);
            }
            std::thread::sleep(LOOK_EVERY);
        };
        self.ended(status, words)
    }

    /// Run it to its end, and read what it prints. Whoever reads looks whether it is to stop: a program whose words nobody takes any more
    /// ends by itself.
    pub(super) fn run_read(&mut self, read: impl FnOnce(ChildStdout) -> std::io::Result<()>) -> Result<()> {
        let name = self.name;
        let (mut child, words) = self.started(Stdio::piped())?;
        let read = child.stdout.take().map_or(Ok(()), read);
        let status =
            child.wait().map_err(|e| codes::TOOL_FAILED.caused(format!("{name} does not end"), e))?;
        self.stop.check()?;
        read.map_err(|e| codes::TOOL_FAILED.caused(format!("{name} cannot be read"), e))?;
        self.ended(status, words)
    }

    fn started(&mut self, stdout: Stdio) -> Result<(Child, JoinHandle<Vec<u8>>)> {
        let name = self.name;
        let spawned = self.command.stdout(stdout).stderr(Stdio::piped()).spawn();
        let mut child =
            spawned.map_err(|e| codes::TOOL_FAILED.caused(format!("{name} does not start"), e))?;
        let stderr = child.stderr.take();
        Ok((child, std::thread::spawn(move || stderr.map(first_words).unwrap_or_default())))
    }

    fn ended(&self, status: ExitStatus, words: JoinHandle<Vec<u8>>) -> Result<()> {
        let words = words.join().unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        let (name, words) = (self.name, String::from_utf8_lossy(&words));
        Err(codes::TOOL_FAILED.error(format!("{name}: {}", words.trim())))
    }

    pub(super) fn version(&self) -> Result<String> {
        let output = Command::new(&self.program).arg("--version").output();
        let output =
            output.map_err(|e| codes::TOOL_FAILED.caused("a program does not say its version", e))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// Its first words say what is wrong; the rest is read away, so that it can end.
fn first_words(mut stderr: impl Read) -> Vec<u8> {
    let mut words = Vec::new();
    let _first = (&mut stderr).take(WORDS_BYTES_MAX).read_to_end(&mut words);
    let _rest = std::io::copy(&mut stderr, &mut std::io::sink());
    words
}

/// On the path, else the newest that Debian installed.
fn program(name: &str) -> Result<PathBuf> {
    match Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(_) => return Ok(PathBuf::from(name)),
        // Where no programs of the machine may be run, those of Debian's own folder may be.
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {}
        Err(e) => return Err(codes::TOOL_FAILED.caused(format!("{name} does not start"), e)),
    }
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse::<u32>().ok()?, version.path())))
        .map(|(version, folder)| (version, folder.join("bin").join(name)))
        .filter(|(_, file)| file.is_file())
        .max();
    newest.map(|(_, file)| file).ok_or_else(|| codes::TOOL_MISSING.error(format!("{name} is not installed")))
}

/// `postgres://user:password@host/database?password=…` without its password, and that. As PostgreSQL has it, the later one counts.
pub(super) fn without_password(url: &Secret<String>) -> Result<(String, Option<Secret<String>>)> {
    let (scheme, rest) = parts(url.expose())?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
    let (user, mut password) = match login.map(|login| login.split_once(':').ok_or(login)) {
        None => (String::new(), None),
        Some(Err(user)) => (format!("{user}@"), None),
        Some(Ok((user, password))) => (format!("{user}@"), Some(percent(password))),
    };
    let mut kept = Vec::new();
    for (key, pair) in pairs(query) {
        match pair.split_once('=') {
            Some((_, value)) if key == "password" => password = Some(percent(value)),
            _ => kept.push(pair),
        }
    }
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    Ok((format!("{scheme}://{user}{place}{query}"), password.map(Secret::new)))
}

/// The same server and login, another database. One that is named behind the question mark would be taken before that in the path.
pub(super) fn with_database(url: &str, name: &str) -> Result<String> {
    let (scheme, rest) = parts(url)?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let place = rest.rsplit_once('/').map_or(rest, |(place, _)| place);
    let kept: Vec<_> = pairs(query).filter(|(key, _)| key != "dbname").map(|(_, pair)| pair).collect();
    let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    Ok(format!("{scheme}://{place}/{name}{query}"))
}

/// What stands behind the question mark, each with its key.
fn pairs(query: &str) -> impl Iterator<Item = (String, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| (percent(pair.split('=').next().unwrap_or_default()), pair))
}

fn parts(url: &str) -> Result<(&str, &str)> {
    url.split_once("://")
        .ok_or_else(|| codes::NOT_CONFIGURED.error("a URL of PostgreSQL begins with postgres://"))
}

/// `%40` is `@`.
fn percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        let (byte, next) = code.map_or((*first, after), |byte| (byte, &after[2..]));
        bytes.push(byte);
        rest = next;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
