//! The systemd unit: systemd itself reads it and says how exposed it leaves the service; its commands are run on a read-only
//! machine under its rules for system calls, without systemd as process 1.
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::cluster::{Process, free_port};
use super::image::PATH;
use super::{Place, Scratch, said, told};
use crate::run::{answers, command};

/// The highest exposure that is accepted, in tenths; docs/install.md names it and the score of today.
const EXPOSURE_MAX: &str = "15";
/// Becomes a program under what the unit says of system calls.
const CONFINE: &str = include_str!("confine.py");
/// Makes everything read-only but the data folder, then becomes the program: $1 the folder above it, the rest the command.
const CONTAIN: &str = "set -e; root=$1; shift; mount --bind \"$root\" \"$root\"; \
                       mount --bind \"$root/data\" \"$root/data\"; mount -o remount,bind,ro \"$root\"; \
                       mount -o remount,bind,ro /; exec \"$@\"";
/// Nobody, as systemd's user of the moment.
const USER: u32 = 65_532;
/// How long a start may take on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(2);

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
    let commands = programs(place, &unit)?;
    if !place.is_root()? {
        return place.without("root, which makes namespaces and mounts for the unit's trial");
    }
    if !cfg!(target_arch = "x86_64") {
        place.testbed.skip("a machine of x86-64, whose numbers of system calls the unit's trial knows");
        return Ok(());
    }
    Trial::prepare(place, &scratch.0)?.run(&commands)
}

/// Every command of the unit that is ours is one that the binary knows.
fn programs<'a>(place: &Place<'_>, unit: &'a str) -> Result<Vec<&'a str>> {
    let commands: Vec<&str> = unit
        .lines()
        .filter(|line| line.starts_with("ExecStart"))
        .filter_map(|line| line.split_once("=/usr/local/bin/wheelhouse ").map(|(_, rest)| rest))
        .collect();
    ensure!(commands.len() == 2, "the unit runs a check and the server, not {commands:?}");
    commands.iter().try_for_each(|words| place.knows(words))?;
    Ok(commands)
}

/// A machine as the unit leaves it, for its programs. The folder holds the unit, the binary and a data folder.
struct Trial<'a> {
    folder: &'a Path,
    python: PathBuf,
    binary: PathBuf,
    listen: String,
}

impl<'a> Trial<'a> {
    fn prepare(place: &Place<'_>, folder: &'a Path) -> Result<Self> {
        let (binary, data) = (folder.join("wheelhouse"), folder.join("data"));
        fs::copy(&place.binary, &binary)?;
        fs::create_dir(&data)?;
        chown(&data, Some(USER), Some(USER))?;
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        Ok(Self { folder, python: place.testbed.tool("python"), binary, listen })
    }

    /// A program as the unit's rules let it be.
    fn confined(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = command("unshare", &["--mount", "sh", "-c", CONTAIN, "sh"], self.folder);
        command.arg(self.folder).arg(&self.python).args(["-c", CONFINE, "wheelhouse.service"]);
        command.arg(USER.to_string()).arg(program).args(words);
        command.env_clear().env("PATH", PATH).env("WHEELHOUSE_SERVER_LISTEN", &self.listen);
        command
    }

    /// The check before the start ends well; the server becomes ready and ends well when it is asked to.
    fn run(&self, commands: &[&str]) -> Result<()> {
        let control = told(&mut self.confined(Path::new("/usr/bin/unshare"), &["--user", "true"]))?;
        ensure!(
            !control.well && control.errors.contains("Operation not permitted"),
            "a namespace can be made, so the unit's rules are not in force: {}",
            control.errors
        );
        let here = self.folder.join("data").to_string_lossy().into_owned();
        for words in commands {
            let words: Vec<&str> = words
                .split(' ')
                .map(|word| if word == "/var/lib/wheelhouse" { here.as_str() } else { word })
                .collect();
            let mut confined = self.confined(&self.binary, &words);
            if words.first() == Some(&"serve") {
                self.serve(&mut confined, &here)?;
            } else {
                said(&mut confined)?;
            }
        }
        Ok(())
    }

    fn serve(&self, confined: &mut Command, data: &str) -> Result<()> {
        let log = self.folder.join("server.log");
        let mut server = Process::start(confined, &log)?;
        let began = Instant::now();
        loop {
            let mut asked = command(&self.binary, &["healthcheck", "--data-dir", data], self.folder);
            if told(asked.env_clear().env("WHEELHOUSE_SERVER_LISTEN", &self.listen))?.well {
                break;
            }
            if let Some(status) = server.0.try_wait()? {
                bail!("under the unit's rules the server ended with {status}: {}", fs::read_to_string(&log)?);
            }
            ensure!(began.elapsed() < READY_WITHIN, "not ready after {} s", READY_WITHIN.as_secs());
            std::thread::sleep(Duration::from_millis(100));
        }
        // The programs before it became it, one after the other.
        said(Command::new("kill").args(["-TERM", &server.0.id().to_string()]))?;
        let status = server.0.wait()?;
        ensure!(status.success(), "it ended with {status} after SIGTERM: {}", fs::read_to_string(&log)?);
        Ok(())
    }
}
