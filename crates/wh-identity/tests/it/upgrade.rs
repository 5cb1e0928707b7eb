//! What older builds wrote of people, sessions, invitations, accounts and keys is read by this one: on both engines, from their tables.
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use wh_base::{ManualClock, OsRandom, Timestamp};
use wh_db::{Context, GlobalTx, IdentityDb, Migrations, args};
use wh_identity::MIGRATIONS;
use wh_identity::model::issue;
use wh_testkit::engines::{Fresh, TestDb};
use wh_testkit::{HOME, both_engines};

use crate::house::{Browser, PASSWORD, config, node_on};

/// The tables before a key told at whose word it lives.
const OLDEST: &[Migrations] = &[Migrations {
    context: "identity",
    files: &[MIGRATIONS.files[0], MIGRATIONS.files[1], MIGRATIONS.files[2]],
}];
/// The tables when keys told which key made them, before their ends had indexes and names a second form.
const LATER: &[Migrations] = &[Migrations {
    context: "identity",
    files: &[
        MIGRATIONS.files[0],
        MIGRATIONS.files[1],
        MIGRATIONS.files[2],
        MIGRATIONS.files[3],
        MIGRATIONS.files[4],
    ],
}];

const DAY_S: i64 = 86_400;
const OWNER: Uuid = Uuid::from_u128(1);
const ADMIN: Uuid = Uuid::from_u128(2);
const ACCOUNT: Uuid = Uuid::from_u128(3);

async fn opened(fresh: &Fresh, clock: &Arc<ManualClock>, with: &[Migrations]) -> (Context, IdentityDb) {
    let random = Arc::new(OsRandom);
    let opened = wh_db::open(&fresh.config, with, clock.clone(), random.clone()).await.expect("opened");
    (Context::new(opened.db, clock.clone(), random), opened.identity)
}

/// What is stored of a token.
fn hashed(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

async fn write(tx: &mut GlobalTx, sql: &str, values: &[wh_db::Value]) {
    tx.run(sql, values).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

async fn member(tx: &mut GlobalTx, id: Uuid, email: &str, name: &str, role: &str, now: Timestamp) {
    let sql = "INSERT INTO identity_user (id, email, name, created_at) VALUES ($1, $2, $3, $4)";
    write(tx, sql, args![id, email, name, now]).await;
    let sql = "INSERT INTO identity_member (tenant_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)";
    write(tx, sql, args![HOME, id, role, now]).await;
}

/// A key as it was written before 0004: its public part and its text.
async fn key(
    tx: &mut GlobalTx,
    (id, name): (u128, &str),
    (owner, by): (Uuid, Uuid),
    now: Timestamp,
) -> (String, String) {
    let (public_id, hash, text) = issue(&OsRandom).expect("randomness");
    let sql = "INSERT INTO identity_api_key (id, public_id, secret_hash, tenant_id, user_id, name, scopes, networks, \
               created_by, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, 'identity:self identity:write', '', $7, $8, $9)";
    let ends = now.plus_seconds(30 * DAY_S);
    let id = Uuid::from_u128(id);
    write(tx, sql, args![id, public_id.as_str(), hash.bytes(), HOME, owner, name, by, now, ends]).await;
    (public_id.as_str().to_owned(), text.expose().clone())
}

/// Texts of the keys that older builds gave out.
struct Keys {
    persons: String,
    first: String,
    first_public_id: String,
    beside: String,
}

/// A company with an owner who is signed in, an administrator, an account, their keys, and somebody invited.
async fn write_oldest(tx: &mut GlobalTx, now: Timestamp) -> Keys {
    let sql =
        "INSERT INTO identity_tenant (id, name, created_at, member_revision) VALUES ($1, 'Home', $2, 1)";
    write(tx, sql, args![HOME, now]).await;
    member(tx, OWNER, "ada@example.com", "Ada L.", "owner", now).await;
    member(tx, ADMIN, "oz@example.com", "\u{d6}ZLEM Admin", "admin", now).await;
    let no_address = format!("service-account:{ACCOUNT}");
    member(tx, ACCOUNT, &no_address, "robot", "admin", now).await;
    let sql = "INSERT INTO identity_service_account (tenant_id, user_id, name, enabled, created_by, created_at) \
         VALUES ($1, $2, 'robot', $3, $4, $5)";
    write(tx, sql, args![HOME, ACCOUNT, true, ADMIN, now]).await;
    let sql = "INSERT INTO identity_session (id, token_hash, user_id, tenant_id, created_at, used_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $5, $6)";
    let session = Uuid::from_u128(10);
    let ends = now.plus_seconds(DAY_S / 2);
    write(tx, sql, args![session, hashed(&"s".repeat(43)), OWNER, HOME, now, ends]).await;
    let sql = "INSERT INTO identity_invitation (id, tenant_id, token_hash, email, role, invited_by, created_at, \
               expires_at) VALUES ($1, $2, $3, 'guest@example.com', 'viewer', $4, $5, $6)";
    let (invitation, ends) = (Uuid::from_u128(11), now.plus_seconds(7 * DAY_S));
    write(tx, sql, args![invitation, HOME, hashed(&"i".repeat(43)), OWNER, now, ends]).await;
    let persons = key(tx, (20, "nightly"), (OWNER, OWNER), now).await.1;
    let (first_public_id, first) = key(tx, (21, "first"), (ACCOUNT, ADMIN), now).await;
    let beside = key(tx, (22, "beside"), (ACCOUNT, OWNER), now).await.1;
    Keys { persons, first, first_public_id, beside }
}

/// A key that the account's first one made, at the administrator's word, as 0005 has it; its text.
async fn write_later(tx: &mut GlobalTx, keys: &Keys, now: Timestamp) -> String {
    let made = key(tx, (23, "made"), (ACCOUNT, ACCOUNT), now).await.1;
    let (id, first) = (Uuid::from_u128(23), Uuid::from_u128(21));
    write(tx, "UPDATE identity_api_key SET vouched_by = $1 WHERE id = $2", args![ADMIN, id]).await;
    let sql = "INSERT INTO identity_api_key_made (id, tenant_id, made_by, made_by_public_id, maker_user_id, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let ends = now.plus_seconds(30 * DAY_S);
    let public_id = keys.first_public_id.as_str();
    write(tx, sql, args![id, HOME, first, public_id, ACCOUNT, ends]).await;
    made
}

fn names(body: &Value) -> Vec<&str> {
    let items = body["items"].as_array().expect("a list");
    items.iter().map(|item| item["name"].as_str().expect("a name")).collect()
}

both_engines!(people_keys_and_invitations_of_older_builds_go_on, OLDEST, async |t| {
    let now = t.cx.clock.now();
    let mut tx = t.identity.begin().await.expect("the database answers");
    let keys = write_oldest(&mut tx, now).await;
    tx.commit().await.expect("the database answers");

    // The oldest build ends, a later one works on the same database for a while, then this one starts.
    let TestDb { fresh, clock, cx, identity, system, outbox, .. } = t;
    drop((cx, identity, system, outbox));
    let (cx, identity) = opened(&fresh, &clock, LATER).await;
    let mut tx = identity.begin().await.expect("the database answers");
    let made = write_later(&mut tx, &keys, now).await;
    tx.commit().await.expect("the database answers");
    drop((cx, identity));
    let (cx, identity) = opened(&fresh, &clock, &[MIGRATIONS]).await;
    let node = node_on(&cx, &identity, config());

    assert!(!node.identity.needs_setup().await.expect("the database answers"));
    let mut owner = Browser { cookie: Some("s".repeat(43)), ..Browser::new(&node) };
    let me = owner.get("me").await;
    assert_eq!((me.status, &me.body["user"]["name"]), (200, &json!("Ada L.")), "{:?}", me.body);
    let own = owner.get("api-keys").await.body;
    assert_eq!((names(&own), &own["items"][0]["made_by"]), (vec!["nightly"], &Value::Null));
    let of_account = owner.get(&format!("service-accounts/{ACCOUNT}/api-keys")).await.body;
    assert_eq!(names(&of_account), ["made", "beside", "first"]);
    assert_eq!(of_account["items"][0]["made_by"], json!(Uuid::from_u128(21).to_string()));
    let led_to = owner.get(&format!("api-keys/{}/made-keys", Uuid::from_u128(21))).await.body;
    assert_eq!(names(&led_to), ["made"]);

    let mut guest = Browser::new(&node);
    let body = json!({"token": "i".repeat(43), "name": "Guest", "password": PASSWORD});
    let joined = guest.post("invitations/accept", body).await;
    assert_eq!(joined.status, 201, "{:?}", joined.body);

    // People are found by name whatever its case, once the upkeep has been over those who came before.
    node.identity.upkeep_once().await.expect("the database answers");
    let found = owner.get("members?q=%C3%B6zlem").await;
    assert_eq!(found.body["items"].as_array().map(Vec::len), Some(1), "{:?}", found.body);

    let mut programs =
        [&keys.persons, &keys.first, &keys.beside, &made].map(|text| Browser::program(&node, text));
    for program in &mut programs {
        assert_eq!(program.get("me").await.status, 200);
    }
    // With the administrator goes what lives at that word, whichever build wrote it down.
    assert_eq!(owner.delete(&format!("members/{ADMIN}")).await.status, 204);
    let [persons, first, beside, made] = &mut programs;
    assert_eq!(first.get("me").await.said(), (401, "server.bearer"));
    assert_eq!(made.get("me").await.said(), (401, "server.bearer"));
    assert_eq!((persons.get("me").await.status, beside.get("me").await.status), (200, 200));
});
