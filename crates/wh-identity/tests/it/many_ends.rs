//! Whoever filled the limits is made less, or sent out: all that was theirs ends, in few statements, so that nobody else waits.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use wh_base::{Clock, OsRandom};
use wh_contract::{ApiKeyId, InvitationId, TenantId, UserId};
use wh_db::{Context, DbConfig, DbLimits, Value, args};
use wh_identity::MIGRATIONS;
use wh_testkit::{both_engines, one_engine};

use crate::house::{self, Browser, House, Node, Reply, issued, user_id};
use crate::service_accounts::account;

const DAY_S: i64 = 86_400;
/// What the limits allow one company.
const INVITATIONS: usize = 1_000;
const ACCOUNTS: usize = 500;
const MADE_KEYS: usize = 2 * ACCOUNTS;
/// Keys of whoever made all the others.
const OWN_KEYS: usize = 20;
/// Far above what a request needs, and far below one statement for each thing that ends.
const STATEMENTS_MAX: u64 = 50;

/// One more node, which counts the statements that it runs.
async fn counting(house: &House) -> (Node, Context) {
    let DbConfig { engine, limits } = house.t.fresh.config.clone();
    let config = DbConfig { engine, limits: DbLimits { slow_statement_ms: 0, ..limits } };
    let random = Arc::new(OsRandom);
    let opened = wh_db::open(&config, &[MIGRATIONS], house.t.clock.clone(), random.clone()).await;
    let opened = opened.expect("the database opens once more");
    let cx = Context::new(opened.db, house.t.clock.clone(), random);
    (house::node_on(&cx, &opened.identity, house::config()), cx)
}

fn statements(cx: &Context) -> u64 {
    cx.db.slow_statements().iter().map(|statement| statement.count).sum()
}

async fn insert(house: &House, sql: &str, rows: &[Vec<Value>]) {
    let mut tx = house.t.identity.begin().await.expect("the database answers");
    tx.run_many(sql, rows).await.expect("rows that fit");
    tx.commit().await.expect("the database answers");
}

/// As many invitations and accounts with keys as the limits allow, all made by one member; by requests it would take minutes.
async fn fill(house: &House, tenant: TenantId, by: UserId) {
    let now = house.t.clock.now();
    let until = now.plus_seconds(DAY_S);
    let invitations: Vec<Vec<Value>> = (0..INVITATIONS)
        .map(|_| {
            let id: InvitationId = house.t.cx.next_id();
            let (hash, email) = (id.uuid().as_bytes().to_vec(), format!("{id}@example.com"));
            args![id, tenant, hash, email, "viewer", by, now, until].to_vec()
        })
        .collect();
    let sql = "INSERT INTO identity_invitation
        (id, tenant_id, token_hash, email, role, invited_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    insert(house, sql, &invitations).await;

    let accounts: Vec<UserId> = (0..ACCOUNTS).map(|_| house.t.cx.next_id()).collect();
    let rows = |row: &dyn Fn(UserId) -> Vec<Value>| accounts.iter().map(|one| row(*one)).collect::<Vec<_>>();
    let sql = "INSERT INTO identity_user (id, email, name, created_at) VALUES ($1, $2, $3, $4)";
    insert(house, sql, &rows(&|one| args![one, one.to_string(), "a robot", now].to_vec())).await;
    let sql = "INSERT INTO identity_member (tenant_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4)";
    insert(house, sql, &rows(&|one| args![tenant, one, "viewer", now].to_vec())).await;
    let sql =
        "INSERT INTO identity_service_account (tenant_id, user_id, name, enabled, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    insert(house, sql, &rows(&|one| args![tenant, one, one.to_string(), true, by, now].to_vec())).await;

    let owners = accounts.iter().flat_map(|one| [*one, *one]).chain([by; OWN_KEYS]);
    let keys: Vec<Vec<Value>> = owners
        .map(|owner| {
            let id: ApiKeyId = house.t.cx.next_id();
            let (public_id, hash) = (id.to_string(), vec![0_u8; 32]);
            args![id, public_id, hash, tenant, owner, "a key", "identity:self", "", by, now, until, by]
                .to_vec()
        })
        .collect();
    let sql = "INSERT INTO identity_api_key
        (id, public_id, secret_hash, tenant_id, user_id, name, scopes, networks, created_by, created_at, expires_at,
        vouched_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    insert(house, sql, &keys).await;
}

/// Invitations and keys that somebody made.
async fn left(house: &House, by: UserId) -> (i64, i64) {
    let sql = "SELECT (SELECT COUNT(*) FROM identity_invitation WHERE invited_by = $1) AS invitations,
        (SELECT COUNT(*) FROM identity_api_key WHERE created_by = $1) AS keys";
    let mut db = house.t.identity.read().await.expect("the database answers");
    let row = db.row(sql, args![by]).await.expect("one row");
    (row.int("invitations").expect("a count"), row.int("keys").expect("a count"))
}

/// Lines of the trail that say this.
async fn told(house: &House, tenant: TenantId, action: &str) -> usize {
    let (mut seq, mut found) = (i64::MAX, 0);
    loop {
        let lines = house.t.cx.db.audit_before(tenant, seq, 1_000).await.expect("the database answers");
        let Some(last) = lines.last() else { return found };
        seq = last.seq;
        found += lines.iter().filter(|line| line.action == action).count();
    }
}

/// Do it on a node that counts, with a program at work there whose key is to fall.
async fn act(house: &House, (node, cx): &(Node, Context), key: &str, path: &str, role: Option<&str>) {
    let mut program = Browser::program(node, key);
    assert_eq!(program.get("me").await.status, 200);
    let mut owner = house.owner.moved(node);
    let before = statements(cx);
    let reply: Reply = match role {
        Some(role) => owner.patch(path, json!({"role": role})).await,
        None => owner.delete(path).await,
    };
    assert!(reply.status < 300, "{:?}", reply.body);
    let ran = statements(cx) - before;
    assert!(ran < STATEMENTS_MAX, "{path}: {ran} statements");
    assert_eq!(program.get("me").await.said(), (401, "server.bearer"), "at once on the node that did it");
}

/// A key that this browser makes for an account that it makes.
async fn account_key(browser: &mut Browser, name: &str) -> String {
    let keys = format!("{}/api-keys", account(browser, name, "viewer").await);
    issued(browser, &keys, json!({"name": "deploy", "scopes": ["identity:self"]})).await.1
}

fn id_of(text: &str) -> UserId {
    text.parse().expect("an id")
}

both_engines!(the_limits_full_hold_nobody_up_who_sends_somebody_out, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let counting = counting(&house).await;
    let mut adam = house.member("adam@example.com", "admin").await;
    let mut anna = house.member("anna@example.com", "admin").await;
    let (adams, annas) = (user_id(&mut adam).await, user_id(&mut anna).await);
    let (adams_key, annas_key) =
        (account_key(&mut adam, "adam's").await, account_key(&mut anna, "anna's").await);
    let robot = account(&mut house.owner, "robot", "admin").await;
    let wish = json!({"name": "deploy", "scopes": ["identity:self"]});
    let (_, robots_key) = issued(&mut house.owner, &format!("{robot}/api-keys"), wish).await;

    // Less: what was made falls, one's own stays.
    fill(&house, tenant, id_of(&adams)).await;
    act(&house, &counting, &adams_key, &format!("members/{adams}"), Some("editor")).await;
    let own = i64::try_from(OWN_KEYS).expect("few");
    assert_eq!(left(&house, id_of(&adams)).await, (0, own));

    // Gone: all of it.
    fill(&house, tenant, id_of(&annas)).await;
    act(&house, &counting, &annas_key, &format!("members/{annas}"), None).await;
    assert_eq!(left(&house, id_of(&annas)).await, (0, 0));

    // A service account that made as much.
    let robots = id_of(robot.trim_start_matches("service-accounts/"));
    fill(&house, tenant, robots).await;
    act(&house, &counting, &robots_key, &robot, None).await;
    assert_eq!(left(&house, robots).await, (0, 0));

    // Each that ended was told, once: of service accounts in the trail too, but those of an account that goes itself.
    assert_eq!(told(&house, tenant, "service_account_key_revoke").await, 3 * MADE_KEYS + 2);
    assert_eq!(told(&house, tenant, "invitation_revoke").await, 3 * INVITATIONS);
    let keys_ended = 3 * MADE_KEYS + 2 * OWN_KEYS + 3;
    let ended = ended(&mut house, 3 * INVITATIONS + keys_ended).await;
    assert_eq!(ended.get("identity.invitation_revoked"), Some(&(3 * INVITATIONS)));
    assert_eq!(ended.get("identity.api_key_revoked"), Some(&keys_ended));
});

/// How often what ended was said, by kind, once so many were heard. On PostgreSQL an event is held back while any older transaction
/// of the server runs, those of other tests too.
async fn ended(house: &mut House, wanted: usize) -> BTreeMap<String, usize> {
    let heard = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let counts = Arc::clone(&heard);
    let deliver: wh_db::Deliver = Arc::new(move |event: &wh_db::Delivered| {
        if ["identity.invitation_revoked", "identity.api_key_revoked"].contains(&event.kind.as_str()) {
            *counts.lock().expect("no panic").entry(event.kind.clone()).or_insert(0) += 1;
        }
    });
    let outbox = house.t.outbox.take().expect("the outbox");
    let all = async {
        while heard.lock().expect("no panic").values().sum::<usize>() < wanted {
            outbox.step(&[], &deliver).await.expect("the database answers");
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), all).await.expect("all events");
    heard.lock().expect("no panic").clone()
}

// Last uses are written in the order of the keys. Whoever ends keys takes them in that order too, one's own and made ones alike, so
// the two wait for one another at most one way. An embedded database has one writer.
one_engine!(postgres, last_uses_are_written_while_their_owner_is_removed, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let mut adam = house.member("adam@example.com", "admin").await;
    let member = format!("members/{}", user_id(&mut adam).await);
    let robot = format!("{}/api-keys", account(&mut adam, "robot", "viewer").await);
    let wish = json!({"name": "deploy", "scopes": ["identity:self"]});
    let (made, _) = issued(&mut adam, &robot, wish.clone()).await;
    house.t.clock.advance_seconds(1);
    let (own, _) = issued(&mut adam, "api-keys", wish).await;

    let used = "UPDATE identity_api_key SET used_at = $1 WHERE id = $2";
    let mut uses = house.t.identity.begin().await.expect("the database answers");
    let key = |text: &str| -> ApiKeyId { text.parse().expect("an id") };
    uses.run(used, args![house.t.clock.now(), key(&made)]).await.expect("the first row is free");
    let mut owner = house.owner.clone();
    let removing = tokio::spawn(async move { owner.delete(&member).await });
    house.t.fresh.one_waits().await;
    uses.run(used, args![house.t.clock.now(), key(&own)]).await.expect("the second row is free still");
    uses.commit().await.expect("the database answers");
    assert_eq!(removing.await.expect("an answer").status, 204);
    let mut db = house.t.identity.read().await.expect("the database answers");
    let left = db.row("SELECT COUNT(*) AS n FROM identity_api_key", &[]).await.expect("one row");
    assert_eq!(left.int("n").expect("a count"), 0);
});

both_engines!(a_backlog_of_dead_invitations_goes_beside_everything_else, &[MIGRATIONS], async |t| {
    let mut house = House::new(t).await;
    let tenant = house.tenant().await;
    let owner = id_of(&user_id(&mut house.owner).await);
    let late = json!({"email": "late@example.com", "role": "viewer"});
    assert_eq!(house.owner.post("invitations", late).await.status, 201);
    fill(&house, tenant, owner).await;
    house.t.clock.advance_seconds(2 * DAY_S);
    house.node.identity.upkeep_once().await.expect("a round");
    assert_eq!(left(&house, owner).await.0, 1, "the one that lives");
    let mut db = house.t.identity.read().await.expect("the database answers");
    let sessions = db.row("SELECT COUNT(*) AS n FROM identity_session", &[]).await.expect("one row");
    assert_eq!(sessions.int("n").expect("a count"), 0);
});
