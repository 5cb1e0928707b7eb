//! The command line with an API key: kept in a context or given by the environment, and as far as the key goes.
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::Value;

use super::Shell;
use crate::house::{House, sites};

/// Make a key as a person does: its id and text.
fn key(shell: &Shell, more: &[&str]) -> (String, String) {
    let made = shell.run(&[&["api-key", "create", "--json"], more].concat()).json();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&made["api_key"]["id"]), text(&made["secret"]))
}

fn url(house: &House) -> String {
    format!("http://{}", house.address)
}

#[test]
fn a_key_in_a_context_does_what_its_scopes_say_until_it_is_revoked() {
    for site in sites() {
        let house = site.start();
        house.set_up().panel("Flights");
        let olga = Shell::signed_in(&house, "olga@acme.example");
        let (id, text) = key(&olga, &["--name", "reports", "--scopes", "panels:read"]);
        let job = Shell::new();
        let said = job.fed(&["login", &url(&house), "--name", "job", "--token-stdin"], &text);
        assert!(!said.err.contains(&text), "{}", said.err);
        said.good();
        assert!(job.run(&["panel", "list"]).good().contains("Flights"));
        let event = job.run(&["live", "follow", "panels", "--after", "0", "--count", "1", "--json"]).json();
        assert_eq!(event["kind"], "panels.created");
        job.run(&["panel", "create", "--title", "Other"]).bad(4, "server.bearer_scope");
        job.run(&["me", "get"]).bad(4, "server.bearer_scope");
        job.run(&["session", "list"]).bad(4, "server.bearer_session");
        let listed = job.run(&["context", "list", "--json"]).json();
        assert_eq!(listed["items"][0]["credential"], "token");
        assert!(!listed.to_string().contains(&text), "a list shows no credential");

        olga.run(&["api-key", "revoke", &id]).bad(2, "cli.confirmation");
        olga.run(&["api-key", "revoke", &id, "--yes"]).good();
        job.run(&["panel", "list"]).bad(3, "server.bearer");
        let again = job.fed(&["login", &url(&house), "--name", "again", "--token-stdin"], &text);
        again.bad(3, "server.bearer");
    }
}

#[test]
fn a_key_on_the_command_line_signs_in_whoever_it_belongs_to() {
    for site in sites() {
        let house = site.start();
        house.set_up().panel("Flights");
        let olga = Shell::signed_in(&house, "olga@acme.example");
        let (_, text) = key(&olga, &["--name", "reports", "--scopes", "panels:read,identity:self"]);
        let (server, job) = (url(&house), Shell::new());
        let said = job.run(&["login", &server, "--token", &text]);
        assert!(said.err.contains("as olga@acme.example in Acme"), "{}", said.err);
        assert!(!said.err.contains(&text) && !said.out.contains(&text), "{}", said.err);
        said.good();
        assert!(job.run(&["panel", "list"]).good().contains("Flights"));
        let listed = job.run(&["context", "list", "--json"]).json();
        let kept = &listed["items"][0];
        assert_eq!(kept["name"], house.address.to_string());
        assert_eq!((&kept["credential"], &kept["current"]), (&Value::from("token"), &Value::from(true)));
        assert!(!listed.to_string().contains(&text), "a list shows no credential");
        job.run(&["logout"]).good();
        job.run(&["panel", "list"]).bad(3, "server.unauthenticated");
        assert!(!std::fs::read_to_string(job.config()).unwrap().contains(&text));
    }
}

#[test]
fn a_key_of_the_environment_needs_no_context_and_goes_before_one() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        let olga = Shell::signed_in(&house, "olga@acme.example");
        let account =
            olga.run(&["service-account", "create", "--name", "Deploy", "--role", "editor", "--json"]).json();
        let account = account["id"].as_str().unwrap();
        let scopes = "panels:read,panels:write,identity:self";
        let made = ["service-account-key", "create", "--user", account, "--name", "ci", "--scopes", scopes];
        let made = olga.run(&[&made[..], &["--json"]].concat()).json();
        let text = made["secret"].as_str().unwrap();
        let (server, token) = (url(&house), ("WHEELHOUSE_CLI_TOKEN", text));
        let job = Shell::new();
        let environment = [("WHEELHOUSE_CLI_URL", &*server), token];
        let id = job.with(&environment, &["panel", "create", "--title", "Builds", "--quiet"]).good();
        let csv = job.file("builds.csv", "id,state\n1,done\n");
        let import = ["panel", "import", &csv, "--panel", "builds", "--mode", "replace"];
        job.with(&environment, &import).good();
        assert_eq!(olga.run(&["panel", "list", "--quiet"]).good(), id);
        assert!(!job.config().exists(), "nothing is kept");

        // In the place of the context's own credential, on its server.
        let me = olga.with(&[token], &["me", "get", "--json"]).json();
        assert_eq!((&me["user"]["name"], &me["user"]["email"]), (&Value::from("Deploy"), &Value::Null));
        assert_eq!(olga.run(&["me", "get", "--json"]).json()["user"]["email"], "olga@acme.example");
        let said = job.fed(&["login", &server, "--token-stdin"], text);
        assert!(said.err.contains("as Deploy in Acme"), "{}", said.err);
        let mistyped = [("WHEELHOUSE_CLI_URL", &*server), ("WHEELHOUSE_CLI_TOKEN", "whk_mistyped")];
        Shell::new().with(&mistyped, &["panel", "list"]).bad(3, "server.bearer_malformed");
    }
}

#[test]
fn a_key_that_leaked_ends_with_the_keys_that_it_made() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        let olga = Shell::signed_in(&house, "olga@acme.example");
        let (id, text) = key(&olga, &["--name", "leaked", "--scopes", "identity:write,panels:read"]);
        let account =
            olga.run(&["service-account", "create", "--name", "Deploy", "--role", "editor", "--json"]).json();
        let account = account["id"].as_str().unwrap();
        let (server, job) = (url(&house), Shell::new());
        let with_key = |token: &str, words: &[&str]| {
            job.with(&[("WHEELHOUSE_CLI_URL", &*server), ("WHEELHOUSE_CLI_TOKEN", token)], words)
        };
        let make = ["service-account-key", "create", "--user", account, "--name", "kept", "--json"];
        let made = with_key(&text, &[&make[..], &["--scopes", "panels:read"]].concat()).json();
        let kept = made["secret"].as_str().unwrap();
        with_key(kept, &["panel", "list"]).good();
        let listed = olga.run(&["made-key", "list", "--api-key", &id, "--quiet"]).good();
        assert_eq!(listed.trim(), made["api_key"]["id"].as_str().unwrap());

        let revoke = ["api-key", "revoke", &id, "--made-keys", "revoke", "--yes", "--json"];
        let told = olga.run(&revoke).json();
        assert_eq!(
            (&told["made_keys_revoked"], &told["made_keys_living"]),
            (&Value::from(1), &Value::from(0))
        );
        with_key(kept, &["panel", "list"]).bad(3, "server.bearer");
    }
}

#[test]
fn a_key_of_an_account_is_meant_by_its_name_and_never_ones_own_of_the_same_name() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        let olga = Shell::signed_in(&house, "olga@acme.example");
        let (own, _) = key(&olga, &["--name", "next", "--scopes", "panels:read"]);
        for name in ["Deploy", "Reports"] {
            olga.run(&["service-account", "create", "--name", name, "--role", "admin"]).good();
        }
        let make = |account: &str, name: &str| {
            let scopes = "panels:read,identity:write";
            let words =
                ["service-account-key", "create", "--user", account, "--name", name, "--scopes", scopes];
            let made = olga.run(&[&words[..], &["--json"]].concat()).json();
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            (text(&made["api_key"]["id"]), text(&made["api_key"]["prefix"]), text(&made["secret"]))
        };
        let (_, _, other) = make("Reports", "next");
        let (id, prefix, secret) = make("Deploy", "next");
        let (server, job) = (url(&house), Shell::new());
        let with_key = |token: &str, words: &[&str]| {
            job.with(&[("WHEELHOUSE_CLI_URL", &*server), ("WHEELHOUSE_CLI_TOKEN", token)], words)
        };
        let made = ["service-account-key", "create", "--user", "Reports", "--name", "made"];
        with_key(&secret, &[&made[..], &["--scopes", "panels:read"]].concat()).good();

        // The account by its name too, whatever the case; what ends is named, with how many keys it made.
        let revoke = ["service-account-key", "revoke", "next", "--user", "deploy"];
        let asked = olga.run(&revoke).bad(2, "cli.confirmation");
        let told = [": next of deploy (", "made keys 1", &format!("prefix {prefix}")];
        assert!(told.iter().all(|part| asked.contains(part)), "{asked}");
        let rename = ["service-account-key", "update", "next", "--user", "Deploy", "--name", "old", "--json"];
        assert_eq!(olga.run(&rename).json()["id"], *id);
        olga.run(&[&revoke[..], &["--yes"]].concat()).bad(5, "cli.name_unknown");
        olga.run(&["service-account-key", "revoke", "old", "--user", "Deploy", "--yes"]).good();

        with_key(&secret, &["panel", "list"]).bad(3, "server.bearer");
        with_key(&other, &["panel", "list"]).good();
        assert_eq!(olga.run(&["api-key", "list", "--quiet"]).good().trim(), own);
        let asked = olga.run(&["service-account", "delete", "Reports"]).bad(2, "cli.confirmation");
        assert!(asked.contains(": Reports (keys 2, role admin)"), "{asked}");
    }
}

#[test]
fn a_follower_ends_when_its_key_does() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        let olga = Shell::signed_in(&house, "olga@acme.example");
        let (id, text) = key(&olga, &["--name", "follower", "--scopes", "panels:read"]);
        let job = Shell::new();
        job.fed(&["login", &url(&house), "--token-stdin"], &text).good();
        let mut follower = job.spawn(&["live", "follow", "panels"], Stdio::null());
        let mut notices = BufReader::new(follower.stderr.take().unwrap());
        let mut said = String::new();
        notices.read_line(&mut said).unwrap();
        assert!(said.contains("following panels"), "{said}");
        olga.run(&["api-key", "revoke", &id, "--yes"]).good();
        notices.read_to_string(&mut said).unwrap();
        assert!(said.contains("key ended"), "{said}");
        assert_eq!(follower.wait().unwrap().code(), Some(3), "{said}");
    }
}
