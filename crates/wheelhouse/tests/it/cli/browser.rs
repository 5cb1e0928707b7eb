//! `wheelhouse login` by a browser: the test is the browser that opens the link, allows it and goes where it is led.
use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStderr, Stdio};

use serde_json::json;
use wh_testkit::engines::EngineKind;

use super::Shell;
use super::terminal::Terminal;
use crate::house::{House, Person, Site, sites};
use crate::http::{Ask, send};

/// A `wheelhouse login` that waits for a browser.
struct Login {
    child: Child,
    said: Lines<BufReader<ChildStderr>>,
    link: Link,
}

impl Deref for Login {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

/// What it prints to be opened.
struct Link {
    challenge: String,
    port: u16,
    state: String,
}

impl Login {
    /// Begin, and read the link that it prints.
    fn begin(shell: &Shell, house: &House, how: &str) -> Self {
        // The desktop's browser: the test opens the link itself.
        Self::begin_with(shell, house, how, "true")
    }

    fn begin_with(shell: &Shell, house: &House, how: &str, browser: &str) -> Self {
        let url = format!("http://{}", house.address);
        let mut command = shell.command();
        command.args(["login", &url, how]).env("BROWSER", browser);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
        let link = said.by_ref().map(|line| line.expect("text")).find(|line| line.contains("/cli-login?"));
        let link = link.expect("a link");
        assert!(link.trim_start().starts_with(&format!("{url}/cli-login?")), "{link}");
        Self { child, said, link: Link::read(&link) }
    }

    /// Wait for the end; the code it ended with, and what else it said.
    fn ended(mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let said: Vec<String> = self.said.by_ref().map(|line| line.expect("text")).collect();
        (self.child.wait().expect("it ends").code(), said.join("\n"))
    }
}

impl Link {
    fn read(link: &str) -> Self {
        let part = |name: &str| {
            let query = link.trim_end().split_once('?').expect("a query").1;
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(known, _)| *known == name).expect("it is there").1.to_owned()
        };
        Self {
            challenge: part("challenge"),
            port: part("port").parse().expect("a port"),
            state: part("state"),
        }
    }

    /// Allow it as somebody; the path and query at the loopback.
    fn allow(&self, by: &Person) -> String {
        let body = json!({ "challenge": self.challenge, "port": self.port, "state": self.state });
        let answer = by.post("/v1/identity/cli-logins", &body);
        assert_eq!(answer.status, 201, "{}", answer.text());
        let address = answer.json()["address"].as_str().expect("an address").to_owned();
        let here = format!("http://127.0.0.1:{}", self.port);
        address.strip_prefix(&here).expect("the loopback").to_owned()
    }

    fn visit(&self, path: &str) -> u16 {
        let ask = Ask { method: "GET", path, ..Ask::default() };
        send((Ipv4Addr::LOCALHOST, self.port).into(), &ask).expect("it answers").status
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        // One that has ended already is what we want.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn code_in(path: &str) -> &str {
    path.split(['=', '&']).nth(1).expect("a code")
}

#[test]
fn a_browser_on_this_machine_lets_the_command_line_in_until_its_owner_ends_it() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let shell = Shell::new();
        let login = Login::begin(&shell, &house, "--browser");
        // A browser connects ahead and says nothing; others guess.
        let _silent = TcpStream::connect((Ipv4Addr::LOCALHOST, login.port)).unwrap();
        assert_eq!(login.visit("/signed-in?code=stolen&state=guessed"), 404);
        assert_eq!(login.visit(&format!("/?code=stolen&state={}", login.state)), 404);
        let path = login.allow(&owner);
        assert_eq!(login.visit(&path), 200);
        let (ended, said) = login.ended();
        assert_eq!(ended, Some(0), "{said}");
        assert!(said.contains("as olga@acme.example in Acme"), "{said}");

        let me = shell.run(&["me", "get", "--json"]).json();
        assert_eq!(me["user"]["email"], "olga@acme.example");
        let again = json!({ "code": code_in(&path), "verifier": "v".repeat(43) });
        let replayed = house.nobody().post("/v1/identity/cli-logins/exchange", &again);
        assert_eq!((replayed.status, &*replayed.code()), (410, "identity.cli_login"));

        let list = owner.get("/v1/identity/sessions").json();
        let items = list["items"].as_array().unwrap();
        let made = items.iter().find(|item| item["id"] == me["session_id"]).expect("it is listed");
        assert!(made["user_agent"].as_str().unwrap().starts_with("wheelhouse-cli/"), "{made}");
        let id = made["id"].as_str().unwrap();
        assert_eq!(owner.call("DELETE", &format!("/v1/identity/sessions/{id}"), None).status, 204);
        shell.run(&["me", "get"]).bad(3, "server.unauthenticated");
    }
}

#[test]
fn the_browsers_command_line_holds_nothing_of_the_sign_in() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let owner = house.set_up();
    let shell = Shell::new();
    // A browser that writes down how it was started. It renames, so that what is read is whole.
    let told = shell.folder().join("told");
    let browser = shell.file(
        "browser",
        "#!/bin/sh\necho \"$#:$1\" > \"$0.new\"\nmv \"$0.new\" \"$(dirname \"$0\")/told\"\n",
    );
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let login = Login::begin_with(&shell, &house, "--browser", &browser);
    let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
    let said = loop {
        if let Ok(said) = std::fs::read_to_string(&told) {
            break said;
        }
        assert!(std::time::Instant::now() < until, "no browser was started");
        std::thread::yield_now();
    };
    let path = said.trim().strip_prefix(&format!("1:http://127.0.0.1:{}", login.port));
    let path = path.unwrap_or_else(|| panic!("{said}")).to_owned();
    assert!(!said.contains(&login.challenge) && !said.contains(&login.state), "{said}");

    let visit = |path: &str| {
        let ask = Ask { method: "GET", path, ..Ask::default() };
        send((Ipv4Addr::LOCALHOST, login.port).into(), &ask).expect("it answers")
    };
    let led = visit(&path);
    let page = led.headers.get("location").expect("it leads somewhere");
    assert_eq!(led.status, 302);
    assert!(page.starts_with(&format!("http://{}/cli-login?", house.address)), "{page}");
    assert!(page.contains(&login.challenge) && page.contains(&login.state), "{page}");
    assert_eq!(visit(&path).status, 404, "once");

    let path = login.allow(&owner);
    assert_eq!(login.visit(&path), 200);
    let (ended, said) = login.ended();
    assert_eq!(ended, Some(0), "{said}");
}

#[test]
fn a_viewers_command_line_is_a_viewers() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let viewer = house.invite(&owner, "viewer");
        let shell = Shell::new();
        let login = Login::begin(&shell, &house, "--browser");
        let path = login.allow(&viewer);
        assert_eq!(login.visit(&path), 200);
        let (ended, said) = login.ended();
        assert_eq!(ended, Some(0), "{said}");
        shell.run(&["panel", "list"]).good();
        shell.run(&["panel", "create", "--title", "Not mine to make"]).bad(4, "server.forbidden");
    }
}

#[test]
fn where_no_browser_can_come_back_its_last_address_is_pasted() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let shell = Shell::new();
        let mut login = Login::begin(&shell, &house, "--no-browser");
        let path = login.allow(&owner);
        let address = format!("http://127.0.0.1:{}{path}", login.port);
        let foreign = address.replace(&login.state, "another");
        let stdin = login.child.stdin.as_mut().unwrap();
        stdin.write_all(format!("{foreign}\n\n{address}\n").as_bytes()).unwrap();
        let (ended, said) = login.ended();
        assert_eq!(ended, Some(0), "{said}");
        assert!(said.contains("not the address of this sign-in"), "{said}");
        shell.run(&["me", "get"]).good();
    }
}

#[test]
fn a_code_of_another_sign_in_is_refused_and_keeps_nothing() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let (shell, other) = (Shell::new(), Shell::new());
        let (mine, theirs) =
            (Login::begin(&shell, &house, "--browser"), Login::begin(&other, &house, "--browser"));
        // Somebody brings us the code that was made for another: our verifier is not the one it is bound to.
        let path = theirs.allow(&owner).replace(&theirs.state, &mine.state);
        assert_eq!(mine.visit(&path), 200);
        let (ended, said) = mine.ended();
        assert_eq!(ended, Some(5), "{said}");
        assert!(said.contains("identity.cli_login"), "{said}");
        assert!(!shell.config().exists(), "nothing is kept of a sign-in that failed");
        let path = theirs.allow(&owner);
        assert_eq!(theirs.visit(&path), 200, "and the other can still be allowed");
        let (ended, said) = theirs.ended();
        assert_eq!(ended, Some(0), "{said}");
    }
}

#[test]
fn the_page_is_there_and_asks_nobody_who_is_not_signed_in() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        let body = json!({ "challenge": "v".repeat(43), "port": 40_000, "state": "s" });
        let answer = house.nobody().post("/v1/identity/cli-logins", &body);
        assert_eq!((answer.status, &*answer.code()), (401, "server.unauthenticated"));
        let page = |path: &str| house.nobody().get(path).status;
        assert_eq!(page("/cli-login?challenge=c&port=40000&state=s"), page("/sign-in"));
    }
}

#[test]
fn a_context_is_asked_about_also_behind_a_sign_in_by_browser() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let owner = house.set_up();
    house.invite(&owner, "viewer");
    let viewer = house.sign_in("viewer@acme.example");
    let shell = Shell::signed_in(&house, "olga@acme.example");
    let login = format!("login http://{} --name here --browser", house.address);
    let Some(mut terminal) = Terminal::open(&shell, 400, &[("BROWSER", "true")], &login) else { return };
    terminal.shows("&state=");
    terminal.shows("paste that");
    let said = terminal.said();
    let link = Link::read(said.lines().find(|line| line.contains("/cli-login?")).expect("a link"));
    terminal.types("what is this\n");
    terminal.shows("it still waits");
    assert_eq!(link.visit(&link.allow(&viewer)), 200);
    terminal.shows("[y/N]");
    terminal.types("y\n");
    let said = terminal.ended();
    assert!(said.contains("Signed in to") && said.contains("as viewer@acme.example"), "{said}");
    assert_eq!(shell.run(&["me", "get", "--json"]).json()["user"]["email"], "viewer@acme.example");
}
