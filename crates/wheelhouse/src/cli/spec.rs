//! `wheelhouse spec`: what is generated from the operations. Needs no database and no data folder.
use clap::Subcommand;
use wh_base::Result;

use crate::{compose, print};

/// What can be printed.
#[derive(Subcommand)]
pub enum Verb {
    /// The OpenAPI document
    Openapi,
    /// The table of error codes
    Errors,
    /// The permissions and the roles that hold them
    Permissions,
}

/// Print it.
pub async fn run(verb: &Verb) -> Result<()> {
    let documents = compose::documents().await?;
    print::text(match verb {
        Verb::Openapi => &documents.openapi,
        Verb::Errors => &documents.errors,
        Verb::Permissions => &documents.permissions,
    });
    Ok(())
}
