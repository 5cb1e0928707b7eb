//! temporary measurement
use futures_util::{SinkExt, StreamExt};
use std::time::{Duration, Instant};
use wh_contract::*;
use wh_testkit::engines::{EngineKind, TestDb};
use wh_testkit::{EDITOR, HOME, Parts, Signs, TestServer};
const R: Permission = Permission { name: "desk:read", summary: "x", lowest_role: Role::Viewer };
fn rss() -> u64 {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines().find(|l| l.starts_with("VmRSS")).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}
#[tokio::main]
async fn main() {
    let a: Vec<String> = std::env::args().collect();
    if a.len() > 1 {
        client(&a[1], a[2].parse().unwrap()).await;
        return;
    }
    let n: usize = 1000;
    let db = TestDb::open(EngineKind::Sqlite, "m", &[]).await.unwrap();
    let mut parts = Parts::of(vec![wh_server::Module::new("desk").permissions(&[&R])]);
    parts.sockets_per_session_max = 2000;
    let server = TestServer::start(db, parts);
    // warm up
    let mut w = std::process::Command::new(&a[0])
        .arg(server.address.to_string())
        .arg("50")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while server.hub.open() < 50 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    w.kill().unwrap();
    w.wait().unwrap();
    while server.hub.open() > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = rss();
    let mut c = std::process::Command::new(&a[0])
        .arg(server.address.to_string())
        .arg(n.to_string())
        .stdout(std::process::Stdio::inherit())
        .spawn()
        .unwrap();
    while server.hub.open() < n {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("idle kB per socket: {}", (rss() - before) as f64 / n as f64);
    for p in 1..=100i64 {
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
        server.hub.deliver(&wh_db::Delivered {
            tenant: HOME,
            position: p,
            id: EventId(uuid::Uuid::nil()),
            kind: "desk.written".into(),
            subject: "x".into(),
            time: wh_base::Timestamp::from_micros(now),
            data: serde_json::json!({"at": now}),
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("after events kB per socket: {}", (rss() - before) as f64 / n as f64);
    c.wait().unwrap();
}
async fn client(addr: &str, n: usize) {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel::<f64>();
    for _ in 0..n {
        let mut r = format!("ws://{addr}/v1/live").into_client_request().unwrap();
        r.headers_mut().insert("cookie", EDITOR.cookie().unwrap().parse().unwrap());
        r.headers_mut().insert("origin", format!("http://{addr}").parse().unwrap());
        let s = tokio::net::TcpStream::connect(addr).await.unwrap();
        let (mut ws, _) = tokio_tungstenite::client_async(r, s).await.unwrap();
        ws.send(tokio_tungstenite::tungstenite::Message::text(r#"{"type":"subscribe","topics":["desk.x"]}"#))
            .await
            .unwrap();
        let tx = tx.clone();
        tokio::spawn(async move {
            while let Some(Ok(m)) = ws.next().await {
                let now =
                    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros()
                        as i64;
                let v: serde_json::Value = serde_json::from_str(m.to_text().unwrap()).unwrap();
                if v["type"] == "event" {
                    let _ = tx.send((now - v["data"]["at"].as_i64().unwrap()) as f64 / 1000.0);
                }
            }
        });
    }
    let _ = Instant::now();
    let mut all = Vec::new();
    while all.len() < n * 100 {
        match rx.recv().await {
            Some(v) => all.push(v),
            None => break,
        }
    }
    all.sort_by(f64::total_cmp);
    println!(
        "fan-out ms p50 {} p95 {} p99 {}",
        all[all.len() / 2],
        all[all.len() * 95 / 100],
        all[all.len() * 99 / 100]
    );
    std::process::exit(0);
}
