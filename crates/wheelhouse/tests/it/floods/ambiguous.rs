//! HTTP/2 heads that no honest client sends (RFC 9113 8.2, 8.3): each is refused by itself, and the next request is answered.
use std::time::Duration;

use wh_testkit::flood::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, frame, literal, preface,
};

use super::fort::{Fort, PATIENCE};

/// Method, scheme, path and host of an honest request.
fn honest() -> [(&'static str, &'static str); 4] {
    [(":method", "GET"), (":scheme", "https"), (":path", "/v1/openapi.json"), (":authority", "localhost")]
}

fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(name, value)).collect()
}

/// The honest head with these fields behind it.
fn with(fields: &[(&str, &str)]) -> Vec<u8> {
    block(&[&honest()[..], fields].concat())
}

/// The honest head with one field in place of another.
fn instead(name: &str, value: Option<&str>) -> Vec<u8> {
    let mut fields: Vec<(&str, &str)> = honest().into_iter().filter(|(other, _)| *other != name).collect();
    fields.extend(value.map(|value| (name, value)));
    block(&fields)
}

#[test]
fn a_head_that_can_be_read_in_two_ways_is_refused() {
    let fort = Fort::build(&[]);
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("a name in upper case", with(&[("X-A", "b")])),
        ("a name with a blank", with(&[("x a", "b")])),
        ("a name with a colon", with(&[("x:a", "b")])),
        ("an empty name", with(&[("", "b")])),
        ("a line feed in a value", with(&[("x-a", "b\nhost: evil")])),
        ("a carriage return in a value", with(&[("x-a", "b\rc")])),
        ("a NUL in a value", with(&[("x-a", "b\0c")])),
        ("Connection", with(&[("connection", "close")])),
        ("Transfer-Encoding", with(&[("transfer-encoding", "chunked")])),
        ("Upgrade", with(&[("upgrade", "h2c")])),
        ("TE other than trailers", with(&[("te", "gzip")])),
        ("two methods", with(&[(":method", "POST")])),
        ("two paths", with(&[(":path", "/v1/panels")])),
        ("two authorities", with(&[(":authority", "evil.example")])),
        ("a pseudo-header that is unknown", with(&[(":evil", "a")])),
        ("an answer's pseudo-header", with(&[(":status", "200")])),
        ("a pseudo-header behind a header", block(&[&[("x-a", "b")], &honest()[..]].concat())),
        ("no method", instead(":method", None)),
        ("no path", instead(":path", None)),
        ("no scheme", instead(":scheme", None)),
        ("an empty path", instead(":path", Some(""))),
        ("a path without a slash", instead(":path", Some("v1/openapi.json"))),
        ("a path with a blank", instead(":path", Some("/v1/openapi.json HTTP/1.1"))),
        ("a path with a line feed", instead(":path", Some("/v1\nhost: evil"))),
        ("a method with a blank", instead(":method", Some("GET /v1"))),
        ("another host in Host", with(&[("host", "evil.example")])),
        ("a foreign authority", instead(":authority", Some("evil.example"))),
        ("a user in the authority", instead(":authority", Some("a@localhost"))),
    ];
    for (what, block) in table {
        let mut attacker = fort.connect(&["h2"]);
        let head = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block);
        assert!(attacker.send(&[preface(&[]), head].concat()), "{what}");
        let answer = attacker.answer(1, PATIENCE);
        assert!(answer.is_refused(), "{what}: {answer:?}");
    }
    fort.others_are_answered("ambiguous heads");
}

#[test]
fn frames_that_do_not_fit_together_end_the_connection() {
    let fort = Fort::build(&[]);
    let open = |flags| frame(HEADERS, flags, 1, &with(&[]));
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("DATA without a stream", frame(DATA, 0, 1, b"a")),
        ("DATA on stream 0", frame(DATA, 0, 0, b"a")),
        ("CONTINUATION without a head", frame(CONTINUATION, END_HEADERS, 1, &[0x82])),
        ("another frame within a head", [open(END_STREAM), frame(DATA, 0, 1, b"a")].concat()),
        ("an even stream", frame(HEADERS, END_HEADERS | END_STREAM, 2, &with(&[]))),
        ("a stream number that goes back", {
            let later = frame(HEADERS, END_HEADERS | END_STREAM, 3, &with(&[]));
            [later, open(END_HEADERS | END_STREAM)].concat()
        }),
        ("a frame that is too large", frame(DATA, 0, 1, &vec![0; 20_000])),
        ("a head that cannot be unpacked", frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 16])),
        ("no preface", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
    ];
    for (what, frames) in table {
        let mut attacker = fort.connect(&["h2"]);
        let begin = if what == "no preface" { Vec::new() } else { preface(&[]) };
        attacker.send(&[begin, frames].concat());
        assert!(!attacker.listen(PATIENCE), "{what}: the connection stays open");
    }
    fort.others_are_answered("frames that do not fit");
}

#[test]
fn a_body_is_as_long_as_its_head_says() {
    let fort = Fort::build(&[]);
    let head = |length| {
        let fields = [
            (":method", "POST"),
            (":scheme", "https"),
            (":path", "/v1/identity/sessions"),
            (":authority", "localhost"),
            ("sec-fetch-site", "none"),
            ("content-type", "application/json"),
            ("content-length", length),
        ];
        frame(HEADERS, END_HEADERS, 1, &block(&fields))
    };
    for (what, length, body) in
        [("longer", "2", &b"{}{}"[..]), ("shorter", "9", b"{}"), ("no number", "x", b"{}")]
    {
        let mut attacker = fort.connect(&["h2"]);
        attacker.send(&[preface(&[]), head(length), frame(DATA, END_STREAM, 1, body)].concat());
        let answer = attacker.answer(1, PATIENCE);
        assert!(answer.is_refused(), "{what}: {answer:?}");
    }
    fort.others_are_answered("bodies of another length");
    // The control: the same request told truly is answered, with a refusal of its own.
    let mut client = fort.connect(&["h2"]);
    client.send(&[preface(&[]), head("2"), frame(DATA, END_STREAM, 1, b"{}")].concat());
    assert_eq!(client.answer(1, Duration::from_secs(20)).status, Some(422));
}
