//! A database that is away for a while: whoever could not be answered is not locked out afterwards.
use serde_json::json;
use wh_identity::MIGRATIONS;
use wh_testkit::one_engine;

use crate::house::{House, OWNER};

/// More tries than one account has at once.
const SIGN_INS: usize = 11;
/// More tries than one address has at once.
const LINKS: usize = 31;
const AWAY: (u16, &str) = (503, "db.away");

// An embedded database is never away.
one_engine!(postgres, what_could_not_be_looked_up_was_no_try, &[MIGRATIONS], async |t| {
    let house = House::new(t).await;
    let mut browser = house.browser();
    let exchange = json!({"code": "no such code", "verifier": "x".repeat(43)});
    let lookup = json!({"token": "no such token"});
    house.t.fresh.shut().await;
    for _ in 0..SIGN_INS {
        assert_eq!(browser.sign_in(OWNER).await.said(), AWAY);
    }
    for _ in 0..LINKS {
        assert_eq!(browser.post("cli-logins/exchange", exchange.clone()).await.said(), AWAY);
        assert_eq!(browser.post("invitations/lookup", lookup.clone()).await.said(), AWAY);
    }
    house.t.fresh.reopen().await;
    assert_eq!(browser.sign_in(OWNER).await.status, 201);
    // What is wrong counts as ever.
    for _ in 1..LINKS {
        assert_eq!(
            browser.post("cli-logins/exchange", exchange.clone()).await.said(),
            (410, "identity.cli_login")
        );
    }
    let refused = browser.post("invitations/lookup", lookup).await;
    assert_eq!(refused.said(), (429, "identity.throttled"));
});
