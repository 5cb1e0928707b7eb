//! `wheelhouse config default` and `wheelhouse config check`.
use clap::Subcommand;
use wh_base::Result;
use wh_base::config::default_file;

use super::CommonFlags;
use crate::print;
use crate::settings::{SECTIONS, Settings};

/// What can be done with the configuration.
#[derive(Subcommand)]
pub enum Verb {
    /// Print the commented default file
    Default,
    /// Read file, environment and flags; name everything that is wrong with file, line and nearest key
    Check(CommonFlags),
}

/// Do it.
pub fn run(verb: &Verb) -> Result<()> {
    match verb {
        Verb::Default => print::text(&default_file(SECTIONS)),
        Verb::Check(flags) => {
            let settings = Settings::load(&flags.sources())?;
            settings.check()?;
            match &settings.file {
                Some(file) => print::line(&format!("{} is right", file.display())),
                None => print::line("no configuration file; defaults and environment are right"),
            }
        }
    }
    Ok(())
}
