//! On a terminal there are colours, a width and questions; with `NO_COLOR`, or in a pipe, there are none. `script` is the terminal.
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use wh_testkit::engines::{EngineKind, must_be_there};

use super::Shell;
use crate::house::{PASSWORD, Site};

/// Whoever shows nothing of what is waited for is ended.
const PATIENCE_S: u32 = 60;

/// A command on a terminal, and somebody in front of it.
pub struct Terminal {
    child: Child,
    typed: ChildStdin,
    shown: ChildStdout,
    said: Vec<u8>,
}

impl Terminal {
    /// The command line. None where there is no `script`; in CI there must be one.
    pub fn open(shell: &Shell, width: u16, variables: &[(&str, &str)], line: &str) -> Option<Self> {
        let binary = env!("CARGO_BIN_EXE_wheelhouse");
        Self::of(shell, width, variables, &format!("\"{binary}\" {line}"))
    }

    /// Any program.
    pub fn of(shell: &Shell, width: u16, variables: &[(&str, &str)], line: &str) -> Option<Self> {
        let line = format!("stty rows 24 cols {width}; timeout --foreground {PATIENCE_S} {line}");
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--echo", "never", "--command", &line, "/dev/null"]);
        command
            .env("XDG_CONFIG_HOME", shell.folder().join("config"))
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .env_remove("COLUMNS");
        command
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            assert!(!must_be_there(), "`script` is missing, so there is no terminal");
            eprintln!("skipped: no `script`, so no terminal");
            return None;
        };
        let (typed, shown) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        Some(Self { child, typed, shown, said: Vec::new() })
    }

    pub fn types(&mut self, text: &str) {
        self.typed.write_all(text.as_bytes()).expect("it reads");
    }

    /// Wait until this stands there.
    pub fn shows(&mut self, text: &str) {
        while !self.said().contains(text) {
            let mut bytes = [0; 4096];
            let count = self.shown.read(&mut bytes).expect("a terminal");
            assert!(count > 0, "no {text:?} in {}", self.said());
            self.said.extend_from_slice(&bytes[..count]);
        }
    }

    /// All that stood there so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.said).into_owned()
    }

    /// Type nothing more; all that stood there in the end.
    pub fn ended(mut self) -> String {
        drop(self.typed);
        self.shown.read_to_end(&mut self.said).expect("a terminal");
        self.child.wait().expect("it ends");
        String::from_utf8_lossy(&self.said).into_owned()
    }
}

/// What a terminal of this width shows while a command runs and somebody types.
pub fn shown(
    shell: &Shell,
    width: u16,
    variables: &[(&str, &str)],
    line: &str,
    typed: &str,
) -> Option<String> {
    let mut terminal = Terminal::open(shell, width, variables, line)?;
    terminal.types(typed);
    Some(terminal.ended())
}

#[test]
fn colours_width_and_questions_on_a_terminal_only() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let owner = house.set_up();
    let id = owner.panel("A title that is much longer than a narrow terminal has room for, so it is cut");
    let shell = Shell::signed_in(&house, "olga@acme.example");
    let Some(coloured) = shown(&shell, 72, &[], "panel list", "") else { return };
    assert!(coloured.contains("\u{1b}[1m"), "{coloured}");
    assert!(coloured.contains(&id) && coloured.contains('…'), "{coloured}");
    let plain = shown(&shell, 72, &[("NO_COLOR", "1")], "panel list", "").unwrap();
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let table = plain.lines().filter(|line| line.contains(&id) || line.starts_with("ID "));
    assert!(
        table.clone().count() == 2 && table.into_iter().all(|line| line.trim_end().chars().count() <= 72),
        "{plain}"
    );
    let piped = shell.run(&["panel", "list"]).good();
    assert!(!piped.contains('\u{1b}') && !piped.contains('…'), "{piped}");
    let failed = shown(&shell, 72, &[("NO_COLOR", "1")], "panel get nothing", "").unwrap();
    assert!(failed.contains("cli.name_unknown") && !failed.contains('\u{1b}'), "{failed}");

    let kept = shown(&shell, 72, &[], &format!("panel delete {id}"), "n\n").unwrap();
    assert!(kept.contains("[y/N]") && kept.contains("nothing was done"), "{kept}");
    shell.run(&["panel", "get", &id]).good();
    let gone = shown(&shell, 72, &[], &format!("panel delete {id}"), "y\n").unwrap();
    assert!(gone.contains("done"), "{gone}");
    shell.run(&["panel", "get", &id]).bad(5, "panels.not_found");

    // The context is somebody's.
    house.invite(&owner, "viewer");
    let login =
        format!("login http://{} --name here --email viewer@acme.example --password-stdin", house.address);
    let kept = shown(&shell, 200, &[], &login, &format!("{PASSWORD}\nn\n")).unwrap();
    assert!(kept.contains("as olga@acme.example") && kept.contains("nothing was done"), "{kept}");
    assert_eq!(shell.run(&["me", "get", "--json"]).json()["user"]["email"], "olga@acme.example");
    let taken = shown(&shell, 200, &[], &login, &format!("{PASSWORD}\ny\n")).unwrap();
    assert!(taken.contains("Signed in to"), "{taken}");
    assert_eq!(shell.run(&["me", "get", "--json"]).json()["user"]["email"], "viewer@acme.example");
}
