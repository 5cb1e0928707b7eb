//! The command line: the commands of this machine; every other word is an operation of a server (`wh-cli`).
mod backup;
mod config;
mod database;
mod spec;

pub use backup::scratch_dir;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, CommandFactory, Parser, Subcommand};
use url::Url;
use wh_base::{OsRandom, Result, Secret, codes};
use wh_cli::World;

use crate::doctor;
use crate::healthcheck::{self, Question};
use crate::serve;
use crate::settings::Sources;

#[derive(Parser)]
#[command(name = "wheelhouse", version, about = "The operations control plane of a company in one binary")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Start the server; prints one URL
    Serve(ServeFlags),
    /// Print a new one-time setup link (1 hour); works while the server runs
    SetupLink(CommonFlags),
    /// Look at everything a server stands on; say what is wrong and what to do
    Doctor {
        #[command(flatten)]
        flags: ServeFlags,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Ask the server that runs with the same settings on this machine whether it is ready; exit code 1 when not
    Healthcheck {
        #[command(flatten)]
        flags: ServeFlags,
        /// Only whether the process answers
        #[arg(long)]
        alive: bool,
    },
    /// Show or check the configuration
    #[command(subcommand)]
    Config(config::Verb),
    /// Back up database and objects, prove backups, restore them
    #[command(subcommand)]
    Backup(backup::Verb),
    /// Prepare a database
    #[command(subcommand)]
    Db(database::Verb),
    /// Print what is generated from the operations
    #[command(subcommand)]
    Spec(spec::Verb),
}

/// Where settings come from.
#[derive(Args, Clone, Debug)]
struct CommonFlags {
    /// Folder of database and objects [default: ./data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Configuration file [default: wheelhouse.toml in the data folder, where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

// The settings of a server that a command line may set; whoever looks at a server takes the same.
#[derive(Args, Debug)]
struct ServeFlags {
    #[command(flatten)]
    common: CommonFlags,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

impl CommonFlags {
    fn sources(&self) -> Sources {
        let mut flags = Vec::new();
        if let Some(folder) = &self.data_dir {
            flags.push(("data.dir", folder.to_string_lossy().into_owned()));
        }
        Sources { file: self.config.clone(), flags }
    }
}

impl ServeFlags {
    fn sources(self) -> Sources {
        let mut sources = self.common.sources();
        sources.flags.extend(self.listen.map(|listen| ("server.listen", listen)));
        sources
    }
}

/// Read the command line and do what it says. A command of this machine never reads the spec.
pub fn run() -> Result<ExitCode> {
    let local = Cli::command();
    let first = std::env::args_os().nth(1).unwrap_or_default();
    if local.get_subcommands().any(|command| first == command.get_name()) {
        return here(Cli::parse().verb).map(|()| ExitCode::SUCCESS);
    }
    // Variables of other programs may hold anything; ours are text.
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let world = World {
        arguments: std::env::args_os().collect(),
        variables: std::env::vars_os().filter_map(text).collect(),
        random: Arc::new(OsRandom),
    };
    Ok(wh_cli::run(local, world))
}

fn here(verb: Verb) -> Result<()> {
    match verb {
        Verb::Serve(flags) => {
            let runtime = runtime()?;
            let outcome = runtime.block_on(serve::serve(&flags.sources()));
            // Dropped, it would wait without limit for what blocks, such as a statement or a disk that does not answer.
            runtime.shutdown_timeout(serve::deadline::BLOCKED_MAX);
            outcome
        }
        Verb::SetupLink(flags) => runtime()?.block_on(serve::setup_link(&flags.sources())),
        Verb::Doctor { flags, json } => {
            let telling = if json { doctor::Telling::Json } else { doctor::Telling::Lines };
            runtime()?.block_on(doctor::run(&flags.sources(), telling))
        }
        Verb::Healthcheck { flags, alive } => {
            let question = if alive { Question::Alive } else { Question::Ready };
            healthcheck::run(&flags.sources(), question)
        }
        Verb::Config(verb) => config::run(&verb),
        Verb::Backup(verb) => backup::run(&verb),
        Verb::Db(verb) => runtime()?.block_on(database::run(&verb)),
        Verb::Spec(verb) => runtime()?.block_on(spec::run(&verb)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| codes::INTERNAL.caused("the runtime did not start", e))
}

/// The URL that a flag gave, with the password of a file; a line end behind it is not part of it.
fn with_password(url: &str, file: &Path, flag: &str) -> Result<Secret<String>> {
    let password = std::fs::read_to_string(file)
        .map_err(|e| codes::CONFIG.caused(format!("cannot read the password from {}", file.display()), e))?;
    let password = password.trim_end_matches(['\r', '\n']);
    let mut whole =
        Url::parse(url).map_err(|e| codes::CONFIG.caused(format!("{flag} is not a URL of one server"), e))?;
    let twice = whole.password().is_some() || whole.query_pairs().any(|(key, _)| key == "password");
    if password.is_empty() || twice || whole.set_password(Some(password)).is_err() {
        let message = format!(
            "where a file brings the password, the file holds one, and {flag} names user and host without one"
        );
        return Err(codes::CONFIG.error(message));
    }
    Ok(Secret::new(whole.into()))
}
