//! Keys at the front door: one header, the scopes of the key, and keys of idempotency that two programs do not share.
use wh_testkit::{Browser, EDITOR, NOBODY, TestActor, TestServer, VIEWER, both_servers};

use crate::desk::{MIGRATIONS, parts};

const NOTES: &str = "/v1/desk/notes";
const NOTE: &str = r#"{"words":"by a program"}"#;

both_servers!(a_key_needs_scope_and_role, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let table = [
        (EDITOR.bearer(&["desk:read", "desk:write"]), (200, ""), (201, "")),
        (EDITOR.bearer(&["desk:read"]), (200, ""), (403, "server.bearer_scope")),
        (EDITOR.bearer(&["desk:write"]), (403, "server.bearer_scope"), (201, "")),
        (VIEWER.bearer(&["desk:read", "desk:write"]), (200, ""), (403, "server.forbidden")),
        ("bearer editor/desk:read".to_owned(), (200, ""), (403, "server.bearer_scope")),
        ("Bearer nobody/desk:read".to_owned(), (401, "server.bearer"), (401, "server.bearer")),
        ("Bearer  ".to_owned(), (401, "server.unauthenticated"), (401, "server.unauthenticated")),
        ("Bearer".to_owned(), (401, "server.unauthenticated"), (401, "server.unauthenticated")),
        (
            format!("Bearer {}", "x".repeat(257)),
            (401, "server.bearer_malformed"),
            (401, "server.bearer_malformed"),
        ),
    ];
    for (bearer, read, write) in table {
        let call = |method| page.call(NOBODY, method, NOTES).header("authorization", &bearer);
        let answer = call("GET").send().await;
        assert_eq!((answer.status, answer.code.as_str()), read, "{bearer}");
        let answer = call("POST").json(NOTE).send().await;
        assert_eq!((answer.status, answer.code.as_str()), write, "{bearer}");
        assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401, "{bearer}");
    }
    let bearer = EDITOR.bearer(&["desk:write"]);
    let call = page.call(NOBODY, "POST", "/v1/desk/clash").header("authorization", &bearer);
    assert_eq!(call.json(NOTE).send().await.code, "server.bearer_session");
    // A proxy's own password stands in nobody's way.
    let basic = page.call(EDITOR, "GET", NOTES).header("authorization", "Basic YTpi").send().await;
    assert_eq!(basic.status, 200);
});

both_servers!(two_keys_share_no_idempotency, MIGRATIONS, parts, async |server: TestServer| {
    let page = Browser::new(&server);
    let make = async |who: Option<TestActor>, bearer: Option<String>| {
        let mut call = page.call(who, "POST", NOTES).header("idempotency-key", "\"same\"");
        if let Some(bearer) = bearer {
            call = call.header("authorization", &bearer);
        }
        call.json(NOTE).send().await.json()["id"].as_str().expect("an id").to_owned()
    };
    let by_session = make(Some(EDITOR), None).await;
    let by_key = make(None, Some(EDITOR.bearer(&["desk:write"]))).await;
    assert_ne!(by_session, by_key);
    assert_eq!(by_session, make(Some(EDITOR), None).await);
    assert_eq!(by_key, make(None, Some(EDITOR.bearer(&["desk:write", "desk:read"]))).await);
});
