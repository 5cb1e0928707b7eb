//! A file on its way to the server: how far it is on a terminal, and what is said of one that changes while it is sent.
use std::fs::OpenOptions;
use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use wh_testkit::engines::EngineKind;

use super::Shell;
use super::terminal::shown;
use crate::house::Site;
use crate::http::request_head;

/// More than a connection holds while nobody reads from it: the file changes before it is sent.
const BYTES: u64 = 64 << 20;
const PANEL: &str = "0198c0de-5eed-7000-8000-000000000001";

/// A file of zeros; its path.
fn large(shell: &Shell) -> String {
    let file = shell.file("large.csv", "");
    OpenOptions::new().write(true).open(&file).and_then(|file| file.set_len(BYTES)).expect("room");
    file
}

/// A server that gives a file another length before it reads from the connection: its URL, and how much came in the end.
fn changing(file: &str, length: u64) -> (String, JoinHandle<u64>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let file = OpenOptions::new().write(true).open(file).expect("it is there");
    let came = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        request_head(&mut reader).expect("a head");
        file.set_len(length).expect("room");
        (&stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n").expect("it listens");
        // A connection that is reset has not brought the whole either.
        std::io::copy(&mut reader, &mut std::io::sink()).unwrap_or_default()
    });
    (url, came)
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_named_and_does_not_come_whole() {
    for (length, how) in [(0, "became shorter"), (BYTES + 1, "became longer")] {
        let shell = Shell::new();
        let file = large(&shell);
        let (url, came) = changing(&file, length);
        let import = ["panel", "import", &file, "--panel", PANEL, "--mode", "replace"];
        let said = shell.with(&[("WHEELHOUSE_CLI_URL", &*url)], &import).bad(2, "cli.file");
        assert!(said.contains(how) && said.contains("large.csv"), "{said}");
        assert!(came.join().unwrap() < BYTES, "{how}");
    }
}

#[test]
fn a_problem_in_the_middle_stands_on_a_line_of_its_own() {
    let shell = Shell::new();
    let file = large(&shell);
    let (url, came) = changing(&file, 0);
    let import = format!("panel import {file} --panel {PANEL} --mode replace");
    let Some(said) = shown(&shell, 200, &[("WHEELHOUSE_CLI_URL", &*url)], &import, "") else { return };
    let (before, _) = said.split_once("\u{1b}[31mcli.file").unwrap_or_else(|| panic!("{said}"));
    assert!(before.is_empty() || before.ends_with("\r\n"), "{said}");
    assert!(came.join().unwrap() < BYTES);
}

#[test]
fn on_a_terminal_one_sees_how_far_it_is_and_the_result_below() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    house.set_up().panel("Flights");
    let shell = Shell::signed_in(&house, "olga@acme.example");
    let file = shell.file("flights.csv", "carrier,delay\nUA,3\n");
    let import = format!("panel import {file} --panel flights --mode replace");
    let Some(said) = shown(&shell, 200, &[], &import, "") else { return };
    let (progress, result) = said.split_once("; sent, the server reads it").unwrap();
    assert!(progress.contains("flights.csv: 19 B of 19 B, 100 %, "), "{said}");
    assert!(result.starts_with("\r\n") && result.contains("rows"), "{said}");

    let plain = shown(&shell, 200, &[("NO_COLOR", "1")], &import, "").unwrap();
    assert!(plain.contains("rows") && !plain.contains('\u{1b}') && !plain.contains("sent, "), "{plain}");
    let quiet = shown(&shell, 200, &[], &format!("{import} --quiet"), "").unwrap();
    assert!(quiet.lines().count() == 1 && !quiet.contains("sent, "), "{quiet}");
    let piped = shell.run(&["panel", "import", &file, "--panel", "flights", "--mode", "replace"]);
    assert_eq!(piped.err, "");
    piped.good();
}

#[test]
fn what_has_no_length_of_its_own_is_read_to_its_end() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    house.set_up().panel("Kernel");
    let shell = Shell::signed_in(&house, "olga@acme.example");
    // It says that it is an empty file.
    let made = ["panel", "import", "/proc/filesystems", "--panel", "kernel", "--mode", "replace", "--json"];
    assert!(shell.run(&made).json()["rows"].as_i64().unwrap() > 0);
}
