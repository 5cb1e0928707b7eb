//! A relay in front of a database server that loses a connection at the worst moment.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Who still hears the words at which a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// They are lost on the way.
    ByNobody,
    /// It does what it is asked for; its answer is lost.
    ByTheServer,
}

/// Where a connection is cut.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Not before the client has sent this over the same connection; empty: at once.
    pub behind: &'static str,
    /// At these words of the client. The server's answer to them holds the same ones.
    pub at: &'static str,
    /// What becomes of them.
    pub heard: Heard,
}

/// It passes everything on until it is armed, and from then on until it has cut one connection.
pub struct Relay {
    /// `host:port` where it listens.
    pub address: String,
    armed: Arc<AtomicBool>,
}

impl Relay {
    /// One to this `host:port`, inside a tokio runtime.
    pub async fn start(to: &str, cut: Cut) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let armed = Arc::new(AtomicBool::new(false));
        let (to, arm) = (to.to_owned(), Arc::clone(&armed));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&to).await else { continue };
                tokio::spawn(passed_on(client, server, cut, Arc::clone(&arm)));
            }
        });
        Self { address, armed }
    }

    /// From now on.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Whether it still waits for the words.
    pub fn is_armed(&self) -> bool {
        self.armed.load(Ordering::SeqCst)
    }
}

/// Both ways, until one end goes or the connection is cut.
async fn passed_on(mut client: TcpStream, mut server: TcpStream, cut: Cut, armed: Arc<AtomicBool>) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    let mut is_due = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let sent = &asked[..length];
                is_due = armed.load(Ordering::SeqCst) && (is_due || holds(sent, cut.behind));
                if !is_due || !holds(sent, cut.at) {
                    if server.write_all(sent).await.is_err() {
                        return;
                    }
                    continue;
                }
                armed.store(false, Ordering::SeqCst);
                if cut.heard == Heard::ByTheServer {
                    hear_out(&mut server, sent, &mut answered, cut.at).await;
                }
                return;
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Let the server do it: until its answer is there.
async fn hear_out(server: &mut TcpStream, sent: &[u8], buffer: &mut [u8], words: &str) {
    if server.write_all(sent).await.is_err() {
        return;
    }
    let mut answer = Vec::new();
    while !holds(&answer, words) {
        let Ok(length @ 1..) = server.read(buffer).await else { return };
        answer.extend_from_slice(&buffer[..length]);
    }
}

fn holds(bytes: &[u8], words: &str) -> bool {
    words.is_empty() || bytes.windows(words.len()).any(|window| window == words.as_bytes())
}
