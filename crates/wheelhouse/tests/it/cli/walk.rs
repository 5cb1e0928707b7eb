//! Each kind of operation once, as somebody uses it: sign in, list, get, create, update, delete, upload, rows, follow.
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use super::Shell;
use crate::house::sites;

const FLIGHTS: &str = "carrier,flight,dep_delay\nUA,1545,2\nAA,1141,33\nB6,725,-1\nUA,1714,44\n";

#[test]
fn panels_are_created_listed_got_renamed_and_deleted() {
    for site in sites() {
        let house = site.start();
        house.set_up();
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let made = shell.run(&["panel", "create", "--title", "Flights", "--json"]).json();
        let id = made["id"].as_str().unwrap();
        assert_eq!(shell.run(&["panel", "list", "--quiet"]).good(), format!("{id}\n"));
        assert_eq!(
            shell.run(&["panel", "get", "flights", "--json"]).json()["id"],
            id,
            "by name, whatever the case"
        );
        assert_eq!(shell.run(&["panel", "get", id, "--json"]).json()["title"], "Flights");
        let record = shell.run(&["panel", "get", "Flights"]).good();
        assert!(
            record.lines().any(|line| line.starts_with("title") && line.ends_with("  Flights")),
            "{record}"
        );
        shell.run(&["panel", "update", "Flights", "--title", "Departures"]).good();
        let csv = shell.run(&["panel", "list", "--csv"]).good();
        assert!(csv.starts_with("id,title,") && csv.contains(&format!("{id},Departures,")), "{csv}");
        shell.fed(&["panel", "create", "--body", "-"], r#"{"title":"From a pipe"}"#).good();

        for word in ["Departures", id] {
            let asked = shell.run(&["panel", "delete", word]).bad(2, "cli.confirmation");
            assert!(asked.contains(": Departures (") && asked.contains("imports 0"), "{asked}");
        }
        shell.run(&["panel", "get", "Departures"]).good();
        shell.run(&["panel", "delete", "Departures", "--yes"]).good();
        shell.run(&["panel", "get", "Departures"]).bad(5, "cli.name_unknown");
        shell.run(&["panel", "get", id]).bad(5, "panels.not_found");
        let table = shell.run(&["panel", "list"]).good();
        assert!(table.starts_with("ID ") && table.contains("From a pipe"), "{table}");
    }
}

#[test]
fn lists_are_walked_page_by_page() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        for n in 0..205 {
            owner.panel(&format!("Panel {n:03}"));
        }
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let lines = |arguments: &[&str]| shell.run(arguments).good().lines().count();
        assert_eq!(lines(&["panel", "list", "--quiet"]), 50);
        assert_eq!(lines(&["panel", "list", "--quiet", "--limit", "7"]), 7);
        assert_eq!(lines(&["panel", "list", "--quiet", "--limit", "203"]), 203);
        assert_eq!(lines(&["panel", "list", "--quiet", "--all"]), 205);
        let all = shell.run(&["panel", "list", "--all", "--json"]).json();
        assert_eq!((all["items"].as_array().unwrap().len(), all["next_cursor"].is_null()), (205, true));
        let said = shell.run(&["panel", "list"]);
        assert!(said.err.contains("the first 50"), "{}", said.err);
        assert_eq!(lines(&["panel", "list", "--all", "--quiet", "--q", "panel 00"]), 10);
        let first = shell.run(&["panel", "list", "--limit", "3", "--json"]).json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let next = shell.run(&["panel", "list", "--limit", "1", "--cursor", cursor, "--csv"]).good();
        assert!(next.contains("Panel 003"), "{next}");
    }
}

#[test]
fn a_file_is_replaced_and_appended_and_its_rows_come_in_every_form() {
    for site in sites() {
        let house = site.start();
        house.set_up().panel("Flights");
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let file = shell.file("flights.csv", FLIGHTS);
        let import = |mode: &str| {
            let made =
                shell.run(&["panel", "import", &file, "--panel", "flights", "--mode", mode, "--json"]).json();
            (made["rows"].as_i64().unwrap(), made["file_name"].as_str().unwrap().to_owned())
        };
        assert_eq!(import("replace"), (4, "flights.csv".to_owned()));
        assert_eq!(import("append").0, 4);
        assert_eq!(import("replace").0, 4);
        shell
            .fed(
                &["import", "create", "-", "--panel", "flights", "--mode", "append"],
                "carrier,flight,dep_delay\nDL,461,-6\nx,y\n",
            )
            .good();
        let asked = shell.run(&["panel", "delete", "flights"]).bad(2, "cli.confirmation");
        let lost =
            ["Flights (", "rows 5", "columns 3", "imports 4", &format!("on http://{}?", house.address)];
        assert!(lost.iter().all(|part| asked.contains(part)), "{asked}");
        let imports = shell.run(&["import", "list", "--panel", "flights", "--json"]).json();
        let newest = imports["items"][0]["id"].as_str().unwrap();
        let bad = shell.run(&["import", "bad-lines", newest, "--panel", "flights"]).good();
        assert!(bad.lines().count() >= 2 && bad.contains("x,y"), "{bad}");

        let filter = r#"{"column":"dep_delay","op":"gt","value":10}"#;
        let rows = ["row", "list", "--panel", "flights", "--filter", filter, "--sort", "-dep_delay"];
        let with = |more: &[&str]| shell.run(&[&rows[..], more].concat());
        let table = with(&[]).good();
        assert_eq!(
            table,
            "CARRIER  FLIGHT  DEP_DELAY\nUA         1714         44\nAA         1141         33\n"
        );
        assert_eq!(with(&["--csv"]).good(), "carrier,flight,dep_delay\r\nUA,1714,44\r\nAA,1141,33\r\n");
        let json = with(&["--json"]).json();
        assert_eq!((json["count"].as_i64(), json["rows"][1][0].as_str()), (Some(2), Some("AA")));
        assert_eq!(with(&["--quiet"]).good(), "2\n");
        let one = with(&["--limit", "1", "--offset", "1", "--csv"]).good();
        assert_eq!(one, "carrier,flight,dep_delay\r\nAA,1141,33\r\n");
    }
}

#[test]
fn every_row_of_a_large_panel_comes_in_windows() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let panel = owner.panel("Many");
        let mut csv = String::from("n,text\n");
        for n in 0..2345 {
            csv.push_str(&format!("{n},row {n}\n"));
        }
        assert_eq!(owner.import(&panel, "replace", csv.as_bytes()).status, 201);
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let all = shell.run(&["row", "list", "--panel", "many", "--all", "--csv", "--sort", "n"]).good();
        assert_eq!(all.replace("\r\n", "\n"), csv);
        let json = shell.run(&["row", "list", "--panel", "many", "--all", "--json"]).json();
        assert_eq!((json["rows"].as_array().unwrap().len(), json["total"].as_i64()), (2345, Some(2345)));
        let some = shell.run(&["row", "list", "--panel", "many", "--limit", "1200", "--json"]).json();
        assert_eq!(some["rows"].as_array().unwrap().len(), 1200);
        let said = shell.run(&["row", "list", "--panel", "many", "--limit", "2"]);
        assert!(said.err.contains("rows 1 to 2 of 2345"), "{}", said.err);
    }
}

#[test]
fn a_follower_sees_an_import() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let panel = owner.panel("Flights");
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let mut follower = shell.spawn(
            &["live", "follow", "panels.flights", "--kind", "panels.imported", "--count", "1"],
            Stdio::null(),
        );
        let mut notices = BufReader::new(follower.stderr.take().unwrap());
        let mut notice = String::new();
        notices.read_line(&mut notice).unwrap();
        assert!(notice.contains(&format!("following panels.{panel}")), "{notice}");
        assert_eq!(owner.import(&panel, "replace", FLIGHTS.as_bytes()).status, 201);
        let mut out = String::new();
        follower.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert!(follower.wait().unwrap().success());
        assert!(out.contains("panels.imported") && out.contains(&panel), "{out}");

        let position: i64 = out.split(' ').next().unwrap().parse().unwrap();
        let again = (position - 1).to_string();
        let told =
            shell.run(&["live", "connect", "panels", "--after", &again, "--count", "1", "--json"]).json();
        assert_eq!(
            (told["kind"].as_str(), told["position"].as_i64()),
            (Some("panels.imported"), Some(position))
        );
        shell.run(&["live", "connect", "nothing", "--count", "1"]).bad(1, "server.live_topic");
    }
}

#[test]
fn people_are_found_by_address_and_secrets_come_from_files() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        house.invite(&owner, "viewer");
        let shell = Shell::signed_in(&house, "olga@acme.example");
        let member =
            shell.run(&["member", "update", "viewer@acme.example", "--role", "editor", "--json"]).json();
        assert_eq!(member["role"], "editor");
        let asked = shell.run(&["member", "remove", "VIEWER@acme.example"]).bad(2, "cli.confirmation");
        assert!(asked.contains("email viewer@acme.example, role editor"), "{asked}");
        shell.run(&["member", "remove", "viewer@acme.example", "--yes"]).good();
        let left = shell.run(&["member", "list", "--csv"]).good();
        assert!(!left.contains("viewer@"), "{left}");
        let old = shell.file("old.txt", crate::house::PASSWORD);
        let changed = shell.fed(
            &["password", "change", "--current-file", &old, "--new-file", "-", "--quiet"],
            "quite another pass phrase 9\n",
        );
        changed.good();
        // The session of the new password took the place of the old one.
        assert_eq!(shell.run(&["me", "get", "--json"]).json()["user"]["email"], "olga@acme.example");
    }
}
