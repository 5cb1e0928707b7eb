//! What goes wrong is said with code, hint and request id, and the exit code tells which kind it was.
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::thread;

use serde_json::Value;
use wh_testkit::engines::EngineKind;

use super::Shell;
use crate::house::{Site, sites};

#[test]
fn each_kind_of_problem_has_its_exit_code() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        house.invite(&owner, "viewer");
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let long = "x".repeat(200);
        let said = shell.run(&["panel", "create", "--title", &long]).bad(1, "panels.title_length");
        assert!(said.contains("what to do: ") && said.contains("request: "), "{said}");
        let nobody = Shell::new();
        nobody.run(&["panel", "list"]).bad(3, "cli.no_context");
        let url = format!("http://{}", house.address);
        let bare = [("WHEELHOUSE_CLI_URL", url.as_str())];
        let said = nobody.with(&bare, &["panel", "list"]).bad(3, "server.unauthenticated");
        assert!(said.contains(&format!("wheelhouse login {url}")), "{said}");
        let bogus = [bare[0], ("WHEELHOUSE_CLI_TOKEN", "whk_nonsense")];
        assert_eq!(nobody.with(&bogus, &["panel", "list"]).code, 3);
        let viewer = Shell::signed_in(&house, "viewer@acme.example");
        viewer.run(&["panel", "create", "--title", "No"]).bad(4, "server.forbidden");
        shell.run(&["panel", "get", "0198c0de-5eed-7000-8000-000000000001"]).bad(5, "panels.not_found");
        let invite = ["invitation", "create", "--email", "new@acme.example", "--role", "viewer"];
        shell.run(&invite).good();
        shell.run(&invite).bad(6, "identity.invitation_exists");
        shell.run(&["row", "list", "--panel", "x", "--filter", "{", "--timeout", "soon"]).bad(2, "--timeout");
    }
}

#[test]
fn a_server_that_is_away_is_named() {
    let shell = Shell::new();
    let away = [("WHEELHOUSE_CLI_URL", "http://127.0.0.1:9")];
    shell.with(&away, &["panel", "list"]).bad(7, "cli.unreachable");
    shell.with(&away, &["live", "connect", "panels"]).bad(7, "cli.unreachable");
    shell.with(&[("WHEELHOUSE_CLI_URL", "ftp://x")], &["panel", "list"]).bad(2, "cli.usage");
    shell.with(&[("WHEELHOUSE_CLI_TIMEOUT", "soon")], &["panel", "list"]).bad(2, "WHEELHOUSE_CLI_TIMEOUT");
}

#[test]
fn for_programs_a_problem_is_one_line_of_json() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    house.set_up();
    let shell = Shell::signed_in(&house, "olga@acme.example");
    let said = shell.run(&["panel", "get", "0198c0de-5eed-7000-8000-000000000001", "--json"]);
    let problem: Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!((problem["code"].as_str(), problem["exit"].as_i64()), (Some("panels.not_found"), Some(5)));
    assert_eq!(problem["status"], 404);
    assert!(
        !problem["hint"].as_str().unwrap().is_empty() && !problem["request_id"].as_str().unwrap().is_empty()
    );
}

#[test]
fn for_programs_a_command_that_cannot_be_meant_is_one_line_of_json_too() {
    let shell = Shell::new();
    let commands: [(&[&str], &str); 6] = [
        (&["panel", "create", "--json"], "--title <TEXT>"),
        (&["panel", "import", "f.csv", "--json", "--mode", "mix"], "[possible values: replace, append]"),
        (&["panel", "list", "--json", "--limti", "3"], "'--limti'"),
        (&["panel", "--json"], "subcommand"),
        (&["panel", "nonsense", "--json"], "'nonsense'"),
        (&["context", "list", "--quiet", "--json"], "cannot be used with"),
    ];
    for (command, part) in commands {
        let said = shell.run(command);
        assert_eq!((said.code, said.out.as_str(), said.err.lines().count()), (2, "", 1), "{}", said.err);
        let problem: Value = serde_json::from_str(&said.err).unwrap();
        assert_eq!((problem["code"].as_str(), problem["exit"].as_i64()), (Some("cli.usage"), Some(2)));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(part) && !detail.starts_with("error"), "{detail}");
        assert!(problem["hint"].as_str().unwrap().contains("--help"), "{problem}");
    }
    assert!(shell.run(&["panel", "list", "--json", "--help"]).good().contains("Usage: "));
    shell.run(&["panel", "create"]).bad(2, "Usage: ");
}

#[test]
fn a_write_is_done_once_under_its_key() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let create = |title: &str| {
            shell.run(&["panel", "create", "--title", title, "--idempotency-key", "monday-import", "--quiet"])
        };
        let first = create("Once").good();
        assert_eq!(create("Once").good(), first, "the answer of the first time");
        create("Twice").bad(1, "server.idempotency_mismatch");
        shell.run(&["panel", "create", "--title", "Once", "--quiet"]).good();
        assert_eq!(
            shell.run(&["panel", "list", "--quiet"]).good().lines().count(),
            2,
            "every other write has a fresh key"
        );
        shell.run(&["panel", "get", "Once"]).bad(2, "cli.name_ambiguous");
    }
}

/// So many connections, each ended once the head of its request is there, and then nobody listens any more. Gives the URL, and the
/// keys that were asked for.
fn breaking(times: usize) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let keys = thread::spawn(move || {
        let key = |stream: std::io::Result<std::net::TcpStream>| {
            let head = BufReader::new(stream.expect("a connection")).lines().map_while(Result::ok);
            let lines: Vec<String> = head.take_while(|line| !line.is_empty()).collect();
            let key = lines.iter().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("idempotency-key: \"")?
                    .strip_suffix('"')
                    .map(str::to_owned)
            });
            key.unwrap_or_default()
        };
        listener.incoming().take(times).map(key).collect()
    });
    (url, keys)
}

#[test]
fn where_it_is_open_whether_it_was_done_the_key_is_told() {
    let shell = Shell::new();
    let (url, keys) = breaking(3);
    let at = [("WHEELHOUSE_CLI_URL", url.as_str())];
    let create = ["panel", "create", "--title", "Once", "--idempotency-key", "monday"];
    let said = shell.with(&at, &create).bad(7, "cli.broken");
    assert!(said.contains("--idempotency-key monday"), "{said}");
    assert_eq!(keys.join().unwrap(), ["monday"; 3], "three tries under one key");

    // What takes no key is sent once: a second try would find nobody there, and end otherwise.
    let (url, keys) = breaking(1);
    let at = [("WHEELHOUSE_CLI_URL", url.as_str())];
    let invite = ["invitation", "create", "--email", "new@acme.example", "--role", "viewer"];
    let said = shell.with(&at, &invite).bad(7, "cli.broken");
    assert!(!said.contains("--idempotency-key"), "{said}");
    assert_eq!(keys.join().unwrap(), [""]);
    shell.run(&["invitation", "create", "--idempotency-key", "monday"]).bad(2, "--idempotency-key");
}

#[test]
fn a_refused_upload_is_told_before_the_file_is_sent() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    house.set_up();
    let shell = Shell::signed_in(&house, "olga@acme.example");
    let large = shell.file("large.csv", &"a,b,c\n1,2,3\n".repeat(1 << 20));
    let missing = "0198c0de-5eed-7000-8000-000000000001";
    shell
        .run(&["panel", "import", &large, "--panel", missing, "--mode", "replace"])
        .bad(5, "panels.not_found");
    shell
        .run(&["panel", "import", "no-such-file.csv", "--panel", missing, "--mode", "replace"])
        .bad(2, "cli.file");
}
