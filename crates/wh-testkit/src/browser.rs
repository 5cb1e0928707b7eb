//! An HTTP client as a page of the console is one, over a real socket. Every answer is held against the spec.
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use wh_server::App;

use crate::declared::check;
use crate::{Cookie, Signs, TestServer};

/// A browser with a page of the server open.
#[derive(Clone)]
pub struct Browser {
    address: SocketAddr,
    app: App,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The code of a problem; empty otherwise.
    pub code: String,
    /// The head.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The cookie that the answer sets, to be shown with the next calls.
    pub fn cookie(&self) -> Option<Cookie> {
        let set = self.header("set-cookie")?;
        let pair = set.split(';').next()?;
        (!pair.ends_with('=')).then(|| Cookie(pair.to_owned()))
    }
}

/// One request, to be adorned before it is sent.
pub struct Call<'a> {
    browser: &'a Browser,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Browser {
    /// A browser on this server.
    pub fn new(server: &TestServer) -> Self {
        Self { address: server.address, app: server.app.clone() }
    }

    /// A request with a page's headers.
    pub fn call(&self, who: impl Signs, method: &str, path: &str) -> Call<'_> {
        let method: Method = method.parse().expect("a method");
        let mut headers = vec![
            ("host".to_owned(), self.address.to_string()),
            ("sec-fetch-site".to_owned(), "same-origin".to_owned()),
        ];
        headers.extend(who.cookie().map(|cookie| ("cookie".to_owned(), cookie)));
        Call { browser: self, method, path: path.to_owned(), headers, body: Bytes::new() }
    }

    /// GET.
    pub async fn get(&self, who: impl Signs, path: &str) -> Answer {
        self.call(who, "GET", path).send().await
    }

    /// POST of a JSON text.
    pub async fn post(&self, who: impl Signs, path: &str, json: impl ToString) -> Answer {
        self.call(who, "POST", path).json(json).send().await
    }

    /// PUT of a JSON text.
    pub async fn put(&self, who: impl Signs, path: &str, json: impl ToString) -> Answer {
        self.call(who, "PUT", path).json(json).send().await
    }

    /// PATCH with a JSON text.
    pub async fn patch(&self, who: impl Signs, path: &str, json: impl ToString) -> Answer {
        self.call(who, "PATCH", path).json(json).send().await
    }

    /// DELETE.
    pub async fn delete(&self, who: impl Signs, path: &str) -> Answer {
        self.call(who, "DELETE", path).send().await
    }
}

impl Call<'_> {
    /// With this header, in place of one of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without this header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// With a JSON body: a text, or a `serde_json::Value`.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a literal and a `Value` read the same at the call")]
    pub fn json(self, json: impl ToString) -> Self {
        self.body("application/json", json.to_string())
    }

    /// With a body of this type.
    #[must_use]
    pub fn body(self, media: &str, body: impl Into<Bytes>) -> Self {
        let mut call = self.header("content-type", media);
        call.body = body.into();
        call
    }

    /// Send it, and hold the answer against the spec.
    pub async fn send(self) -> Answer {
        let stream = TcpStream::connect(self.browser.address).await.expect("the server listens");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a connection");
        let running = tokio::spawn(connection);
        let mut request = Request::builder().method(self.method.clone()).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole answer").to_bytes();
        drop(sender);
        running.abort();
        let media =
            head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let problem = media.starts_with("application/problem+json");
        let answer =
            Answer { status: head.status.as_u16(), code: String::new(), headers: head.headers.clone(), body };
        let code = if problem {
            answer.json()["code"].as_str().unwrap_or_default().to_owned()
        } else {
            String::new()
        };
        check(self.browser.app.spec(), self.method.as_str(), &self.path, &code, &answer);
        Answer { code, ..answer }
    }
}
