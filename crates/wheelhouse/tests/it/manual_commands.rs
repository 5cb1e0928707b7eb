//! Every block of the manual that is a command is executed, as it stands, in a shell: those of the guides go well, and those
//! of the operations' pages reach their operation and are understood there.
use std::path::PathBuf;
use std::process::{Command, Stdio};

use wh_testkit::engines::{EngineKind, shared};

use crate::cli::Shell;
use crate::house::{House, PASSWORD, Site};

/// Seconds that a block may take.
const FOLLOW_S: &str = "12";
const OWNER: &str = "olga@acme.example";
const FLIGHTS: &str = "carrier,dep_delay\nUA,2\nAA,-4\n";
/// Blocks that are no commands of this program: the developer's, and the browser's.
const FOREIGN: [&str; 1] = ["make run"];

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
        for secret in ["password", "token", "current", "new", "code", "verifier"] {
            shell.file(&format!("{secret}.txt"), "something secret");
        }
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
        let text = text.replace("ada@acme.example", OWNER).replace("/etc/wheelhouse", "etc");
        // A folder of its own for each restore, and a moment that has points before it.
        text.replace("./restored --at 2026-11-21T14:05:00Z", "./restored-at --at 2099-11-21T14:05:00Z")
    }
}

#[test]
fn each_command_of_an_operations_page_reaches_its_operation() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    house.set_up();
    let spec = house.nobody().get("/v1/openapi.json").json();
    let operations = spec["paths"].as_object().expect("paths").values();
    let ids: Vec<String> = operations
        .flat_map(|methods| methods.as_object().expect("methods").values())
        .map(|operation| operation["operationId"].as_str().expect("an id").to_owned())
        .collect();
    let mut seen = 0;
    for id in &ids {
        // A new sign-in for each, and for each call by curl: some operations end the session, or all of them.
        let desk = Desk::new(&house, OWNER);
        for Block { page, text } in blocks(&house, &format!("/docs/operations/{id}")) {
            let is_curl = text.starts_with("curl ");
            let script = desk.here(text.trim_end());
            if is_curl {
                desk.cookies(OWNER);
            }
            let script = if is_curl { format!("{script} -m 10 -w '\\n%{{http_code}}'") } else { script };
            let said = desk.bash(&script);
            let told = format!("{page}: {script}\n{}\n{}", said.out, said.err);
            // Earlier pages made panels of one name: that is said, and understood.
            let is_understood = said.code != 2 || said.err.contains("cli.name_ambiguous");
            assert!(is_understood, "not understood: {told}");
            if is_curl {
                assert_eq!(said.code, 0, "{told}");
                let (body, status) =
                    said.out.trim_end().rsplit_once('\n').unwrap_or(("", said.out.trim_end()));
                let status: u16 = status.parse().unwrap_or_else(|e| panic!("{e}: {told}"));
                let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
                let code = problem["code"].as_str().unwrap_or_default();
                let is_reached = status < 400 || (status < 500 && !code.is_empty());
                let is_front_door = matches!(
                    code,
                    "server.not_found"
                        | "server.method_not_allowed"
                        | "server.cross_origin"
                        | "server.unauthenticated"
                        | "server.media_type"
                );
                assert!(is_reached && !is_front_door, "{told}");
            }
            seen += 1;
        }
    }
    assert!(seen >= ids.len() * 2, "{seen} blocks of {} operations", ids.len());
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
            let mut script = desk.here(&text);
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
            }
            let script = script.replace("\\\n", " ");
            let lines = script.lines().filter(|line| !line.trim().is_empty());
            let lines: String = lines.map(|line| told_by_files(line, untouched.folder.path())).collect();
            let said = desk.bash(&lines);
            assert_eq!(said.code, 0, "{told}\n{lines}\n{}\n{}", said.out, said.err);
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen} blocks");
}
