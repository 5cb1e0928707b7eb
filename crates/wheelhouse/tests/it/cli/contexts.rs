//! Several servers side by side, and a file of credentials that only its owner may read.
use std::os::unix::fs::PermissionsExt;

use wh_testkit::engines::EngineKind;

use super::Shell;
use crate::house::{House, PASSWORD, Person, Site, sites};

#[test]
fn two_servers_side_by_side() {
    let (one, two) = (Site::new(EngineKind::Sqlite), Site::new(EngineKind::Sqlite));
    let (one, two) = (one.start(), two.start());
    one.set_up().panel("On one");
    two.set_up().panel("On two");
    let shell = Shell::new();
    shell.sign_in(&one, "olga@acme.example", "one").good();
    shell.sign_in(&two, "olga@acme.example", "two").good();
    assert!(shell.run(&["panel", "list"]).good().contains("On two"), "the last sign-in is current");
    assert!(shell.run(&["panel", "list", "--context", "one"]).good().contains("On one"));
    assert!(shell.with(&[("WHEELHOUSE_CLI_CONTEXT", "one")], &["panel", "list"]).good().contains("On one"));
    shell.run(&["context", "use", "one"]).good();
    assert!(shell.run(&["panel", "list"]).good().contains("On one"));
    let listed = shell.run(&["context", "list", "--json"]).json();
    let all = listed["items"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!((all[0]["name"].as_str(), all[0]["current"].as_bool()), (Some("one"), Some(true)));
    assert_eq!(
        (all[0]["user"].as_str(), all[0]["company"].as_str()),
        (Some("olga@acme.example"), Some("Acme"))
    );
    assert!(!listed.to_string().contains("wh_sid"), "a list shows no credential");
    shell.run(&["context", "use", "three"]).bad(2, "there are: one, two");
    shell.run(&["context", "remove", "one"]).good();
    shell.run(&["panel", "list"]).bad(3, "cli.no_context");
    assert!(shell.run(&["context", "list"]).good().contains("two"));
}

#[test]
fn the_file_is_its_owners_alone() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    house.set_up();
    let shell = Shell::signed_in(&house, "olga@acme.example");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&shell.config()), 0o600);
    assert_eq!(mode(shell.config().parent().unwrap()), 0o700);
    let text = std::fs::read_to_string(shell.config()).unwrap();
    assert!(!text.contains(PASSWORD), "a password is kept nowhere");
    std::fs::set_permissions(shell.config(), std::fs::Permissions::from_mode(0o644)).unwrap();
    shell.run(&["panel", "list"]).bad(2, "cli.config");
}

#[test]
fn a_logout_ends_the_session_on_the_server() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let kept = std::fs::read_to_string(shell.config()).unwrap();
        shell.run(&["logout"]).good();
        assert!(!std::fs::read_to_string(shell.config()).unwrap().contains("wh_sid"));
        shell.run(&["panel", "list"]).bad(3, "wheelhouse login");
        std::fs::write(shell.config(), kept).unwrap();
        shell.run(&["panel", "list"]).bad(3, "server.unauthenticated");
        shell.sign_in(&house, "olga@acme.example", "here").good();
        shell.run(&["session", "end"]).good();
        shell.run(&["panel", "list"]).bad(3, "server.unauthenticated");
    }
}

/// How many sessions of the command line somebody has.
fn cli_sessions(of: &Person) -> usize {
    let list = of.get("/v1/identity/sessions").json();
    let by_cli = |one: &&serde_json::Value| {
        one["user_agent"].as_str().is_some_and(|agent| agent.starts_with("wheelhouse-cli/"))
    };
    list["items"].as_array().expect("sessions").iter().filter(by_cli).count()
}

#[test]
fn signing_in_again_ends_the_session_that_the_context_had() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let former = std::fs::read_to_string(shell.config()).unwrap();
        shell.sign_in(&house, "olga@acme.example", "here").good();
        assert_eq!(cli_sessions(&owner), 1);
        shell.run(&["panel", "list"]).good();
        std::fs::write(shell.config(), former).unwrap();
        shell.run(&["panel", "list"]).bad(3, "server.unauthenticated");
        // One that has ended already is what is wanted: nothing is said about it.
        let again = shell.sign_in(&house, "olga@acme.example", "here");
        assert!(!again.err.contains("could not be ended"), "{}", again.err);
        again.good();
    }
}

#[test]
fn a_context_does_not_change_hands_unasked() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let viewer = house.invite(&owner, "viewer");
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let refused = shell.sign_in(&house, "viewer@acme.example", "here");
        let said = refused.bad(2, "cli.confirmation");
        assert!(said.contains("as olga@acme.example in Acme") && said.contains("--replace"), "{said}");
        assert_eq!(shell.run(&["me", "get", "--json"]).json()["user"]["email"], "olga@acme.example");
        assert_eq!(cli_sessions(&viewer), 0, "no session is left behind");

        let url = format!("http://{}", house.address);
        let login = ["login", &url, "--name", "here", "--email", "viewer@acme.example", "--password-stdin"];
        shell.fed(&[&login[..], &["--replace"]].concat(), PASSWORD).good();
        assert_eq!(shell.run(&["me", "get", "--json"]).json()["user"]["email"], "viewer@acme.example");
        assert_eq!((cli_sessions(&viewer), cli_sessions(&owner)), (1, 0));
        // Nobody is signed in there any more: whoever comes next takes it.
        shell.run(&["logout"]).good();
        shell.sign_in(&house, "olga@acme.example", "here").good();
    }
}

#[test]
fn a_session_that_cannot_be_ended_is_named_and_the_new_one_stands() {
    let (one, two) = (Site::new(EngineKind::Sqlite), Site::new(EngineKind::Sqlite));
    let (one, two) = (one.start(), two.start());
    one.set_up();
    two.set_up();
    let shell = Shell::signed_in(&one, "olga@acme.example");
    assert!(one.terminate().success());
    let url = format!("http://{}", two.address);
    let login = ["login", &url, "--name", "here", "--email", "olga@acme.example", "--password-stdin"];
    shell.fed(&login, PASSWORD).bad(2, "cli.confirmation");
    let said = shell.fed(&[&login[..], &["--replace"]].concat(), PASSWORD);
    assert!(said.err.contains("could not be ended"), "{}", said.err);
    said.good();
    shell.run(&["panel", "list"]).good();
}

#[test]
fn credentials_do_not_travel_unencrypted_and_need_somebody_or_an_option() {
    let shell = Shell::new();
    shell.run(&["login", "http://ops.acme.example", "--token", "whk_x"]).bad(2, "--plain-http");
    shell.run(&["login", "http://127.0.0.1:9"]).bad(2, "--token-stdin");
    shell.run(&["login", "http://127.0.0.1:9/path", "--token", "whk_x"]).bad(2, "cli.usage");
    shell.fed(&["login", "http://127.0.0.1:9", "--token-stdin"], "\n").bad(2, "no token");
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    house.set_up();
    let url = format!("http://{}", house.address);
    let wrong = shell
        .fed(&["login", &url, "--email", "olga@acme.example", "--password-stdin"], "not the password at all");
    wrong.bad(3, "identity.credentials");
    assert!(!shell.config().exists(), "nothing is kept of a sign-in that failed");
}

#[test]
fn over_tls_only_a_certificate_that_is_known_is_believed() {
    let shell = Shell::new();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let certificate = shell.file("certificate.pem", &made.cert.pem());
    let key = shell.file("key.pem", &made.signing_key.serialize_pem());
    let password = shell.file("password.txt", PASSWORD);
    let site = Site::new(EngineKind::Sqlite);
    let tls = [("WHEELHOUSE_SERVER_TLS_CERTIFICATE", &*certificate), ("WHEELHOUSE_SERVER_TLS_KEY", &*key)];
    let house = House::start_with(site.folder.path(), &tls);
    let token = shell.file("token.txt", house.setup_token.as_deref().unwrap());
    let url = format!("https://{}", house.address);
    let setup = ["setup", "complete", "--company", "Acme", "--name", "Olga", "--email", "olga@acme.example"];
    let setup = [&setup[..], &["--password-file", &password, "--token-file", &token]].concat();
    let server = ("WHEELHOUSE_CLI_URL", &*url);
    shell.with(&[server], &setup).bad(7, "cli.tls");
    shell.with(&[server, ("WHEELHOUSE_CLI_CA_FILE", &certificate)], &setup).good();
    let login =
        ["login", &url, "--email", "olga@acme.example", "--password-stdin", "--ca-file", "certificate.pem"];
    shell.fed(&login, PASSWORD).good();
    assert!(std::fs::read_to_string(shell.config()).unwrap().contains("__Host-wh_sid="));
    let id = shell.run(&["panel", "create", "--title", "Safe", "--quiet"]).good();
    let told = shell.run(&["live", "connect", "panels", "--after", "0", "--count", "1", "--quiet"]).good();
    assert_eq!(told, id, "the live connection goes over TLS too");
}
