//! A server of somebody else that refuses whatever it is asked, and tells the test what that was. No part of the product.
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::http::request_head;

/// The lines of a request's head.
pub type Head = Vec<String>;

/// Where it listens, and what it is asked. It ends with the process.
pub fn refusing() -> (SocketAddr, Receiver<Head>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has one");
    let (sender, heads) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            refuse(stream, &sender);
        }
    });
    (address, heads)
}

/// The value of a header.
pub fn header<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    head.iter().find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// One request of a connection: the answer says that there will be no other.
fn refuse(stream: TcpStream, sender: &Sender<Head>) {
    let mut writer = stream.try_clone().expect("a socket can be cloned");
    let mut reader = BufReader::new(stream);
    let Some(head) = request_head(&mut reader) else { return };
    let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    // Whoever goes away in the middle has been heard well enough.
    let _rest = reader.take(length).read_to_end(&mut Vec::new());
    let _gone = sender.send(head);
    let answer = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let _closed = writer.write_all(answer.as_bytes());
}
