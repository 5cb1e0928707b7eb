//! How fast a data folder is backed up beside its running server, and how fast it comes back.
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::Arguments;
use crate::data;
use crate::figures::Figures;
use crate::server::Server;
use crate::session::Session;

const ROWS: usize = 1_000_000;
const PANELS: usize = 4;
const ROUNDS: usize = 3;

/// `backup.mb_per_s`, `backup.again` (nothing new), `restore.mb_per_s`: megabytes of the data folder, the median round.
/// `backup.written_mb`: what lies in the place then. No two panels have a row in common: what is the same is kept once.
pub async fn measure(arguments: &Arguments, figures: &mut Figures) -> Result<()> {
    let (data_dir, vault) = (data::folder()?, data::folder()?);
    let server = Server::start(&arguments.binary, data_dir.path())?;
    let mut session = Session::set_up(&server).await?;
    for n in 0..PANELS {
        let panel = session.panel(&format!("flights {n}")).await?;
        let csv = data::flights_of(&arguments.flights, ROWS, n)?;
        session.import(&panel, data::pieces(&csv)).await?;
    }
    let key = vault.path().join("key");
    let run = |verb: &str, place: &Path, rest: &[&str]| -> Result<Duration> {
        let began = Instant::now();
        let mut command = Command::new(&arguments.binary);
        command.args(["backup", verb, "--data-dir"]).arg(data_dir.path()).arg("--target").arg(place);
        let status = command.arg("--key-file").arg(&key).args(rest).stdout(Stdio::null()).status()?;
        ensure!(status.success(), "backup {verb} failed");
        Ok(began.elapsed())
    };
    let made =
        Command::new(&arguments.binary).args(["backup", "key"]).arg(&key).stderr(Stdio::null()).status()?;
    ensure!(made.success(), "no key");
    let megabytes = size(data_dir.path())? as f64 / 1e6;
    let (mut backup, mut restore, mut again, mut written) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for round in 0..ROUNDS {
        let (place, into) = (vault.path().join(format!("place{round}")), vault.path().join("into"));
        backup.push(megabytes / run("create", &place, &[])?.as_secs_f64());
        written = size(&place)?;
        again.push(run("create", &place, &[])?);
        let flags = ["--into", into.to_str().context("a path")?];
        restore.push(megabytes / run("restore", &place, &flags)?.as_secs_f64());
        std::fs::remove_dir_all(&into)?;
        std::fs::remove_dir_all(&place)?;
    }
    figures.value("backup.mb_per_s", "MB/s", ROUNDS, median(backup));
    figures.value("backup.written_mb", "MB", 1, written as f64 / 1e6);
    figures.times("backup.again", again);
    figures.value("restore.mb_per_s", "MB/s", ROUNDS, median(restore));
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
