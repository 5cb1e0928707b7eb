//! What every change leaves behind: one event or more, one line of the trail, and never a secret.
use serde_json::{Value, json};
use wh_contract::TenantId;
use wh_db::{AuditLine, EngineConfig};
use wh_identity::MIGRATIONS;
use wh_testkit::both_engines;

use crate::house::{House, OWNER, PASSWORD, user_id};

const NEXT: &str = "nine teal kettles sing";

/// The trail of a company, the oldest line first.
pub async fn lines(house: &House, tenant: TenantId) -> Vec<AuditLine> {
    let mut lines = house.t.cx.db.audit_before(tenant, i64::MAX, 200).await.expect("the database answers");
    lines.reverse();
    lines
}

both_engines!(every_change_is_in_the_trail_with_before_and_after, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let secrets = live_through_everything(&mut house).await;
    let lines = lines(&house, tenant).await;
    let actions: Vec<&str> = lines.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "setup_complete",
            "invitation_create",
            "invitation_accept",
            "member_update",
            "session_create",
            "session_revoke",
            "password_change",
            "session_revoke_others",
            "invitation_create",
            "invitation_revoke",
            "session_revoke",
            "member_remove",
            "session_end",
        ]
    );
    let update = lines.iter().find(|line| line.action == "member_update").expect("the line");
    assert_eq!(update.before, Some(json!({"email": "bob@example.com", "role": "viewer"})));
    assert_eq!(update.after, Some(json!({"email": "bob@example.com", "role": "editor"})));
    assert!(update.subject.starts_with("identity.member/"));
    assert!(lines.iter().all(|line| line.user.is_some() && line.session.is_some()));
    assert!(lines.iter().all(|line| line.address.as_deref() == Some("127.0.0.1")));
    let text = format!("{lines:?}");
    assert!(secrets.iter().all(|secret| !text.contains(secret.as_str())));
    if let EngineConfig::Sqlite { path } = &house.t.fresh.config.engine {
        nowhere_in(path.parent().expect("a folder"), &secrets);
    }
});

/// Every kind of change once; gives the secrets that were used on the way.
async fn live_through_everything(house: &mut House) -> Vec<String> {
    let mut secrets = vec![PASSWORD.to_owned(), NEXT.to_owned()];
    secrets.extend(house.owner.cookie.clone());
    let invited =
        house.owner.post("invitations", json!({"email": "bob@example.com", "role": "viewer"})).await.body;
    secrets.extend(invited["token"].as_str().map(str::to_owned));
    let mut bob = house.browser();
    let body = json!({"token": invited["token"], "name": "Bob", "password": PASSWORD});
    assert_eq!(bob.post("invitations/accept", body).await.status, 201);
    secrets.extend(bob.cookie.clone());
    let member = format!("members/{}", user_id(&mut bob).await);
    assert_eq!(house.owner.patch(&member, json!({"role": "editor"})).await.status, 200);
    let mut phone = house.browser();
    let session = phone.sign_in(OWNER).await.body["session_id"].clone();
    secrets.extend(phone.cookie.clone());
    let path = format!("sessions/{}", session.as_str().expect("an id"));
    assert_eq!(house.owner.delete(&path).await.status, 204);
    let changed = house.owner.put("password", json!({"current": PASSWORD, "new": NEXT})).await;
    assert_eq!(changed.status, 200);
    secrets.extend(house.owner.cookie.clone());
    assert_eq!(house.owner.post("sessions/revoke-others", Value::Null).await.status, 200);
    let invited =
        house.owner.post("invitations", json!({"email": "x@example.com", "role": "viewer"})).await.body;
    secrets.extend(invited["token"].as_str().map(str::to_owned));
    let path = format!("invitations/{}", invited["invitation"]["id"].as_str().expect("an id"));
    assert_eq!(house.owner.delete(&path).await.status, 204);
    assert_eq!(house.owner.delete(&member).await.status, 204);
    assert_eq!(house.owner.delete("session").await.status, 204);
    secrets
}

/// Not in the database, not in its log: not at rest at all.
fn nowhere_in(folder: &std::path::Path, secrets: &[String]) {
    let mut read = 0;
    for entry in std::fs::read_dir(folder).expect("the folder").flatten() {
        let Ok(bytes) = std::fs::read(entry.path()) else { continue };
        read += bytes.len();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret lies in {}", entry.path().display());
        }
    }
    assert!(read > 10_000, "the files were read");
}

both_engines!(a_refused_change_leaves_nothing, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let before = lines(&house, tenant).await.len();
    let path = format!("members/{}", user_id(&mut house.owner).await);
    assert_eq!(house.owner.delete(&path).await.status, 409);
    assert_eq!(house.browser().sign_in_with(OWNER, "not the password").await.status, 401);
    assert_eq!(house.owner.post("invitations", json!({"email": OWNER, "role": "viewer"})).await.status, 409);
    assert_eq!(lines(&house, tenant).await.len(), before);
});

/// What a whole life makes known.
const EVENTS: usize = 16;

both_engines!(every_change_says_what_happened, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let secrets = live_through_everything(&mut house).await;
    let kinds = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = kinds.clone();
    let deliver: wh_db::Deliver = std::sync::Arc::new(move |delivered: &wh_db::Delivered| {
        if delivered.tenant == tenant {
            let mut heard = heard.lock().expect("no panic");
            heard.push((delivered.kind.clone(), delivered.data.to_string()));
        }
    });
    let outbox = house.t.outbox.take().expect("the outbox");
    // On PostgreSQL an event is held back while any older transaction of the server runs, those of other tests too.
    let all = async {
        while kinds.lock().expect("no panic").len() < EVENTS {
            outbox.step(&[], &deliver).await.expect("the database answers");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), all).await.expect("all events");
    let heard = kinds.lock().expect("no panic");
    let kinds: Vec<&str> = heard.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "identity.tenant_created",
            "identity.session_started",
            "identity.invitation_created",
            "identity.invitation_accepted",
            "identity.session_started",
            "identity.member_role_changed",
            "identity.session_started",
            "identity.session_revoked",
            "identity.session_switched",
            "identity.session_started",
            "identity.password_changed",
            "identity.invitation_created",
            "identity.invitation_revoked",
            "identity.session_revoked",
            "identity.member_removed",
            "identity.session_revoked",
        ]
    );
    assert!(heard.iter().all(|(_, data)| secrets.iter().all(|secret| !data.contains(secret.as_str()))));
});
