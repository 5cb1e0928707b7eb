//! A plain HTTP/1.1 client for tests: one request per connection, nothing hidden; and the head of a request, for tests that answer
//! themselves. No part of the product.
use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case; the last of a name.
    pub headers: BTreeMap<String, String>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The problem's code, empty when it is no problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// `name=value` of the cookie it sets.
    pub fn cookie(&self) -> Option<String> {
        self.headers.get("set-cookie").map(|cookie| cookie.split(';').next().unwrap_or("").to_owned())
    }
}

/// What to send.
#[derive(Clone, Debug, Default)]
pub struct Ask<'a> {
    /// `GET` and so on.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Further header lines, each with its end.
    pub headers: String,
    /// The body.
    pub body: &'a [u8],
}

/// Send it; an error when the connection broke before an answer came.
pub fn send(address: SocketAddr, ask: &Ask<'_>) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    let has_site = ask.headers.contains("Sec-Fetch-Site");
    let site = if has_site { "" } else { "Sec-Fetch-Site: same-origin\r\n" };
    let head = format!(
        "{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{site}{}Content-Length: {}\r\n\r\n",
        ask.method,
        ask.path,
        ask.headers,
        ask.body.len()
    );
    stream.write_all(head.as_bytes())?;
    // A refusal may come before the whole body was taken: the answer counts, not the broken pipe.
    let written = stream.write_all(ask.body);
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(_) if !bytes.is_empty() => {}
        Err(e) => return Err(written.err().unwrap_or(e)),
    }
    parse(&bytes).ok_or_else(|| std::io::Error::other(format!("no answer in {} bytes", bytes.len())))
}

/// The lines of a request's head that a test's own server reads, without their ends; `None` when the other side went away before.
pub fn request_head(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if line == "\r\n" {
            return Some(head);
        }
        head.push(line.trim_end().to_owned());
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let body = &bytes[end + 4..];
    let chunked = headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
    let body = if chunked { unchunk(body)? } else { body.to_vec() };
    Some(Answer { status, headers, body })
}

fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n")?;
        let size =
            usize::from_str_radix(std::str::from_utf8(&bytes[..end]).ok()?.split(';').next()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(bytes.get(end + 2..end + 2 + size)?);
        bytes = bytes.get(end + 2 + size + 2..)?;
    }
}
