//! A live connection as a page has one: subscribes, hears, sees why it ends. Waits with a limit, never by sleeping.
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::{Signs, TestServer};

/// How long a frame may take before the test fails.
const FRAME_TIMEOUT: Duration = Duration::from_secs(20);

/// An open live connection.
pub struct Live {
    socket: WebSocketStream<TcpStream>,
}

impl Live {
    /// Open one and take the welcome; its position.
    pub async fn open(server: &TestServer, who: impl Signs) -> (Self, i64) {
        let mut live = Self::try_open(server, who).await.expect("the handshake is taken");
        let welcome = live.next().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        let position = welcome["position"].as_i64().expect("a position");
        (live, position)
    }

    /// Open one; the status, when the handshake is refused.
    pub async fn try_open(server: &TestServer, who: impl Signs) -> Result<Self, u16> {
        Self::try_open_from(server, who, &format!("http://{}", server.address)).await
    }

    /// Open one from a page of this origin.
    pub async fn try_open_from(server: &TestServer, who: impl Signs, origin: &str) -> Result<Self, u16> {
        let mut headers = vec![("origin", origin.to_owned())];
        headers.extend(who.cookie().map(|cookie| ("cookie", cookie)));
        Self::handshake(server, &headers).await
    }

    /// Open one as a program with an API key does, and take the welcome.
    pub async fn open_by_key(server: &TestServer, key: &str) -> Self {
        let mut live = Self::try_open_by_key(server, key).await.expect("the handshake is taken");
        let welcome = live.next().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        live
    }

    /// The same; the status, when the handshake is refused.
    pub async fn try_open_by_key(server: &TestServer, key: &str) -> Result<Self, u16> {
        Self::handshake(server, &[("authorization", format!("Bearer {key}"))]).await
    }

    async fn handshake(server: &TestServer, given: &[(&'static str, String)]) -> Result<Self, u16> {
        let stream = TcpStream::connect(server.address).await.expect("the server listens");
        let mut request =
            format!("ws://{}/v1/live", server.address).into_client_request().expect("a request");
        for (name, value) in given {
            request.headers_mut().insert(*name, value.parse().expect("a header's value"));
        }
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(other) => panic!("the handshake failed: {other}"),
        }
    }

    /// Say something.
    pub async fn say(&mut self, message: &Value) {
        self.say_text(&message.to_string()).await;
    }

    /// Say something that need not be JSON.
    pub async fn say_text(&mut self, text: &str) {
        self.socket.send(Message::text(text.to_owned())).await.expect("the connection is open");
    }

    /// Subscribe to one topic, from `after` or from now; what came until it was confirmed, the confirmation last.
    pub async fn subscribe(&mut self, topic: &str, after: Option<i64>) -> Vec<Value> {
        self.say(&serde_json::json!({ "type": "subscribe", "topics": [topic], "after": after })).await;
        let mut heard = Vec::new();
        loop {
            let message = self.next().await;
            let last = message["type"] == "subscribed" || message["type"] == "refused";
            heard.push(message);
            if last {
                return heard;
            }
        }
    }

    /// The next message.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).expect("JSON"),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("a message was expected, not {other:?}"),
            }
        }
    }

    /// Everything up to the answer of a ping: what is not in there was not sent.
    pub async fn so_far(&mut self) -> Vec<Value> {
        self.say(&serde_json::json!({ "type": "ping" })).await;
        let mut heard = Vec::new();
        loop {
            let message = self.next().await;
            if message["type"] == "pong" {
                return heard;
            }
            heard.push(message);
        }
    }

    /// Read on until the server ends the connection: close code and reason.
    pub async fn ended(&mut self) -> (u16, String) {
        self.heard_until_end().await.1
    }

    /// The same, with what was heard before.
    pub async fn heard_until_end(&mut self) -> (Vec<Value>, (u16, String)) {
        let mut heard = Vec::new();
        loop {
            match self.frame().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (heard, (frame.code.into(), frame.reason.to_string()));
                }
                Some(Ok(Message::Text(text))) => heard.push(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(_)) => {}
                other => panic!("a close frame was expected, not {other:?}"),
            }
        }
    }

    async fn frame(&mut self) -> Option<Result<Message, Error>> {
        tokio::time::timeout(FRAME_TIMEOUT, self.socket.next()).await.expect("a frame in time")
    }
}
