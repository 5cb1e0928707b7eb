//! The server under measurement: started on a folder of its own, ended by its process id, looked at through /proc.
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// The one-time setup token, on an empty data folder.
    pub setup_token: Option<String>,
}

impl Server {
    /// Start it on this data folder and wait for its URL.
    pub fn start(binary: &Path, data: &Path) -> Result<Self> {
        Self::start_with(binary, data, &[])
    }

    /// The same with settings in its environment.
    pub fn start_with(binary: &Path, data: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        let mut command = Self::command(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.envs(settings.iter().copied());
        Self::run(command)
    }

    /// A command without the settings of the environment: logs as it is delivered, to where nobody reads.
    pub fn command(program: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WHEELHOUSE_"))
        {
            command.env_remove(name);
        }
        // All clients are of one address here; elsewhere so many would be of several.
        command.env("WHEELHOUSE_SERVER_CONNECTIONS_PER_ADDRESS_MAX", "4096");
        command.stderr(Stdio::null());
        command
    }

    /// Run a command that becomes a server, and wait for its URL.
    pub fn run(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let url = loop {
            match lines.next() {
                Some(line) => {
                    let line = line?;
                    let url = line.split_once("http://").or_else(|| line.split_once("https://"));
                    if let Some((_, rest)) = url {
                        break rest.to_owned();
                    }
                }
                None => bail!("the server ended before it was ready"),
            }
        };
        let (address, rest) = url.split_once('/').unwrap_or((&url, ""));
        let setup_token = rest.split_once('#').map(|(_, token)| token.trim().to_owned());
        Ok(Self { child, address: address.parse()?, setup_token })
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes.
    pub fn rss(&self) -> Result<u64> {
        self.status_kb("VmRSS:").map(|kb| kb * 1024)
    }

    /// The most memory it ever had resident, in bytes.
    pub fn rss_peak(&self) -> Result<u64> {
        self.status_kb("VmHWM:").map(|kb| kb * 1024)
    }

    /// Let the peak start again from what is resident now.
    pub fn reset_peak(&self) -> Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    /// Processor time it has used, user and system.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, rest) = stat.rsplit_once(')').context("stat")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    fn status_kb(&self, key: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix(key)).context("no such line in status")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is gone already is as good as one that was ended.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
