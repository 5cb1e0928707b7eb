//! Starting, refusing to start twice, setting up once; what `db init` makes and leaves alone.
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::json;
use wh_testkit::engines::EngineKind;

use crate::database::embedded;
use crate::house::{House, PASSWORD, Person, Site, sites, wheelhouse};

/// Longer than a command takes that does not wait; where one takes longer, less is proven and nothing fails.
const HELD: Duration = Duration::from_secs(1);

#[test]
fn a_new_user_sets_it_up_once_and_the_link_works_no_second_time() {
    for site in sites() {
        let house = site.start();
        assert_eq!(house.nobody().get("/v1/identity/setup").json()["needed"], true);
        let owner = house.set_up();
        let me = owner.get("/v1/identity/me").json();
        assert_eq!((me["role"].as_str(), me["tenant"]["name"].as_str()), (Some("owner"), Some("Acme")));
        let token = house.setup_token.clone().expect("it was printed");
        let again = json!({ "token": token, "company": "B", "name": "B", "email": "b@b.example", "password": PASSWORD });
        let refused = house.nobody().post("/v1/identity/setup", &again);
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (409, "identity.setup_done"),
            "{}",
            refused.text()
        );
        assert_eq!(house.nobody().get("/v1/identity/setup").json()["needed"], false);
        house.terminate();
        assert!(site.start().setup_token.is_none(), "a house with an owner prints no setup link");
    }
}

#[test]
fn setup_link_prints_a_new_link_while_the_server_runs_and_the_old_one_ends() {
    for site in sites() {
        let house = site.start();
        let output =
            wheelhouse().args(["setup-link", "--data-dir"]).arg(site.folder.path()).output().unwrap();
        let link = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert!(
            output.status.success() && link.starts_with(&format!("http://{}/setup#", house.address)),
            "{link} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let complete = |token: &str| {
            let body = json!({ "token": token, "company": "Acme", "name": "O", "email": "o@acme.example", "password": PASSWORD });
            house.nobody().post("/v1/identity/setup", &body).status
        };
        let old = house.setup_token.clone().unwrap();
        assert_ne!(complete(&old), 201, "a new link takes the old one's place");
        assert_eq!(complete(link.split_once('#').unwrap().1), 201);
    }
}

#[test]
fn a_setup_link_waits_for_who_writes() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let other = embedded(site.folder.path());
    other.busy_timeout(Duration::from_secs(5)).expect("a setting");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock of who writes");
    let mut command = wheelhouse();
    command.args(["setup-link", "--data-dir"]).arg(site.folder.path());
    let (ended, end) = mpsc::channel();
    let link = thread::spawn(move || ended.send(command.output().expect("it starts")));
    end.recv_timeout(HELD).expect_err("who waits has not ended");
    other.execute_batch("COMMIT").expect("the end of it");
    let output = end.recv().expect("it ended");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    link.join().expect("the waiting").expect("it was heard");
    drop(house);
}

#[test]
fn a_second_process_on_the_same_folder_is_refused_with_the_holders_pid() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let second = wheelhouse()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(site.folder.path())
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success());
    assert!(
        words.contains(&house.pid().to_string()) && words.contains("wheelhouse.data_dir_locked"),
        "{words}"
    );
    house.kill();
    assert!(site.start().setup_token.is_some(), "the lock goes with its holder, however it ended");
}

#[test]
fn a_command_that_looks_who_holds_the_folder_is_not_in_the_way_of_a_start() {
    let site = Site::new(EngineKind::Sqlite);
    assert!(site.start().terminate().success());
    let file = std::fs::File::open(site.folder.path().join("wheelhouse.lock")).unwrap();
    let over = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(std::sync::atomic::Ordering::SeqCst) {
                // As `doctor` and `setup-link` do it.
                if file.try_lock_shared().is_ok() {
                    file.unlock().unwrap();
                }
                thread::yield_now();
            }
        });
        let started = std::panic::catch_unwind(|| {
            for _ in 0..5 {
                assert!(site.start().terminate().success());
            }
        });
        over.store(true, std::sync::atomic::Ordering::SeqCst);
        started.expect("each start takes the lock");
    });
}

#[test]
fn health_answers_everybody_and_metrics_answer_the_operator() {
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let health = house.nobody().get("/health");
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("ok")));
    let ready = house.nobody().get("/health/ready");
    assert_eq!((ready.status, ready.json()["status"].as_str()), (200, Some("ready")));
    house.nobody().get("/v1/identity/setup");
    assert_eq!(house.nobody().get("/metrics").status, 401, "also on the server's own machine");
    let metrics = house.set_up().get("/metrics").text();
    for name in [
        "http_requests_total",
        "http_request_duration_seconds",
        "database_query_duration",
        "active_websocket_connections",
        "queue_jobs_total",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_start_time_seconds",
        "build_info",
    ] {
        assert!(metrics.contains(name), "{name} is missing in {metrics}");
    }
    assert!(house.terminate().success());

    let local = [("WHEELHOUSE_SERVER_METRICS_LOCAL", "true")];
    let house = House::start_with(site.folder.path(), &local);
    assert_eq!(house.nobody().get("/metrics").status, 200, "where a setting says so");
    let through_proxy = house.nobody().send("GET", "/metrics", "X-Forwarded-For: 203.0.113.7\r\n", b"");
    assert_eq!(through_proxy.status, 401, "everybody else needs the permission");
}

/// What a counter of the queues stands at.
fn jobs(owner: &Person, queue: &str, outcome: &str) -> u64 {
    let text = owner.get("/metrics").text();
    let (queue, outcome) = (format!("queue=\"{queue}\""), format!("outcome=\"{outcome}\""));
    let is_meant = |line: &&str| {
        line.starts_with("queue_jobs_total{") && line.contains(&queue) && line.contains(&outcome)
    };
    let line = text.lines().find(is_meant).unwrap_or_else(|| panic!("no {queue} {outcome} in {text}"));
    line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
}

#[test]
fn a_job_of_a_queue_is_counted_by_how_it_ended() {
    for site in sites() {
        let house = site.start();
        let owner = house.set_up();
        let panel = owner.panel("counted");
        for outcome in ["done", "failed", "stopped", "interrupted"] {
            assert_eq!(jobs(&owner, "imports", outcome), 0, "each is there before the first of its kind");
        }
        assert_eq!(owner.import(&panel, "replace", b"a,b\n1,2\n").status, 201);
        assert_eq!(owner.import(&panel, "append", b"a,b\n3,4\n").status, 201);
        assert_eq!(owner.import(&panel, "replace", b"%PDF-1.7\nabc,def\n").status, 422);
        assert_eq!((jobs(&owner, "imports", "done"), jobs(&owner, "imports", "failed")), (2, 1));
        // Events of these changes are on their way; they are counted once they have their place.
        while jobs(&owner, "delivery", "done") == 0 {
            thread::yield_now();
        }
        let metrics = owner.get("/metrics").text();
        for gauge in ["queue_jobs_running{queue=\"imports\"} 0", "queue_jobs_waiting{queue=\"imports\"} 0"] {
            assert!(metrics.contains(gauge), "{gauge}: {metrics}");
        }
        assert!(house.terminate().success());
    }
}

#[test]
fn the_administrators_password_comes_from_a_file() {
    let Ok(server) = wh_testkit::engines::shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (login, rest) = server.admin_url().split_once('@').unwrap();
    let (user, password) = login.rsplit_once(':').unwrap();
    let name = format!("whpw_{}", std::process::id());
    let file = folder.path().join("password");
    let init = |url: &str, text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut command = wheelhouse();
        command.args(["db", "init", "--admin-url", url, "--database", &name, "--login-prefix", &name]);
        command.arg("--admin-password-file").arg(&file).arg("--data-dir").arg(folder.path());
        command.output().unwrap()
    };
    let url = format!("{user}@{rest}");
    let made = init(&url, &format!("{password}\n"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let again = init(&url, password);
    assert!(again.status.success(), "a second run keeps what works");
    for (url, text) in [(&url[..], "wr\u{f6}ng:/@"), (&url[..], "\n"), (server.admin_url(), password)] {
        let refused = init(url, text);
        let words = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success(), "{url} with `{text}`");
        assert!(!words.contains("wr\u{f6}ng"), "no password in words: {words}");
    }
    assert!(House::start_with(folder.path(), &[]).setup_token.is_some());
}

#[test]
fn a_second_installation_does_not_take_the_logins_of_the_first() {
    let Ok(server) = wh_testkit::engines::shared() else { return };
    let (mine, yours) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = format!("whtwo_{}", std::process::id());
    let init = |folder: &std::path::Path, database: &str, more: &[&str]| {
        let mut command = wheelhouse();
        command.args(["db", "init", "--admin-url", server.admin_url(), "--login-prefix", &name]);
        command.args(["--database", database, "--data-dir"]).arg(folder).args(more);
        command.output().unwrap()
    };
    assert!(init(mine.path(), &name, &[]).status.success());
    let house = House::start_with(mine.path(), &[]);
    let owner = house.set_up();

    let other = format!("{name}_other");
    let refused = init(yours.path(), &other, &[]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("db.logins_taken"), "{words}");
    assert!(words.contains("--rotate-passwords") && words.contains("--login-prefix"), "{words}");
    assert!(!yours.path().join("wheelhouse.toml").exists(), "nothing is written down");
    owner.panel("goes on");
    assert!(house.terminate().success());
    let house = House::start_with(mine.path(), &[]);
    assert!(house.terminate().success());

    assert!(init(yours.path(), &other, &["--rotate-passwords"]).status.success());
    assert!(House::start_with(yours.path(), &[]).setup_token.is_some());
    let mut cut_off = wheelhouse();
    cut_off.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(mine.path());
    assert!(!cut_off.output().unwrap().status.success(), "it was told what this does");
}

#[test]
fn a_configuration_that_leads_to_another_server_is_left_alone_unless_that_is_wanted() {
    let Ok(server) = wh_testkit::engines::shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let name = format!("whelse_{}", std::process::id());
    let init = |more: &[&str]| {
        let mut command = wheelhouse();
        command.args(["db", "init", "--admin-url", server.admin_url(), "--login-prefix", &name]);
        command.arg("--data-dir").arg(folder.path()).args(more);
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (made, words) = init(&["--database", &name]);
    assert!(made, "{words}");
    let file = folder.path().join("wheelhouse.toml");
    let own = std::fs::read_to_string(&file).unwrap();
    // The configuration names the database, so that nobody need say it again.
    let (again, words) = init(&[]);
    assert!(again, "{words}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), own);

    let (_, address) = server.admin_url().split_once('@').unwrap();
    let (address, _) = address.split_once('/').unwrap();
    // Nobody listens there any more.
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let theirs = own.replace(&format!("@{address}/"), &format!("@{other}/"));
    assert_ne!(theirs, own);
    std::fs::write(&file, &theirs).unwrap();
    let (refused, words) = init(&[]);
    assert!(!refused && words.contains("db.elsewhere") && words.contains("--repoint"), "{words}");
    assert!(words.contains(&other) && words.contains(address), "{words}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), theirs, "nothing is written down");
    // Whose logins are there is another question, with a flag of its own.
    let (taken, words) = init(&["--repoint"]);
    assert!(!taken && words.contains("db.logins_taken"), "{words}");
    let (repointed, words) = init(&["--repoint", "--rotate-passwords"]);
    assert!(repointed, "{words}");
    assert!(House::start_with(folder.path(), &[]).setup_token.is_some());
}

#[test]
fn security_txt_names_the_operators_contact_and_is_not_there_without_one() {
    let address = "/.well-known/security.txt";
    let site = Site::new(EngineKind::Sqlite);
    let house = site.start();
    let absent = house.nobody().get(address);
    assert_eq!((absent.status, absent.code().as_str()), (404, "server.not_found"));
    house.terminate();
    let contact = [("WHEELHOUSE_SERVER_SECURITY_CONTACT", "mailto:security@acme.example")];
    let house = House::start_with(site.folder.path(), &contact);
    let answer = house.nobody().get(address);
    let kind = answer.headers.get("content-type").map(String::as_str);
    assert_eq!((answer.status, kind), (200, Some("text/plain; charset=utf-8")));
    let text = answer.text();
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    assert_eq!(line("Contact: "), Some("mailto:security@acme.example"));
    let expires = line("Expires: ").expect("RFC 9116 asks for it");
    assert!(expires.ends_with('Z') && !expires.contains('.'), "{expires}");
    house.terminate();
    let wrong = wheelhouse()
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(site.folder.path())
        .env("WHEELHOUSE_SERVER_SECURITY_CONTACT", "somebody")
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && words.contains("security_contact"), "{words}");
}
