//! Slow clients on HTTP/1.1: the four modes of `slowhttptest`, a program of its own.
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = "slowhttptest";

/// One way of being slow.
pub struct Slow {
    /// In one word.
    pub name: &'static str,
    arguments: &'static [&'static str],
    path: &'static str,
}

/// All four.
pub const SLOW: [Slow; 4] = [
    Slow { name: "slow_heads", arguments: &["-H", "-i", "1"], path: "/v1/panels" },
    Slow {
        name: "slow_bodies",
        arguments: &["-B", "-i", "1", "-s", "100000"],
        path: "/v1/identity/sessions",
    },
    Slow { name: "many_ranges", arguments: &["-R", "-a", "10", "-b", "3000"], path: "/v1/openapi.json" },
    Slow {
        name: "slow_reading",
        arguments: &["-X", "-w", "1", "-y", "8", "-n", "1", "-z", "1", "-k", "5"],
        path: "/v1/openapi.json",
    },
];

/// Whether the program is installed.
pub fn slowhttptest_is_there() -> bool {
    Command::new(PROGRAM).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

impl Slow {
    /// The attack: so many connections, all opened within a second, kept for this long (whole seconds) or until the server has
    /// ended every one of them.
    pub fn command(&self, address: SocketAddr, connections: u32, duration: Duration) -> Command {
        let connections = connections.to_string();
        let seconds = duration.as_secs().max(1).to_string();
        let mut command = Command::new(PROGRAM);
        command.args(self.arguments).args(["-c", &connections, "-r", &connections, "-l", &seconds]);
        command.arg("-u").arg(format!("http://{address}{}", self.path));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}
