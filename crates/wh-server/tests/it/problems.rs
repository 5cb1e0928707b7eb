//! What is wrong with an input, and how the answer says so: status, code, the field by name.
use serde_json::{Value, json};
use wh_testkit::{Answer, Browser, EDITOR, NOBODY, TestServer, VIEWER, both_servers};

use crate::desk::{MIGRATIONS, parts};

/// Status, code, and the first field that is named.
fn said(answer: &Answer) -> (u16, String, String) {
    let pointer = answer.json()["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned();
    (answer.status, answer.code.clone(), pointer)
}

fn expected(status: u16, code: &str, pointer: &str) -> (u16, String, String) {
    (status, code.to_owned(), pointer.to_owned())
}

both_servers!(a_body_is_read_strictly, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let echo = "/v1/desk/echo";
    let cases = [
        ("", expected(400, "server.body_unreadable", "")),
        ("{", expected(400, "server.body_unreadable", "")),
        ("{} {}", expected(400, "server.body_unreadable", "")),
        ("\u{feff}{}", expected(400, "server.body_unreadable", "")),
        ("[]", expected(422, "server.body_invalid", "")),
        (r#"{"words":7}"#, expected(422, "server.body_invalid", "/words")),
        (r#"{"numbers":[1,2,300]}"#, expected(422, "server.body_invalid", "/numbers/2")),
        (r#"{"inner":{}}"#, expected(422, "server.body_invalid", "/inner/name")),
        (r#"{"inner":{"name":"a","b/c~d":1}}"#, expected(422, "server.body_invalid", "/inner/b~1c~0d")),
        (r#"{"wrods":"hello"}"#, expected(422, "server.body_invalid", "/wrods")),
        (r#"{"words":"a","words":"b"}"#, expected(422, "server.body_invalid", "/words")),
        (r#"{"words":"a\u0000b"}"#, expected(400, "server.nul", "/words")),
        (r#"{"inner":{"name":"\u0000"}}"#, expected(400, "server.nul", "/inner/name")),
        (r#"{"words":"\\u0000 is only its name"}"#, expected(200, "", "")),
        (r#"{"words":"hello"}"#, expected(200, "", "")),
    ];
    for (body, outcome) in cases {
        assert_eq!(said(&page.post(NOBODY, echo, body).await), outcome, "{body}");
    }
    let deep = "[".repeat(2_000);
    assert_eq!(page.post(NOBODY, echo, deep).await.code, "server.body_invalid");
    let large = json!({ "words": "x".repeat(5_000) });
    assert_eq!(page.post(NOBODY, echo, large).await.code, "server.body_too_large");
});

both_servers!(a_body_has_its_content_type, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    for media in
        ["text/plain", "application/json; charset=latin1", "application/x-www-form-urlencoded", "json", ""]
    {
        let answer = page.call(NOBODY, "POST", "/v1/desk/echo").body(media, "{}").send().await;
        assert_eq!((answer.status, answer.code.as_str()), (415, "server.media_type"), "{media}");
    }
    let none = page.call(NOBODY, "POST", "/v1/desk/echo").send().await;
    assert_eq!(none.status, 415);
    for media in ["application/json", "Application/JSON; charset=UTF-8"] {
        assert_eq!(page.call(NOBODY, "POST", "/v1/desk/echo").body(media, "{}").send().await.status, 200);
    }
    let file =
        page.call(EDITOR, "POST", "/v1/desk/uploads").body("application/octet-stream", "hello").send().await;
    assert_eq!(file.json()["bytes"], 5);
});

both_servers!(a_stream_is_held_to_its_limit, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let upload = |bytes: usize| {
        page.call(EDITOR, "POST", "/v1/desk/uploads")
            .body("application/octet-stream", vec![b'x'; bytes])
            .send()
    };
    assert_eq!(upload(1_000_000).await.json()["bytes"], 1_000_000);
    let over = upload(1_000_001).await;
    assert_eq!((over.status, over.code.as_str()), (413, "server.body_too_large"));
});

both_servers!(a_query_is_read_strictly, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let cases = [
        ("limit=0", expected(400, "server.query", "limit")),
        ("limit=201", expected(400, "server.query", "limit")),
        ("limit=many", expected(400, "server.query", "limit")),
        ("limit=-1", expected(400, "server.query", "limit")),
        ("limit=1&limit=2", expected(400, "server.query", "limit")),
        ("limti=5", expected(400, "server.query_unknown", "limti")),
        ("cursor=abc", expected(400, "server.cursor", "cursor")),
        ("cursor=%00", expected(400, "server.nul", "")),
        ("limit=200", expected(200, "", "")),
    ];
    for (query, outcome) in cases {
        let answer = page.get(VIEWER, &format!("/v1/desk/notes?{query}")).await;
        assert_eq!(said(&answer), outcome, "{query}");
    }
    let id = page.get(VIEWER, "/v1/desk/notes/not-an-id").await;
    assert_eq!((id.status, id.code.as_str()), (400, "server.path"));
    assert_eq!(page.get(VIEWER, "/v1/desk/notes/%00").await.status, 400);
});

both_servers!(a_problem_has_the_shape_of_rfc_9457, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let answer = page.post(EDITOR, "/v1/desk/notes", r#"{"words":"   "}"#).await;
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let mut body = answer.json();
    let request = body["request_id"].take();
    assert_eq!(request.as_str(), answer.header("x-request-id"));
    let expected = json!({
        "type": "/docs/errors#desk.empty",
        "title": "a note says something",
        "status": 422,
        "detail": "only blanks",
        "instance": format!("urn:uuid:{}", request.as_str().unwrap_or_default()),
        "code": "desk.empty",
        "request_id": Value::Null,
        "errors": [{ "pointer": "/words", "detail": "only blanks" }],
    });
    assert_eq!(body, expected);
});
