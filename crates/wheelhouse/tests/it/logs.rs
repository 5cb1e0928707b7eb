//! What the running server writes: one JSON object per line, no secret at any level, a level that changes while it runs; its
//! own port for figures; the limit of open files.
mod joined;
mod secrets;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::house::{PASSWORD, Person, sites};
use crate::http::Answer;

/// A server whose log goes into a file.
struct Logged {
    child: Child,
    nobody: Person,
    token: Option<String>,
    log: std::path::PathBuf,
}

impl Logged {
    /// Through a shell, so that limits can be set before it.
    fn start(folder: &Path, before: &str, settings: &[(&str, &str)]) -> Self {
        let log = folder.join("log.txt");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_wheelhouse")]);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder);
        command.envs(settings.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(fs::File::create(&log).expect("a file")).spawn().expect("it starts");
        let line = BufReader::new(child.stdout.take().expect("piped")).lines().next();
        let line = line.unwrap_or_else(|| panic!("no line: {:?}", fs::read_to_string(&log))).expect("text");
        let url = line.split("http://").nth(1).expect("a URL");
        let (address, rest) = url.split_once('/').expect("a path");
        let address: SocketAddr = address.parse().expect("an address");
        let token = rest.split_once('#').map(|(_, token)| token.trim().to_owned());
        Self { child, nobody: Person { cookie: String::new(), address }, token, log }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill starts").success());
    }

    /// End it, and give the whole log: every line must be an object.
    fn end(mut self) -> (String, Vec<BTreeMap<String, Value>>) {
        self.signal("-TERM");
        assert!(self.child.wait().expect("it ends").success());
        let text = fs::read_to_string(&self.log).expect("the log");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
        (text.clone(), lines.collect())
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        // A server that has ended already is what we want.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn a_request_is_one_json_line_and_no_line_holds_a_secret_at_any_level() {
    for site in sites() {
        let house = Logged::start(site.folder.path(), "", &[("WHEELHOUSE_LOG_LEVEL", "trace")]);
        let token = house.token.clone().expect("a setup token");
        let body = json!({ "token": token, "company": "Acme", "name": "Olga", "email": "olga@acme.example", "password": PASSWORD });
        let set_up = house.nobody.post("/v1/identity/setup", &body);
        let cookie = set_up.cookie().expect("a cookie");
        let owner = Person { cookie: format!("Cookie: {cookie}\r\n"), ..house.nobody.clone() };
        let wrong = json!({ "email": "olga@acme.example", "password": "wrong guess of hers" });
        house.nobody.post("/v1/identity/sessions", &wrong);
        let invited = owner
            .post("/v1/identity/invitations", &json!({ "email": "a@b.example", "role": "viewer" }))
            .json();
        let forged = owner.get("/v1/panels/x%0a%7B%22level%22:%22ERROR%22%7D?q=%1b%5b31m");
        let panels = owner.get("/v1/panels");
        let (text, lines) = house.end();

        let request = |answer: &Answer| {
            let id = answer.headers["x-request-id"].clone();
            let mut found = lines.iter().filter(|line| {
                line.get("requestId") == Some(&Value::from(id.as_str()))
                    && line["target"] == "wheelhouse::request"
            });
            let line = found.next().unwrap_or_else(|| panic!("{id} is not in {text}")).clone();
            assert!(found.next().is_none(), "one line per request");
            line
        };
        let line = request(&panels);
        for name in
            ["timestamp", "level", "requestId", "userId", "tenantId", "operation", "duration", "success"]
        {
            assert!(line.contains_key(name), "{name} is missing in {line:?}");
        }
        assert_eq!(
            (&line["operation"], &line["success"], &line["status"]),
            (&"panel_list".into(), &true.into(), &200.into())
        );
        assert_eq!(request(&forged)["success"], false);
        assert!(lines.iter().all(|line| line["level"] != "ERROR"), "{text}");

        let session = cookie.split_once('=').expect("a pair").1;
        let invitation = invited["token"].as_str().expect("a token");
        let mut secrets = vec![token.as_str(), PASSWORD, "wrong guess", session, invitation];
        let config = fs::read_to_string(site.folder.path().join("wheelhouse.toml")).unwrap_or_default();
        secrets.extend(
            config
                .lines()
                .filter_map(|line| line.split("://").nth(1)?.split('@').next()?.split_once(':'))
                .map(|(_, password)| password),
        );
        for secret in secrets {
            assert!(!text.contains(secret), "the log holds {secret}");
        }
    }
}

#[test]
fn the_level_changes_by_operation_and_comes_back_by_signal() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("wheelhouse.toml"), "[log]\nlevel = \"warn\"\n").expect("written");
    let house = Logged::start(folder.path(), "", &[]);
    let body = json!({ "token": house.token, "company": "Acme", "name": "Olga", "email": "olga@acme.example", "password": PASSWORD });
    let cookie = house.nobody.post("/v1/identity/setup", &body).cookie().expect("a cookie");
    let owner = Person { cookie: format!("Cookie: {cookie}\r\n"), ..house.nobody.clone() };
    let levels = || owner.get("/v1/system/log-level").json()["levels"].as_str().expect("a text").to_owned();
    assert_eq!(levels(), "warn");
    let silent = owner.get("/v1/panels");
    let set = owner.call("PUT", "/v1/system/log-level", Some(&json!({ "levels": "info" })));
    assert_eq!(set.status, 200, "{}", set.text());
    let loud = owner.get("/v1/panels");
    fs::write(folder.path().join("wheelhouse.toml"), "[log]\nlevel = \"error\"\n").expect("written");
    house.signal("-HUP");
    while levels() != "error" {}
    let silent_again = owner.get("/v1/panels");
    let (text, _) = house.end();
    let told = |answer: &Answer| text.contains(&answer.headers["x-request-id"]);
    assert_eq!((told(&silent), told(&loud), told(&silent_again)), (false, true, false), "{text}");
}

#[test]
fn text_is_for_people_and_figures_have_a_port_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [("WHEELHOUSE_LOG_FORMAT", "json"), ("WHEELHOUSE_SERVER_METRICS_LISTEN", "127.0.0.1:0")];
    let house = Logged::start(folder.path(), "", &settings);
    let text = fs::read_to_string(&house.log).expect("the log");
    let line = text.lines().find(|line| line.contains("port of their own")).expect("it says where");
    let line: Value = serde_json::from_str(line).expect("an object");
    let address = line["address"].as_str().expect("an address").parse().expect("an address");
    let scraper = Person { cookie: String::new(), address };
    assert!(
        scraper
            .send("GET", "/metrics", "X-Forwarded-For: 203.0.113.7\r\n", b"")
            .text()
            .contains("\nbuild_info{")
    );
    assert_eq!(scraper.get("/health/ready").json()["status"], "ready");
    assert_eq!(scraper.get("/v1/openapi.json").status, 404);
    house.end();

    let house = Logged::start(folder.path(), "", &[("WHEELHOUSE_LOG_FORMAT", "text")]);
    house.signal("-HUP");
    drop(house);
    let text = fs::read_to_string(folder.path().join("log.txt")).expect("the log");
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_err()), "{text}");
}

#[test]
fn the_limit_of_open_files_is_raised_and_it_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = Logged::start(folder.path(), "ulimit -n 5000; ulimit -Sn 300;", &[]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", house.child.id())).expect("limits");
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("the line");
    let words: Vec<&str> = files.split_whitespace().collect();
    assert_eq!(words[..2], ["5000", "5000"]);
    let (_, lines) = house.end();
    let raised = lines.iter().find(|line| line.get("before").is_some_and(|before| before == "300"));
    assert_eq!(raised.expect("it says so")["limit"], "5000");
}

#[test]
fn a_company_that_operates_and_is_not_there_is_said_at_the_start() {
    for site in sites() {
        let nobodys = "00000000-0000-4000-8000-000000000007";
        let said = |settings: &[(&str, &str)]| {
            let (_, lines) = Logged::start(site.folder.path(), "", settings).end();
            let about = |line: &&BTreeMap<String, Value>| {
                line.values()
                    .any(|value| value.as_str().is_some_and(|text| text.contains("operator_company")))
            };
            lines.iter().find(about).cloned()
        };
        let line = said(&[("WHEELHOUSE_IDENTITY_OPERATOR_COMPANY", nobodys)]).expect("it is said");
        assert!(line.values().any(|value| value == nobodys), "{line:?}");
        assert_eq!(said(&[]), None);
    }
}
