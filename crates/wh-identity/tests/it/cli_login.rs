//! A command line signs in by a browser: allowed there, proved here, once and for minutes only.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{Browser, House, OWNER, key_of};

const VERIFIER: &str = "a-verifier-that-only-the-command-line-knows-1234";
const REFUSED: (u16, &str) = (410, "identity.cli_login");

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

fn wish() -> Value {
    json!({ "challenge": challenge(), "port": 40_123, "state": "state_1" })
}

/// Allow it in a browser; the code.
async fn allowed(browser: &mut Browser) -> String {
    let reply = browser.post("cli-logins", wish()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let address = reply.body["address"].as_str().expect("an address").to_owned();
    let rest = address.strip_prefix("http://127.0.0.1:40123/signed-in?code=").expect("the loopback");
    rest.strip_suffix("&state=state_1").expect("the state").to_owned()
}

fn proof(code: &str) -> Value {
    json!({ "code": code, "verifier": VERIFIER })
}

fn shell(house: &House) -> Browser {
    Browser { site: Some("none"), ..Browser::at(&house.node, [10, 0, 0, 7]) }
}

both_engines!(it_is_allowed_in_a_browser_and_used_once, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let code = allowed(&mut house.owner).await;
    // The node that was asked need not be the one that allowed it.
    let mut shell = Browser { site: Some("none"), ..Browser::at(&house.other, [10, 0, 0, 7]) };
    let reply = shell.post("cli-logins/exchange", proof(&code)).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(shell.get("me").await.body["user"]["email"], OWNER);
    let again = shell.clone().post("cli-logins/exchange", proof(&code)).await;
    assert_eq!(again.said(), REFUSED);
    assert_eq!(shell.get("me").await.status, 200, "a second try takes nothing from the first");

    let list = house.owner.get("sessions").await.body;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(items.len(), 2);
    let made = items.iter().find(|item| item["current"] == json!(false)).expect("the command line's");
    assert_eq!(made["address"], "10.0.0.7");
    let path = format!("sessions/{}", made["id"].as_str().expect("an id"));
    assert_eq!(house.owner.delete(&path).await.status, 204);
    house.t.clock.advance_seconds(1);
    assert_eq!(shell.get("me").await.status, 401, "whoever allowed it can end it");

    let tenant = house.tenant().await;
    let trail = house.t.cx.db.audit_before(tenant, i64::MAX, 200).await.expect("the database answers");
    let actions: Vec<&str> = trail.iter().rev().map(|line| line.action.as_str()).collect();
    assert_eq!(actions, ["setup_complete", "cli_login_create", "cli_login_exchange", "session_revoke"]);
    let text = format!("{trail:?}");
    assert!(!text.contains(&code) && !text.contains(VERIFIER), "the trail holds no secret");
});

both_engines!(it_is_no_more_than_whoever_allowed_it_and_ends_no_later, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut viewer = house.member("bob@example.com", "viewer").await;
    let ends = |list: &Value, current: bool| {
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let one = items.into_iter().find(|item| item["current"] == json!(current));
        one.expect("a session")["expires_at"].clone()
    };
    house.t.clock.advance_seconds(20 * 60);
    let code = allowed(&mut viewer).await;
    let mut shell = shell(&house);
    let reply = shell.post("cli-logins/exchange", proof(&code)).await;
    assert_eq!((reply.status, &reply.body["role"]), (201, &json!("viewer")));
    let wish = json!({"email": "eve@example.com", "role": "viewer"});
    assert_eq!(shell.post("invitations", wish).await.said(), (403, "server.forbidden"));
    let list = viewer.get("sessions").await.body;
    assert_eq!(ends(&list, true), ends(&list, false), "allowing makes no session immortal");
});

both_engines!(of_two_at_once_one_gets_in, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let code = allowed(&mut house.owner).await;
    let (mut here, mut there) = (shell(&house), shell(&house).moved(&house.other));
    let both = tokio::join!(
        here.post("cli-logins/exchange", proof(&code)),
        there.post("cli-logins/exchange", proof(&code))
    );
    let mut said = [both.0.status, both.1.status];
    said.sort_unstable();
    assert_eq!(said, [201, 410]);
});

both_engines!(whoever_did_not_ask_uses_the_code_up_and_gets_nothing, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let code = allowed(&mut house.owner).await;
    let mut thief = Browser::at(&house.node, [10, 0, 0, 8]);
    let wrong = json!({ "code": code, "verifier": "x".repeat(43) });
    assert_eq!(thief.post("cli-logins/exchange", wrong).await.said(), REFUSED);
    assert_eq!(thief.post("cli-logins/exchange", proof(&code)).await.said(), REFUSED);
    assert_eq!(thief.cookie, None);
    assert_eq!(house.owner.get("sessions").await.body["items"].as_array().map(Vec::len), Some(1));
});

both_engines!(a_code_ends_after_minutes_and_with_the_session_that_allowed_it, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut shell = shell(&house);
    let code = allowed(&mut house.owner).await;
    house.t.clock.advance_seconds(5 * 60);
    assert_eq!(shell.post("cli-logins/exchange", proof(&code)).await.said(), REFUSED);
    let first = allowed(&mut house.owner).await;
    let second = allowed(&mut house.owner).await;
    assert_eq!(shell.post("cli-logins/exchange", proof(&first)).await.said(), REFUSED, "replaced");
    assert_eq!(house.owner.delete("session").await.status, 204);
    assert_eq!(shell.post("cli-logins/exchange", proof(&second)).await.said(), REFUSED);
});

both_engines!(what_nobody_takes_is_swept_away, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let code = allowed(&mut house.owner).await;
    house.node.identity.upkeep_once().await.expect("the database answers");
    assert_eq!(
        shell(&house).post("cli-logins/exchange", proof(&code)).await.status,
        201,
        "a living one stays"
    );
    allowed(&mut house.owner).await;
    assert_eq!(waiting(&house).await, 1);
    house.t.clock.advance_seconds(5 * 60);
    house.node.identity.upkeep_once().await.expect("the database answers");
    assert_eq!(waiting(&house).await, 0);
});

async fn waiting(house: &House) -> i64 {
    let mut db = house.t.identity.read().await.expect("the database answers");
    db.row("SELECT COUNT(id) AS n FROM identity_cli_login", wh_db::args![])
        .await
        .expect("the database answers")
        .int("n")
        .expect("the column")
}

both_engines!(only_a_page_of_our_own_allows_it, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut nobody = house.browser();
    assert_eq!(nobody.post("cli-logins", wish()).await.said(), (401, "server.unauthenticated"));
    let mut foreign = Browser { site: Some("cross-site"), ..house.owner.clone() };
    assert_eq!(foreign.post("cli-logins", wish()).await.said(), (403, "server.cross_origin"));
    let key = key_of(&mut house.owner, &["identity:self"]).await;
    let mut program = Browser::program(&house.node, &key);
    assert_eq!(program.post("cli-logins", wish()).await.said(), (403, "server.bearer_session"));
});

both_engines!(only_the_loopback_of_the_browser_is_led_to, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    for (challenge, port, state) in [
        ("short".to_owned(), 40_123, "s"),
        (challenge(), 80, "s"),
        (challenge(), 40_123, "s&code=other"),
        (challenge(), 40_123, "s\r\nLocation: https://evil.example"),
        (challenge(), 40_123, ""),
    ] {
        let body = json!({ "challenge": challenge, "port": port, "state": state });
        assert_eq!(house.owner.post("cli-logins", body).await.said(), (422, "identity.cli_login_request"));
    }
    let mut elsewhere = wish();
    elsewhere["host"] = json!("evil.example");
    assert_eq!(house.owner.post("cli-logins", elsewhere).await.status, 422, "no other host can be named");
});
