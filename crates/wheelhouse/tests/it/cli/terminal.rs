//! On a terminal there are colours, a width and questions; with `NO_COLOR`, or in a pipe, there are none. `script` is the terminal.
use std::io::Write;
use std::process::{Command, Stdio};

use wh_testkit::engines::EngineKind;

use super::Shell;
use crate::house::{PASSWORD, Site};

/// What a terminal of this width shows while a command runs and somebody types.
fn shown(shell: &Shell, width: u16, variables: &[(&str, &str)], line: &str, typed: &str) -> Option<String> {
    let line = format!("stty rows 24 cols {width}; \"{}\" {line}", env!("CARGO_BIN_EXE_wheelhouse"));
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
        eprintln!("skipped: no `script`, so no terminal");
        return None;
    };
    child.stdin.take().expect("piped").write_all(typed.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
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
