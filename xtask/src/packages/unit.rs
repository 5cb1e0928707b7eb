//! The systemd unit: systemd itself reads it and says how exposed it leaves the service.
use std::fs;

use anyhow::{Result, ensure};

use super::{Place, Scratch, said, told};
use crate::run::{answers, command};

/// The highest exposure that is accepted, in tenths; docs/install.md names it and the score of today.
const EXPOSURE_MAX: &str = "15";

pub(super) fn check(place: &Place<'_>) -> Result<()> {
    if !answers("systemd-analyze", "--version") {
        return place.without("systemd-analyze");
    }
    let unit = fs::read_to_string(place.root.join("packages/systemd/wheelhouse.service"))?;
    let scratch = Scratch::new("unit")?;
    // It is read with the binary of the tests in its place: systemd looks whether a program is there.
    let copy = scratch.0.join("wheelhouse.service");
    fs::write(&copy, unit.replace("/usr/local/bin/wheelhouse", &place.binary.to_string_lossy()))?;
    let path = copy.to_string_lossy().into_owned();
    let verified = told(&mut command("systemd-analyze", &["verify", "--man=no", &path], &scratch.0))?;
    ensure!(
        verified.well && !verified.errors.contains("wheelhouse.service:"),
        "systemd does not take the unit: {}",
        verified.errors
    );
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let arguments = ["security", "--offline=true", "--no-pager", &threshold, &path];
    let scored = said(&mut command("systemd-analyze", &arguments, &scratch.0))?;
    eprintln!("packages: {}", scored.words.lines().last().unwrap_or_default());
    programs(place, &unit)
}

/// Every command of the unit that is ours is one that the binary knows.
fn programs(place: &Place<'_>, unit: &str) -> Result<()> {
    let commands: Vec<&str> = unit
        .lines()
        .filter(|line| line.starts_with("ExecStart"))
        .filter_map(|line| line.split_once("=/usr/local/bin/wheelhouse ").map(|(_, rest)| rest))
        .collect();
    ensure!(commands.len() == 2, "the unit runs a check and the server, not {commands:?}");
    commands.into_iter().try_for_each(|words| place.knows(words))
}
