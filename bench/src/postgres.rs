//! A PostgreSQL of the benchmark's own. Skipped by name where none is installed.
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use wh_testkit::engines::PostgresServer;

/// A running one, with the server's configuration pointing at it.
pub struct Postgres {
    running: PostgresServer,
}

impl Postgres {
    /// Start one and let `wheelhouse db init` prepare it; none where PostgreSQL is not installed.
    pub fn start(binary: &Path, data: &Path) -> Result<Option<Self>> {
        let Some(running) = PostgresServer::start_durable()? else {
            eprintln!("skipped for want of PostgreSQL 15");
            return Ok(None);
        };
        let status = Command::new(binary)
            .args(["db", "init", "--admin-url", running.admin_url()])
            .arg("--data-dir")
            .arg(data)
            .status()
            .context("db init")?;
        ensure!(status.success(), "db init failed");
        Ok(Some(Self { running }))
    }

    /// End it as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        Ok(self.running.kill()?)
    }

    /// Run it again, and wait until it takes connections.
    pub fn run_again(&mut self) -> Result<()> {
        Ok(self.running.run_again()?)
    }
}
