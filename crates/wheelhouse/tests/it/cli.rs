//! The command line as a user types it, against a running server: the real binary on both sides.
mod browser;
mod contexts;
mod help;
mod keys;
mod output;
mod pages;
mod problems;
mod terminal;
mod uploads;
mod walk;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::house::{House, PASSWORD, wheelhouse};

/// Somebody at a shell, with a home of their own.
pub struct Shell {
    home: tempfile::TempDir,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Shell {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a home") }
    }

    /// Signed in as somebody.
    pub fn signed_in(house: &House, email: &str) -> Self {
        let shell = Self::new();
        shell.sign_in(house, email, "here").good();
        shell
    }

    pub fn sign_in(&self, house: &House, email: &str, name: &str) -> Said {
        let url = format!("http://{}", house.address);
        self.fed(&["login", &url, "--name", name, "--email", email, "--password-stdin"], PASSWORD)
    }

    pub fn config(&self) -> PathBuf {
        self.home.path().join("config/wheelhouse/cli.toml")
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let file = self.home.path().join(name);
        std::fs::write(&file, text).expect("a file");
        file.to_string_lossy().into_owned()
    }

    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    pub fn command(&self) -> Command {
        let mut command = wheelhouse();
        command
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .current_dir(self.home.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        said(self.command().args(arguments))
    }

    pub fn with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
        said(self.command().envs(variables.iter().copied()).args(arguments))
    }

    /// With a text on standard input.
    pub fn fed(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self.spawn(arguments, Stdio::piped());
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        read(&output)
    }

    pub fn spawn(&self, arguments: &[&str], stdin: Stdio) -> Child {
        let mut command = self.command();
        command.args(arguments).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("it starts")
    }
}

fn said(command: &mut Command) -> Said {
    read(&command.output().expect("it starts"))
}

pub fn read(output: &std::process::Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Said {
    /// It went well; what it printed.
    #[track_caller]
    pub fn good(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.err, self.out);
        self.out
    }

    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.good();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// It failed so.
    #[track_caller]
    pub fn bad(self, code: i32, problem: &str) -> String {
        assert_eq!(self.code, code, "{}\n{}", self.err, self.out);
        assert!(self.err.contains(problem), "`{problem}` in {}", self.err);
        self.err
    }
}
