//! Every block of the manual that is a command is executed, as it stands, in a shell, and goes well: of the guides, and of the
//! operations' pages.
mod fixtures;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use wh_testkit::engines::{EngineKind, shared};

use fixtures::Fixtures;

use crate::cli::Shell;
use crate::house::{House, PASSWORD, Site};

/// Seconds that a block may take.
const FOLLOW_S: &str = "12";
const OWNER: &str = "olga@acme.example";
const FLIGHTS: &str = "carrier,dep_delay\nUA,2\nAA,-4\n";
/// Blocks that are no commands of this program: the developer's.
const FOREIGN: [&str; 1] = ["make run"];
/// What begins a line that changes a whole machine or a cluster: such a block is read by the shell, and not run.
const OF_MACHINES: [&str; 7] =
    ["docker ", "helm ", "kubectl ", "systemctl ", "journalctl ", "install -m ", "cd packages/"];
/// What begins a line that names a thing of the reader's: it is refused with this code.
const REFUSED: [(&str, &str); 1] =
    [("wheelhouse backup prune --installation ", "backup.installation_unknown")];
/// The first words of commands: a block that begins a line with one is fenced as `sh`.
const COMMANDS: [&str; 12] = [
    "wheelhouse",
    "curl",
    "docker",
    "helm",
    "kubectl",
    "systemctl",
    "journalctl",
    "install",
    "printf",
    "zcat",
    "make",
    "cd",
];

/// A block of a page.
struct Block {
    page: String,
    text: String,
}

fn unescaped(html: &str) -> String {
    let text = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    text.replace("&#x27;", "'").replace("&amp;", "&")
}

/// The shell blocks of a page of the manual.
fn blocks(house: &House, page: &str) -> Vec<Block> {
    let html = house.nobody().get(page).text();
    let parts = html.split("<code class=\"language-sh\">").skip(1);
    let texts = parts.filter_map(|part| part.split_once("</code>")).map(|(text, _)| unescaped(text));
    texts.map(|text| Block { page: page.to_owned(), text }).collect()
}

/// All pages that the start page links to.
fn pages(house: &House) -> Vec<String> {
    let html = house.nobody().get("/docs").text();
    let links = html.split("href=\"").skip(1).filter_map(|part| part.split_once('"'));
    let pages = links.map(|(link, _)| link.split('#').next().unwrap_or_default().to_owned());
    let mut pages: Vec<String> =
        pages.filter(|link| link.starts_with("/docs") && !link.contains('.')).collect();
    pages.sort();
    pages.dedup();
    pages
}

/// Somebody at a shell with everything that the blocks name.
struct Desk<'a> {
    shell: Shell,
    house: &'a House,
}

impl<'a> Desk<'a> {
    fn new(house: &'a House, email: &str) -> Self {
        let shell = Shell::signed_in(house, email);
        shell.file("flights.csv", FLIGHTS);
        shell.file("request.json", "{}");
        for secret in ["token", "current", "new", "code", "verifier"] {
            shell.file(&format!("{secret}.txt"), "something secret");
        }
        shell.file("password.txt", PASSWORD);
        let packed = Command::new("gzip").args(["-k", "flights.csv"]).current_dir(shell.folder()).status();
        assert!(packed.expect("gzip starts").success());
        for folder in [".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"] {
            std::fs::create_dir_all(shell.folder().join(folder)).expect("a folder");
        }
        Self { shell, house }
    }

    /// `cookies.txt` of a sign-in, as curl keeps it.
    fn cookies(&self, email: &str) {
        let sign_in = format!(
            "curl -sS -o /dev/null -X POST 'http://{0}/v1/identity/sessions' -c cookies.txt -H 'Origin: http://{0}' \
             -H 'Content-Type: application/json' -d '{{\"email\":\"{email}\",\"password\":\"{PASSWORD}\"}}'",
            self.house.address
        );
        let said = self.bash(&sign_in);
        let kept = std::fs::read_to_string(self.shell.folder().join("cookies.txt")).unwrap_or_default();
        assert!(said.code == 0 && kept.contains("wh_sid"), "{kept} {}", said.err);
    }

    /// A data folder in the usual place, whose configuration names a place for backups.
    fn prepare_backup(&self) {
        let here = self.shell.folder().display();
        let serve =
            told_by_files("wheelhouse serve --data-dir ./data --listen 127.0.0.1:0", self.shell.folder());
        let settings =
            format!("[backup]\ntarget = \"{here}/backups\"\nkey_file = \"{here}/etc/backup.key\"\n");
        self.shell.file("backup.toml", &settings);
        let said = self.bash(&format!("mkdir data etc && {serve} cp backup.toml data/wheelhouse.toml"));
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    }

    fn bash(&self, script: &str) -> crate::cli::Said {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_wheelhouse"));
        let folder = binary.parent().expect("a folder").display();
        // What follows, or asks again and again while the server says "later", is ended: it was understood.
        let mut command = Command::new("timeout");
        command
            .args([FOLLOW_S, "bash", "-e", "-o", "pipefail", "-c", script])
            .current_dir(self.shell.folder());
        command
            .env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"))
            .env("HOME", self.shell.folder());
        command.env("XDG_CONFIG_HOME", self.shell.folder().join("config"));
        crate::cli::read(&command.stdin(Stdio::null()).output().expect("bash starts"))
    }

    /// The block with this machine's addresses in the place of the manual's.
    fn here(&self, text: &str) -> String {
        let here = format!("http://{}", self.house.address);
        let text = text.replace("http://127.0.0.1:8080", &here).replace("https://ops.acme.example", &here);
        let text = text.replace("/etc/wheelhouse", "etc");
        // A folder of its own for each restore, and a moment that has points before it.
        text.replace("./restored --at 2026-11-21T14:05:00Z", "./restored-at --at 2099-11-21T14:05:00Z")
    }
}

/// What no example can do as it stands: it is understood, and refused with a code of its own.
const NOT_DONE: [(&str, &str); 9] = [
    ("setup_complete", "takes the setup link, which works once"),
    ("invitation_lookup", "takes the link of an invitation, which works once"),
    ("invitation_accept", "takes the link of an invitation, which works once"),
    ("cli_login_exchange", "takes the code that a browser brought, which works once"),
    ("password_change", "takes the reader's own password"),
    ("import_stop", "takes an import that is still read"),
    ("parked_retry", "takes an event that a reaction gave up"),
    ("parked_retry_all", "takes events that a reaction gave up"),
    ("live_connect", "goes on until it is stopped, and speaks no plain HTTP"),
];
/// Ids in examples: of curl, and of the command line.
const IDS: [&str; 2] = ["01900000-0000-7000-8000-000000000000", "0198c0de-5eed-7000-8000-000000000001"];

/// One operation, as its page and the spec tell of it.
struct Told<'a> {
    id: &'a str,
    path: &'a str,
}

impl Told<'_> {
    /// The example with the ids of things that are there.
    fn with_ids(&self, example: &str, ids: &[String]) -> String {
        let [of_curl, of_command] = IDS;
        // The command line says the rest by name.
        let mut text = example.to_owned();
        if let Some(last) = ids.last() {
            text = text.replace(of_command, last);
        }
        for id in ids {
            text = text.replacen(of_curl, id, 1);
        }
        if self.id == "session_create" {
            text = text.replace("ada@acme.example", OWNER).replace("correct horse battery staple", PASSWORD);
        }
        text
    }
}

/// The body that curl sends.
fn body_of(curl: &str) -> Option<&str> {
    curl.split_once("-d '")?.1.trim_end().strip_suffix('\'')
}

/// curl says the status behind the answer.
fn with_status(curl: &str) -> String {
    format!("{curl} -m 10 -w '\\n%{{http_code}}'")
}

fn status_of(said: &crate::cli::Said, told: &str) -> (u16, String) {
    assert_eq!(said.code, 0, "{told}");
    let (body, status) = said.out.trim_end().rsplit_once('\n').unwrap_or(("", said.out.trim_end()));
    (status.parse().unwrap_or_else(|e| panic!("{e}: {told}")), body.to_owned())
}

/// Every example of the page does what it says.
fn goes_well(desk: &Desk<'_>, fixtures: &mut Fixtures<'_>, told: &Told<'_>, blocks: &[Block]) {
    let curl = blocks.iter().find(|block| block.text.starts_with("curl ")).expect("an example with curl");
    for Block { page, text } in blocks {
        if text.starts_with("curl ") {
            desk.cookies(OWNER);
            let ids = fixtures.ready(told.path);
            let script = with_status(&desk.here(told.with_ids(text, &ids).trim_end()));
            let said = desk.bash(&script);
            let told = format!("{page}: {script}\n{}\n{}", said.out, said.err);
            let (status, _) = status_of(&said, &told);
            assert!((200..300).contains(&status), "{told}");
            continue;
        }
        for line in text.replace("\\\n", " ").lines() {
            let ids = fixtures.ready(told.path);
            if let Some(body) = body_of(&told.with_ids(&curl.text, &ids)) {
                desk.shell.file("request.json", body);
            }
            let script = desk.here(&told.with_ids(line, &ids));
            let said = desk.bash(&script);
            assert_eq!(said.code, 0, "{page}: {script}\n{}\n{}", said.out, said.err);
        }
    }
}

/// Every example of the page is understood, and reaches its operation.
fn is_understood(desk: &Desk<'_>, blocks: &[Block]) {
    for Block { page, text } in blocks {
        let is_curl = text.starts_with("curl ");
        let script = desk.here(text.trim_end());
        if is_curl {
            desk.cookies(OWNER);
        }
        let script = if is_curl { with_status(&script) } else { script };
        let said = desk.bash(&script);
        let told = format!("{page}: {script}\n{}\n{}", said.out, said.err);
        assert!(said.code != 2, "not understood: {told}");
        if is_curl {
            let (status, body) = status_of(&said, &told);
            let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
            let code = problem["code"].as_str().unwrap_or_default();
            let is_front_door = matches!(
                code,
                "server.not_found"
                    | "server.method_not_allowed"
                    | "server.cross_origin"
                    | "server.unauthenticated"
                    | "server.media_type"
            );
            assert!((400..500).contains(&status) && !code.is_empty() && !is_front_door, "{told}");
        }
    }
}

#[test]
fn each_example_of_an_operations_page_does_what_it_says() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let owner = house.set_up();
    let spec = house.nobody().get("/v1/openapi.json").json();
    let mut fixtures = Fixtures::new(&house, owner);
    let mut left: Vec<&str> = NOT_DONE.iter().map(|(id, _)| *id).collect();
    for (path, methods) in spec["paths"].as_object().expect("paths") {
        for operation in methods.as_object().expect("methods").values() {
            let id = operation["operationId"].as_str().expect("an id");
            let blocks = blocks(&house, &format!("/docs/operations/{id}"));
            assert_eq!(blocks.len(), 2, "{id}: one block for the command line, one for curl");
            // A new sign-in for each, and for each call by curl: some operations end the session, or all of them.
            let desk = Desk::new(&house, OWNER);
            if let Some(at) = left.iter().position(|one| *one == id) {
                left.swap_remove(at);
                is_understood(&desk, &blocks);
            } else {
                goes_well(&desk, &mut fixtures, &Told { id, path }, &blocks);
            }
            if id == "log_level_set" {
                fixtures.quiet();
            }
        }
    }
    assert!(left.is_empty(), "no operations: {left:?}");
}

/// What asks on a terminal is told by a file here; what runs until it is stopped is stopped.
fn told_by_files(line: &str, untouched: &std::path::Path) -> String {
    let bare = line.split(" #").next().unwrap_or(line).trim_end();
    let line = if bare.contains(" login ") && bare.contains("--email") {
        format!("{bare} --password-stdin <<< '{PASSWORD}'")
    } else if bare.contains("wheelhouse serve") {
        let free = bare.replace("0.0.0.0:8443", "127.0.0.1:0");
        format!(
            "coproc served {{ exec {free} 2>served.log; }}\nserver=$served_PID\n\
             read -r -t 60 said <&\"${{served[0]}}\" || cat served.log >&2\n\
             kill -TERM $server; wait $server; [[ $said == *ready* ]]"
        )
    } else if bare.contains("live follow") {
        // 124: it followed until its time was over.
        format!("timeout 2 {bare} && exit 9 || [[ $? == 124 ]]")
    } else if bare.starts_with("wheelhouse doctor") {
        // Where the machine's port is taken, that is what it would say.
        format!("{bare} --listen 127.0.0.1:0")
    } else if bare.contains("setup-link") {
        format!("{bare} --data-dir {} | grep setup", untouched.display())
    } else {
        bare.to_owned()
    };
    format!("{line}\n")
}

#[test]
fn each_command_of_the_guides_goes_well() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    house.set_up();
    // Where nobody has set it up yet.
    let untouched = Site::new(EngineKind::Sqlite);
    let _waiting = untouched.start();
    let new = tempfile::tempdir().expect("a folder");
    let mut seen = 0;
    for page in pages(&house).into_iter().filter(|page| !page.contains("/operations/")) {
        let desk = Desk::new(&house, OWNER);
        if page.ends_with("/backup") {
            desk.prepare_backup();
            desk.cookies(OWNER);
        }
        for Block { page, text } in blocks(&house, &page) {
            // Those of another machine's PostgreSQL are walked by the tests of backups there.
            if FOREIGN.contains(&text.trim_end()) || text.contains("@host/") {
                continue;
            }
            let told = format!("{page}: {text}");
            if text.lines().any(|line| OF_MACHINES.iter().any(|first| line.starts_with(first))) {
                read_only(&desk, &told, &text);
                seen += 1;
                continue;
            }
            let mut script = desk.here(&text).replace("ada@acme.example", OWNER);
            // The folder of a server of its own, a new one on this machine.
            script = script.replace("/var/lib/wheelhouse", &new.path().display().to_string());
            if script.contains("--admin-url") {
                let Ok(server) = shared() else { continue };
                let start = script.find("postgres://").expect("an address");
                let end = script[start..].find(char::is_whitespace).map_or(script.len(), |at| start + at);
                // Each makes a database of its own: logins that are there belong to somebody.
                let name = format!("whdoc_{}_{seen}", std::process::id());
                let there = format!("{} --database {name} --login-prefix {name}", server.admin_url());
                script.replace_range(start..end, &there);
                // The URL of this machine's server holds what it needs.
                script = script.replace(" --admin-password-file ./admin-password", "");
            }
            let script = script.replace("\\\n", " ");
            let lines = script.lines().filter(|line| !line.trim().is_empty());
            let lines: String = lines.map(|line| told_by_files(line, untouched.folder.path())).collect();
            let said = desk.bash(&lines);
            let told = format!("{told}\n{lines}\n{}\n{}", said.out, said.err);
            match REFUSED.iter().find(|(first, _)| text.starts_with(first)) {
                Some((_, code)) => assert!(said.code != 0 && said.err.contains(code), "{told}"),
                None => assert_eq!(said.code, 0, "{told}"),
            }
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen} blocks");
}

/// The shell reads it; what it says to helm is rendered, where helm is there.
fn read_only(desk: &Desk<'_>, told: &str, text: &str) {
    desk.shell.file("block.sh", text);
    let said = desk.bash("bash -n block.sh");
    assert_eq!(said.code, 0, "{told}\n{}", said.err);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let text = text.replace("\\\n", " ");
    for line in text.lines().filter(|line| line.starts_with("helm ") && !line.contains('…')) {
        let line = line.replace("upgrade --install", "template").replace("helm install", "helm template");
        let line = line.replace("--create-namespace", "");
        let said = desk.bash(&format!("cd '{root}'; ! command -v helm || {line} --kube-version=1.34.2"));
        assert_eq!(said.code, 0, "{told}\n{line}\n{}\n{}", said.out, said.err);
    }
}

#[test]
fn no_command_hides_in_a_block_that_is_not_executed() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let mut seen = 0;
    for page in pages(&house).into_iter().filter(|page| !page.contains("/operations/")) {
        let html = house.nobody().get(&page).text();
        for part in html.split("<pre><code").skip(1) {
            let (fence, rest) = part.split_once('>').expect("a tag ends");
            let text = unescaped(rest.split_once("</code>").expect("a block ends").0);
            seen += 1;
            // With an ellipsis it is a sketch that nobody copies.
            if fence.contains("language-sh") || text.contains('…') {
                continue;
            }
            for line in text.lines() {
                let line = line.trim_start_matches("$ ");
                let first = line.split(' ').next().unwrap_or_default();
                let is_command = COMMANDS.contains(&first) && line.contains(' ');
                assert!(!is_command, "{page}: `{line}` is a command in a block that is not `sh`");
            }
        }
    }
    assert!(seen >= 20, "{seen} blocks");
}
