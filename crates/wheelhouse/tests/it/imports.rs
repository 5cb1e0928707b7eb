//! Imports through the whole program: what is no text, what takes too long, what takes too much, what titles and filters say.
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;
use wh_testkit::engines::EngineKind;

use crate::house::{House, Site, sites};

/// The most memory a process ever had resident, in bytes.
fn peak_bytes(house: &House) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
}

#[test]
fn what_is_packed_or_binary_does_not_take_the_place_of_rows() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let panel = owner.panel("flights");
        assert_eq!(owner.import(&panel, "replace", b"carrier,delay\nUA,3\n").status, 201);
        let gzip =
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x4c\x4a\xe6\x32\xe4\x02\x00\x2b\x3f\x0b\x7d";
        let address = format!("/v1/panels/{panel}/imports?mode=replace");
        let packed =
            owner.send("POST", &address, "Content-Type: text/csv\r\nContent-Encoding: gzip\r\n", gzip);
        assert_eq!((packed.status, packed.code().as_str()), (415, "server.content_coding"));
        for (file, what) in [
            (&gzip[..], "compressed with gzip"),
            (b"PK\x03\x04\x14\0\x06\0", "a spreadsheet (XLSX)"),
            (b"%PDF-1.7\nabc,def\n", "a PDF document"),
            (b"SQLite format 3\0\x10\0", "an SQLite database"),
            (b"carrier,delay\nUA,3\nA\0,4\n", "NUL bytes"),
        ] {
            for address in [address.as_str(), "/v1/panels/preview"] {
                let refused = owner.send("POST", address, "Content-Type: text/csv\r\n", file);
                assert_eq!((refused.status, refused.code().as_str()), (422, "dataset.not_text"), "{what}");
                assert!(refused.text().contains(what), "{what}: {}", refused.text());
            }
        }
        let identity = "Content-Type: text/csv\r\nContent-Encoding: identity\r\n";
        assert_eq!(owner.send("POST", &address, identity, b"carrier,delay\nAA,4\n").status, 201);
        let rows = owner.get(&format!("/v1/panels/{panel}/rows")).json();
        assert_eq!(rows["rows"], json!([["AA", 4]]));
    }
}

#[test]
fn an_upload_that_does_not_end_is_ended_and_nothing_of_it_is_seen() {
    let site = Site::new(EngineKind::Sqlite);
    let house = House::start_with(site.folder.path(), &[("WHEELHOUSE_DATASET_IMPORT_S_MAX", "1")]);
    let owner = house.set_up();
    let panel = owner.panel("slow");
    let mut stream = TcpStream::connect(house.address).expect("it listens");
    let head = format!(
        "POST /v1/panels/{panel}/imports?mode=replace HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
         Sec-Fetch-Site: same-origin\r\n{}Content-Type: text/csv\r\nContent-Length: 1000000\r\n\r\na,b\n1,2\n",
        house.address, owner.cookie
    );
    stream.write_all(head.as_bytes()).expect("it takes the head");
    let mut answer = Vec::new();
    // The connection may be cut after the answer, as its request never ended.
    let _cut = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("dataset.import_slow"), "{answer}");
    let imports = owner.get(&format!("/v1/panels/{panel}/imports")).json();
    assert_eq!(imports["items"][0]["state"], "failed");
    assert_eq!(imports["items"][0]["problem"]["code"], "dataset.import_slow");
    assert_eq!(owner.get(&format!("/v1/panels/{panel}")).json()["version"], 0);
    assert_eq!(owner.import(&panel, "replace", b"a,b\n1,2\n").status, 201);
}

#[test]
fn a_wide_file_of_one_row_takes_memory_for_one_row() {
    let house = Site::new(EngineKind::Sqlite).start();
    let owner = house.set_up();
    let panel = owner.panel("wide");
    assert_eq!(owner.import(&panel, "replace", b"a,b\n1,2\n").status, 201);
    let names: Vec<String> = (0..1_000).map(|column| format!("c{column}")).collect();
    let wide = format!("{}\n{}\n", names.join(","), vec!["1"; 1_000].join(","));
    let before = peak_bytes(&house);
    assert_eq!(owner.import(&panel, "replace", wide.as_bytes()).status, 201);
    let grown = peak_bytes(&house).saturating_sub(before);
    assert!(grown < 100 << 20, "{} MiB for {} bytes", grown >> 20, wide.len());
}

#[test]
fn titles_hold_nothing_that_cannot_be_seen() {
    let house = Site::new(EngineKind::Sqlite).start();
    let owner = house.set_up();
    for title in ["two\nlines", "turned\u{202e}round", "marked\u{200f}", "isolated\u{2066}"] {
        let refused = owner.post("/v1/panels", &json!({ "title": title }));
        assert_eq!((refused.status, refused.code().as_str()), (422, "panels.title_characters"), "{title:?}");
    }
    assert_eq!(owner.post("/v1/panels", &json!({ "title": "Zürich → 東京 ✈" })).status, 201);
}

#[test]
fn filters_and_sorts_are_read_by_their_own_rules() {
    let house = Site::new(EngineKind::Sqlite).start();
    let owner = house.set_up();
    let panel = owner.panel("numbers");
    let file = b"\"a,b\",-n,x\n1,2,7.038531e-26\n3,1,2.5\n";
    assert_eq!(owner.import(&panel, "replace", file).status, 201);
    let rows = |query: &str| owner.get(&format!("/v1/panels/{panel}/rows?{query}"));
    let broken = rows("filter=%7B");
    assert_eq!((broken.status, broken.code().as_str()), (400, "dataset.filter"));
    let part = "%7B%22column%22:%22x%22,%22op%22:%22is_empty%22%7D";
    let many = rows(&format!("filter=%7B%22any%22:%5B{}%5D%7D", vec![part; 101].join(",")));
    assert_eq!((many.status, many.code().as_str()), (422, "dataset.filter_limit"));
    // A number that JSON parsers in a hurry read as its neighbour is found by what is shown.
    let found = rows("filter=%7B%22column%22:%22x%22,%22op%22:%22eq%22,%22value%22:7.038531e-26%7D");
    assert_eq!(found.json()["count"], 1, "{}", found.text());
    for (sort, first) in [("a%5C,b", 1), ("-a%5C,b", 3), ("%5C-n", 3), ("-%5C-n", 1)] {
        let sorted = rows(&format!("sort={sort}"));
        assert_eq!(sorted.json()["rows"][0][0], first, "{sort}: {}", sorted.text());
    }
}
