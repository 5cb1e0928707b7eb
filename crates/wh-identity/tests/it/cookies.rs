//! The session cookie where people come by https: the host's alone, never sent in the clear, out of the reach of scripts.
use http::header;
use serde_json::json;
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{self, Browser, House, OWNER, PASSWORD, Reply};

/// The one cookie that an answer sets.
fn set(reply: &Reply) -> &str {
    assert_eq!(reply.headers.get_all(header::SET_COOKIE).iter().count(), 1);
    reply.set_cookie()
}

fn handed_out(token: &str) -> String {
    format!("__Host-wh_sid={token}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure")
}

both_engines!(by_https_the_cookie_is_secure_and_of_the_host_alone, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    let mut browser = Browser::new(&house::secure_node(&house.t, house::config()));
    let reply = browser.sign_in(OWNER).await;
    let token = browser.cookie.clone().expect("a token");
    assert_eq!((reply.status, token.len()), (201, 43));
    assert_eq!(set(&reply), handed_out(&token));
    assert_eq!(browser.get("me").await.status, 200);

    // Under the name that a neighbour, or whoever sits on the line, could set, it opens nothing.
    let mut plain = Browser { cookie_name: "wh_sid", ..browser.clone() };
    assert_eq!(plain.get("me").await.said(), (401, "server.unauthenticated"));

    let next = json!({"current": PASSWORD, "new": "nine teal kettles sing"});
    let changed = browser.put("password", next).await;
    let renewed = browser.cookie.clone().expect("a token");
    assert_ne!(renewed, token);
    assert_eq!(set(&changed), handed_out(&renewed));

    let left = browser.delete("session").await;
    assert_eq!(set(&left), "__Host-wh_sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
    assert_eq!(browser.cookie, None);
});

both_engines!(by_http_the_cookie_has_a_plain_name, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    let mut browser = house.browser();
    let reply = browser.sign_in(OWNER).await;
    let token = browser.cookie.clone().expect("a token");
    assert_eq!(set(&reply), format!("wh_sid={token}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"));
    let mut other = Browser { cookie_name: "__Host-wh_sid", ..browser.clone() };
    assert_eq!(other.get("me").await.said(), (401, "server.unauthenticated"));
});
