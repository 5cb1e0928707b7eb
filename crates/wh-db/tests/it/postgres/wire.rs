//! What goes over the wire: how many times client and server wait for one another, what a lost answer means, and TLS as `sslmode`
//! words it.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wh_base::{OsRandom, Secret};
use wh_contract::{PanelId, events::PanelCreated};
use wh_db::{AuditEntry, DbConfig, DbLimits, EngineConfig, Opened, PostgresUrls, Reads, Who, args, codes};
use wh_testkit::engines::{Cut, Heard, Relay, TestDb, shared};
use wh_testkit::one_engine;

use super::{admin, until};
use crate::leaks::{ALL, LEAKS, sees, two};

/// Every URL of the test's database, changed the same way.
fn changed(t: &TestDb, change: impl Fn(&str) -> String) -> PostgresUrls {
    let EngineConfig::Postgres(urls) = &t.fresh.config.engine else { panic!("only for PostgreSQL") };
    let changed = |url: &Secret<String>| Secret::new(change(url.expose()));
    PostgresUrls {
        owner_url: changed(&urls.owner_url),
        app_url: changed(&urls.app_url),
        id_url: changed(&urls.id_url),
        sys_url: changed(&urls.sys_url),
    }
}

async fn open(t: &TestDb, urls: PostgresUrls) -> wh_base::Result<Opened> {
    let limits = DbLimits { connections_max: 1, ..DbLimits::default() };
    let config = DbConfig { engine: EngineConfig::Postgres(urls), limits };
    wh_db::open(&config, LEAKS, t.clock.clone(), Arc::new(OsRandom)).await
}

/// The address in a URL.
fn address(url: &str) -> &str {
    let (_, rest) = url.split_once('@').unwrap();
    rest.split_once('/').unwrap().0
}

/// Counts turns: how often the client speaks after the server has spoken. One turn is one round trip.
#[derive(Default)]
struct Turns {
    count: AtomicUsize,
    server_spoke: AtomicBool,
}

impl Turns {
    fn now(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// A relay in front of the server that counts.
async fn relay(to: String) -> (String, Arc<Turns>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let here = listener.local_addr().unwrap().to_string();
    let turns = Arc::new(Turns::default());
    let counted = Arc::clone(&turns);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&to).await.unwrap();
            tokio::spawn(passed_on(client, server, Arc::clone(&counted)));
        }
    });
    (here, turns)
}

async fn passed_on(mut client: TcpStream, mut server: TcpStream, turns: Arc<Turns>) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                if turns.server_spoke.swap(false, Ordering::SeqCst) {
                    turns.count.fetch_add(1, Ordering::SeqCst);
                }
                server.write_all(&asked[..length]).await.unwrap();
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                turns.server_spoke.store(true, Ordering::SeqCst);
                if client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

one_engine!(postgres, begin_tenant_and_first_statement_are_one_round_trip, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let to = address(t.fresh.admin_url.as_deref().unwrap()).to_owned();
    let (here, turns) = relay(to.clone()).await;
    let opened = open(&t, changed(&t, |url| url.replace(&to, &here))).await.unwrap();
    let db = &opened.db;
    let read = async || {
        let mut read = db.read(a.tenant).await.unwrap();
        assert_eq!(read.rows(ALL, args![]).await.unwrap().len(), 1);
        turns.now()
    };
    read().await; // prepares
    read().await;
    // The ROLLBACK of the read before travels ahead of this one's BEGIN, or had its own answer: a turn at most. On a busy machine
    // the driver may take what is queued at once in parts.
    let mut best = usize::MAX;
    for _ in 0..50 {
        let before = turns.now();
        best = best.min(read().await - before);
    }
    assert!(best <= 2, "{best} turns for a read");

    let write = async || {
        let mut tx = db.begin(a.tenant).await.unwrap();
        let before = turns.now();
        tx.run("UPDATE leaks_item SET n = n + 1 WHERE tenant_id = $1", args![a.tenant]).await.unwrap();
        let first = turns.now() - before;
        let panel: PanelId = t.cx.next_id();
        tx.emit(PanelCreated { panel }).await.unwrap();
        let who = Who { user: None, session: None, key: None, address: None, request: t.cx.next_id() };
        let entry = AuditEntry {
            action: "panel_create",
            subject: format!("panels.panel/{panel}"),
            before: None,
            after: None,
        };
        tx.audit(&who, entry).await.unwrap();
        assert_eq!(turns.now() - before, first, "events and audit wait for the commit");
        tx.commit().await.unwrap();
        (first, turns.now() - before - first)
    };
    write().await; // prepares
    // The driver may flush between two statements that are queued at once; on a free machine it takes them together.
    let mut best = (usize::MAX, usize::MAX);
    for _ in 0..50 {
        let (first, second) = write().await;
        best = (best.0.min(first), best.1.min(second));
    }
    assert_eq!(best, (1, 1), "BEGIN + tenant + change; event + audit + COMMIT");
});

one_engine!(postgres, a_commit_without_an_answer_may_have_been_made_and_says_so, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let to = address(t.fresh.admin_url.as_deref().unwrap()).to_owned();
    // The server's answer to a commit is the same word.
    for (at, heard, code, n) in [
        ("UPDATE leaks_item", Heard::ByNobody, &codes::AWAY, 1),
        ("COMMIT\0", Heard::ByNobody, &codes::COMMIT_UNKNOWN, 1),
        ("COMMIT\0", Heard::ByTheServer, &codes::COMMIT_UNKNOWN, 2),
    ] {
        let relay = Relay::start(&to, Cut { behind: "", at, heard }).await;
        let opened = open(&t, changed(&t, |url| url.replace(&to, &relay.address))).await.unwrap();
        relay.arm();
        let change = async {
            let mut tx = opened.db.begin(a.tenant).await?;
            tx.run("UPDATE leaks_item SET n = n + 1 WHERE tenant_id = $1", args![a.tenant]).await?;
            tx.commit().await
        };
        let error = change.await.unwrap_err();
        assert!(error.is(code), "{at:?} heard {heard:?}: {error:?}");
        assert_eq!(error.retry_after_s().is_some(), error.is(&codes::AWAY), "{error:?}");
        assert_eq!(sees(&t, a.tenant).await, [(a.item, n)], "{at:?} heard {heard:?}");
    }
});

/// The server's certificate, or a named skip: without `openssl` it has none.
#[expect(clippy::print_stdout, reason = "a skipped test is named")]
fn certificate(test: &str) -> Option<String> {
    let file = shared().ok().and_then(|server| server.root_certificate());
    if file.is_none() {
        println!("skipped: {test}: the certificate of the server is not known");
    }
    file.map(|file| file.display().to_string())
}

one_engine!(postgres, tls_is_what_sslmode_says, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    let Some(file) = certificate("tls_is_what_sslmode_says") else { return };
    let host = address(t.fresh.admin_url.as_deref().unwrap()).to_owned();
    let named = host.replace("127.0.0.1", "localhost");
    let admin = admin(&t).await;
    let prefix = t.fresh.login_prefix.clone().unwrap();
    let encrypted = format!(
        "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE s.ssl \
         AND a.datname = current_database() AND a.usename = '{prefix}_app'"
    );
    // Host, mode, root certificate; whether it connects, and whether it is encrypted then.
    for (host, mode, root, wanted) in [
        (&named, "verify-full", true, Ok(1)),
        (&host, "verify-full", true, Err("db.away")), // the certificate is for localhost
        (&host, "verify-ca", true, Ok(1)),
        (&host, "require", true, Ok(1)),
        (&host, "require", false, Ok(1)),
        (&named, "verify-full", false, Err("db.away")), // no known authority signed it
        (&host, "prefer", false, Ok(1)),
        (&host, "disable", false, Ok(0)),
        (&host, "", false, Ok(0)), // this machine
        (&host, "nonsense", false, Err("db.setup")),
    ] {
        let query = match (mode, root) {
            ("", _) => String::new(),
            (mode, true) => format!("?sslmode={mode}&sslrootcert={file}"),
            (mode, false) => format!("?sslmode={mode}"),
        };
        let at = address(t.fresh.admin_url.as_deref().unwrap());
        let urls = changed(&t, |url| format!("{}{query}", url.replace(at, host)));
        let found = match open(&t, urls).await {
            Err(error) => Err(error.code().code),
            Ok(opened) => {
                let mut read = opened.db.read(a.tenant).await.unwrap();
                assert_eq!(read.rows(ALL, args![]).await.unwrap().len(), 1);
                Ok(admin.query_one(&encrypted, &[]).await.unwrap().get::<_, i64>(0))
            }
        };
        assert_eq!(found, wanted, "{host} {mode} {root}");
        until(&admin, &encrypted, 0).await;
    }
});

one_engine!(postgres, a_root_certificate_that_is_none_is_a_setup_error, LEAKS, async |t| {
    let (a, _) = two(&t).await;
    for file in ["/nowhere/root.pem", "/dev/null"] {
        let urls = changed(&t, |url| format!("{url}?sslmode=verify-full&sslrootcert={file}"));
        assert!(open(&t, urls).await.is_err_and(|error| error.is(&codes::SETUP)), "{file}");
    }
    assert_eq!(sees(&t, a.tenant).await.len(), 1);
});
