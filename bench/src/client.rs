//! A keep-alive HTTP/1.1 client that costs little itself: prepared request bytes, answers by Content-Length. No general client.
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection, in cleartext unless it is said otherwise.
pub struct Client<S = TcpStream> {
    stream: S,
    buffer: Vec<u8>,
    filled: usize,
}

/// An answer's status, its cookie if it sets one, and its body.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `name=value` of the first `Set-Cookie`.
    pub cookie: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// The bytes of a request; `headers` are whole lines with their `\r\n`.
pub fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

impl Client<TcpStream> {
    /// Connect.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self::on(stream))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Speak over this connection.
    pub fn on(stream: S) -> Self {
        Self { stream, buffer: vec![0; 64 * 1024], filled: 0 }
    }

    /// Send a prepared request and read the whole answer.
    pub async fn send(&mut self, request: &[u8]) -> Result<Reply> {
        self.stream.write_all(request).await?;
        self.read().await
    }

    /// The same, timed; anything but the wanted status is a failure of the benchmark.
    pub async fn timed(&mut self, request: &[u8], status: u16) -> Result<Duration> {
        let began = Instant::now();
        let reply = self.send(request).await?;
        let took = began.elapsed();
        reply.expect(status)?;
        Ok(took)
    }

    /// Send the head of a chunked upload, then pieces, then the end.
    pub async fn upload(
        &mut self,
        path: &str,
        headers: &str,
        pieces: impl Iterator<Item = Vec<u8>>,
    ) -> Result<Reply> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n{headers}Content-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes()).await?;
        for piece in pieces {
            self.stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            self.stream.write_all(&piece).await?;
            self.stream.write_all(b"\r\n").await?;
        }
        self.stream.write_all(b"0\r\n\r\n").await?;
        self.read().await
    }

    async fn read(&mut self) -> Result<Reply> {
        let head_end = loop {
            if let Some(at) = find(&self.buffer[..self.filled], b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let head = std::str::from_utf8(&self.buffer[..head_end])?;
        let status = head.get(9..12).context("no status line")?.parse()?;
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let cookie = header("set-cookie").map(|value| value.split(';').next().unwrap_or("").to_owned());
        let length: usize = match header("content-length") {
            Some(length) => length.parse()?,
            None if status == 204 || status == 304 => 0,
            None => bail!("an answer without Content-Length"),
        };
        while self.filled < head_end + length {
            self.fill().await?;
        }
        let body = self.buffer[head_end..head_end + length].to_vec();
        self.buffer.copy_within(head_end + length..self.filled, 0);
        self.filled -= head_end + length;
        Ok(Reply { status, cookie, body })
    }

    async fn fill(&mut self) -> Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.filled..]).await?;
        if read == 0 {
            bail!("the server closed the connection");
        }
        self.filled += read;
        Ok(())
    }
}

impl Reply {
    /// Fail with the answer's words unless it has this status.
    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status != status {
            bail!("status {} instead of {status}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        Ok(self)
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
