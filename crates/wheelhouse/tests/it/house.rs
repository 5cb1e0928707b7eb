//! A running Wheelhouse for tests: the real binary on either engine, its people, its death.
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use wh_testkit::engines::{EngineKind, engines, shared};

use crate::http::{Answer, Ask, send};

/// The password of everybody in these tests.
pub const PASSWORD: &str = "a long enough pass phrase 7";

/// A data folder, prepared for an engine; servers come and go on it.
pub struct Site {
    /// The engine.
    pub kind: EngineKind,
    /// The folder; removed when neither this nor a server on it is left.
    pub folder: Arc<tempfile::TempDir>,
}

/// A running server.
pub struct House {
    child: Child,
    /// Kept for as long as the server runs on it.
    folder: Option<Arc<tempfile::TempDir>>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The one-time token, when nobody has set it up yet.
    pub setup_token: Option<String>,
}

/// Somebody signed in.
#[derive(Clone)]
pub struct Person {
    /// `Cookie: …` line with its end; empty for nobody.
    pub cookie: String,
    /// Where the server listens.
    pub address: SocketAddr,
}

/// The binary under test, free of the environment's settings.
pub fn wheelhouse() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wheelhouse"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WHEELHOUSE_"))
    {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).env("WHEELHOUSE_LOG_LEVEL", "error");
    command
}

/// A prepared folder for each engine of this machine.
pub fn sites() -> Vec<Site> {
    engines().into_iter().map(Site::new).collect()
}

impl Site {
    /// A new folder; on PostgreSQL with a database and logins of its own, made by `db init`.
    pub fn new(kind: EngineKind) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let folder = tempfile::tempdir().expect("a temporary folder");
        if kind == EngineKind::Postgres {
            let server = shared().expect("engines() gave it");
            let name = format!("whit_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
            let output = wheelhouse()
                .args([
                    "db",
                    "init",
                    "--admin-url",
                    server.admin_url(),
                    "--database",
                    &name,
                    "--login-prefix",
                    &name,
                ])
                .arg("--data-dir")
                .arg(folder.path())
                .output()
                .expect("db init starts");
            assert!(output.status.success(), "db init: {}", String::from_utf8_lossy(&output.stderr));
        }
        Self { kind, folder: Arc::new(folder) }
    }

    /// Start a server on it.
    pub fn start(&self) -> House {
        let mut house = House::start_with(self.folder.path(), &[]);
        house.folder = Some(Arc::clone(&self.folder));
        house
    }
}

impl House {
    /// Start on a folder with further settings, and wait until it is ready.
    pub fn start_with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = wheelhouse();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder);
        for (name, value) in settings {
            command.env(name, value);
        }
        Self::started(command)
    }

    /// Run a command that becomes a server, and wait until it is ready.
    pub fn started(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next().expect("it prints one line").expect("text");
        let url = line.split("://").nth(1).unwrap_or_else(|| panic!("no URL in `{line}`"));
        let (address, rest) = url.split_once('/').unwrap_or((url, ""));
        let setup_token = rest.split_once('#').map(|(_, token)| token.trim().to_owned());
        Self { child, folder: None, address: address.parse().expect("an address"), setup_token }
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// End it at once, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Ask it to end, and wait.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal_terminate();
        self.child.wait().expect("it ends")
    }

    /// Only ask.
    pub fn signal_terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(status.expect("kill starts").success());
    }

    /// Nobody.
    pub fn nobody(&self) -> Person {
        Person { cookie: String::new(), address: self.address }
    }

    /// Set the house up; its owner.
    pub fn set_up(&self) -> Person {
        let token = self.setup_token.as_deref().expect("not set up yet");
        let body = json!({ "token": token, "company": "Acme", "name": "Olga Owner", "email": "olga@acme.example", "password": PASSWORD });
        self.enter("/v1/identity/setup", &body)
    }

    /// Somebody with a role, by invitation of the owner.
    pub fn invite(&self, owner: &Person, role: &str) -> Person {
        let email = format!("{role}@acme.example");
        let made = owner.post("/v1/identity/invitations", &json!({ "email": email, "role": role }));
        assert_eq!(made.status, 201, "{}", made.text());
        let body = json!({ "token": made.json()["token"], "name": role, "password": PASSWORD });
        self.enter("/v1/identity/invitations/accept", &body)
    }

    /// Sign in.
    pub fn sign_in(&self, email: &str) -> Person {
        self.enter("/v1/identity/sessions", &json!({ "email": email, "password": PASSWORD }))
    }

    fn enter(&self, path: &str, body: &Value) -> Person {
        let answer = self.nobody().post(path, body);
        assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        let cookie = answer.cookie().expect("a cookie");
        Person { cookie: format!("Cookie: {cookie}\r\n"), address: self.address }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // A server that has ended already is what we want.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Person {
    /// Send with this person's cookie; an error when the server went away.
    pub fn try_send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> std::io::Result<Answer> {
        send(self.address, &Ask { method, path, headers: format!("{}{headers}", self.cookie), body })
    }

    /// The same, the server being there.
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        self.try_send(method, path, headers, body).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    /// GET.
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", b"")
    }

    /// POST with JSON.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call("POST", path, Some(body))
    }

    /// Any method with JSON or without a body.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        match body {
            Some(body) => {
                self.send(method, path, "Content-Type: application/json\r\n", body.to_string().as_bytes())
            }
            None => self.send(method, path, "", b""),
        }
    }

    /// Make a panel; its id.
    pub fn panel(&self, title: &str) -> String {
        let made = self.post("/v1/panels", &json!({ "title": title }));
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Fill a panel.
    pub fn import(&self, panel: &str, mode: &str, csv: &[u8]) -> Answer {
        self.send(
            "POST",
            &format!("/v1/panels/{panel}/imports?mode={mode}"),
            "Content-Type: text/csv\r\n",
            csv,
        )
    }
}
