//! Completion scripts and manual pages of the whole command. Speaks to no server.
mod contexts;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::{ArgMatches, Command};
use clap_complete::{Shell, generate};

use crate::fail::{Fail, Result};
use crate::terminal;

/// What the program is called.
const PROGRAM: &str = "wheelhouse";

/// `wheelhouse completion SHELL`.
pub fn completion(command: Command, matches: &ArgMatches) -> Result<()> {
    let shell = match matches.get_one::<String>("shell").map(String::as_str) {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => Shell::Bash,
    };
    let mut made = Vec::new();
    generate(shell, &mut contexts::marked(command), PROGRAM, &mut made);
    let script = contexts::completed(shell, &String::from_utf8_lossy(&made));
    std::io::stdout().write_all(script.as_bytes()).map_err(|e| Fail::output(&e))
}

/// `wheelhouse man DIR`.
pub fn manual(mut command: Command, matches: &ArgMatches) -> Result<()> {
    let dir = matches.get_one::<PathBuf>("dir").cloned().unwrap_or_default();
    let failed = |e: std::io::Error| Fail::file(dir.display(), &e);
    fs::create_dir_all(&dir).map_err(failed)?;
    command.build();
    let pages = write_pages(&command, PROGRAM, &dir).map_err(failed)?;
    terminal::notice(&format!("{pages} manual pages are in {}", dir.display()));
    Ok(())
}

/// One page for a command and each below it, called by their way: `wheelhouse-panel-list.1`.
fn write_pages(command: &Command, way: &str, dir: &std::path::Path) -> std::io::Result<usize> {
    let mut page = Vec::new();
    let named = command.clone().name(way.to_owned()).disable_help_subcommand(true);
    clap_mangen::Man::new(named).manual("Wheelhouse").render(&mut page)?;
    fs::write(dir.join(format!("{way}.1")), page)?;
    let mut pages = 1;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        pages += write_pages(sub, &format!("{way}-{}", sub.get_name()), dir)?;
    }
    Ok(pages)
}
