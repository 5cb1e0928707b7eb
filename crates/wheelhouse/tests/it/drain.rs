//! SIGTERM as an orchestrator sends it: what runs ends, open tabs are told, and nothing keeps the process behind its deadline.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_tungstenite::tungstenite::client::{IntoClientRequest, client};
use tokio_tungstenite::tungstenite::{Message, WebSocket};
use wh_testkit::engines::EngineKind;

use crate::house::{House, Person, Site, sites};

/// Longer than any of it takes: whoever waits so long waits for ever.
const PATIENCE: Duration = Duration::from_mins(2);
/// An upload may pause as long as these tests make it.
const STALLING: (&str, &str) = ("WHEELHOUSE_SERVER_BODY_PROGRESS_TIMEOUT_MS", "600000");
const BEGUN: &[u8] = b"carrier,delay\nUA,3\n";
const REST: &[u8] = b"AA,4\n";

/// An open tab that was welcomed.
fn tab(who: &Person) -> WebSocket<TcpStream> {
    let stream = connected(who);
    let mut request = format!("ws://{}/v1/live", who.address).into_client_request().expect("a request");
    let cookie = who.cookie.trim().strip_prefix("Cookie: ").expect("somebody signed in");
    request.headers_mut().insert("cookie", cookie.parse().expect("a header's value"));
    let origin = format!("http://{}", who.address);
    request.headers_mut().insert("origin", origin.parse().expect("a header's value"));
    let (mut socket, _) = client(request, stream).expect("the handshake is taken");
    let welcome = socket.read().expect("a message");
    assert!(welcome.to_text().is_ok_and(|text| text.contains("welcome")), "{welcome}");
    socket
}

/// The code with which the server closes it.
fn closed(mut tab: WebSocket<TcpStream>) -> u16 {
    loop {
        match tab.read().expect("a message, or the end") {
            Message::Close(Some(frame)) => return frame.code.into(),
            Message::Close(None) => panic!("closed without a code"),
            _ => {}
        }
    }
}

fn connected(who: &Person) -> TcpStream {
    let stream = TcpStream::connect(who.address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    stream
}

/// An import of which the server has begun to read; the end of its file is still to come.
fn upload(who: &Person, panel: &str) -> TcpStream {
    let mut stream = connected(who);
    let head = format!(
        "POST /v1/panels/{panel}/imports?mode=replace HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
         Sec-Fetch-Site: same-origin\r\n{}Content-Type: text/csv\r\nContent-Length: {}\r\n\r\n",
        who.address,
        who.cookie,
        BEGUN.len() + REST.len()
    );
    stream.write_all(head.as_bytes()).expect("it is taken");
    stream.write_all(BEGUN).expect("it is taken");
    let runs = || who.get(&format!("/v1/panels/{panel}/imports")).json()["items"][0]["state"] == "running";
    while !runs() {
        std::thread::yield_now();
    }
    stream
}

#[test]
fn a_signal_lets_a_request_end_tells_open_tabs_and_ends_the_process() {
    for site in sites() {
        // So long that a slow machine ends by itself what it has begun.
        let patient = [("WHEELHOUSE_SERVER_DRAIN_TIMEOUT_MS", "100000"), STALLING];
        let house = House::start_with(site.folder.path(), &patient);
        let owner = house.set_up();
        let tab = tab(&owner);
        let mut upload = upload(&owner, &owner.panel("on its way"));
        house.signal_terminate();
        assert_eq!(closed(tab), 1001, "{:?}", site.kind);
        upload.write_all(REST).expect("the server reads on");
        let mut answer = String::new();
        upload.read_to_string(&mut answer).expect("the answer, then the end");
        assert!(answer.starts_with("HTTP/1.1 201 "), "{:?}: {answer}", site.kind);
        assert!(house.ended_within(PATIENCE).success(), "{:?}", site.kind);
        assert!(site.start().setup_token.is_none());
    }
}

#[test]
fn a_client_that_never_ends_does_not_keep_the_server() {
    for site in sites() {
        let hurried = [("WHEELHOUSE_SERVER_DRAIN_TIMEOUT_MS", "1000"), STALLING];
        let house = House::start_with(site.folder.path(), &hurried);
        let owner = house.set_up();
        let mut upload = upload(&owner, &owner.panel("never whole"));
        house.signal_terminate();
        assert!(house.ended_within(PATIENCE).success(), "{:?}", site.kind);
        let mut answer = Vec::new();
        // Cut off, with or without a word before.
        let _cut = upload.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
}

/// Passes everything on to a database until it is told to swallow it, as a network does whose packets are dropped.
struct Hole {
    address: String,
    swallows: Arc<AtomicBool>,
}

impl Hole {
    fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let (server, swallows) = (server.to_owned(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&swallows);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(there) = TcpStream::connect(&server) else { continue };
                let ends = [(client.try_clone(), there.try_clone()), (Ok(there), Ok(client))];
                for (from, to) in ends {
                    let (Ok(from), Ok(to), told) = (from, to, Arc::clone(&told)) else { continue };
                    std::thread::spawn(move || passed_on(from, to, &told));
                }
            }
        });
        Self { address, swallows }
    }
}

fn passed_on(mut from: TcpStream, mut to: TcpStream, swallows: &AtomicBool) {
    let mut bytes = vec![0; 65_536];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if !swallows.load(Ordering::SeqCst) && to.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
}

#[test]
fn a_database_that_is_cut_off_does_not_keep_the_server() {
    let Ok(server) = wh_testkit::engines::shared() else { return };
    let site = Site::new(EngineKind::Postgres);
    let (_, address) = server.admin_url().split_once('@').expect("a login");
    let (address, _) = address.split_once('/').expect("a database");
    let hole = Hole::before(address);
    let file = site.folder.path().join("wheelhouse.toml");
    let own = std::fs::read_to_string(&file).expect("db init wrote it");
    let through = own.replace(&format!("@{address}/"), &format!("@{}/", hole.address));
    assert_ne!(through, own);
    std::fs::write(&file, through).expect("written");
    let settings = [
        ("WHEELHOUSE_SERVER_DRAIN_TIMEOUT_MS", "2000"),
        // Otherwise these would end what hangs, later than an orchestrator waits.
        ("WHEELHOUSE_DATABASE_STATEMENT_MS_MAX", "600000"),
        ("WHEELHOUSE_DATABASE_WAIT_MS_MAX", "60000"),
    ];
    let house = House::start_with(site.folder.path(), &settings);
    let owner = house.set_up();
    hole.swallows.store(true, Ordering::SeqCst);
    let mut asked = connected(&owner);
    let head = format!(
        "GET /v1/panels HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}\r\n",
        owner.address, owner.cookie
    );
    asked.write_all(head.as_bytes()).expect("it is taken");
    house.signal_terminate();
    assert!(house.ended_within(PATIENCE).success());
}
