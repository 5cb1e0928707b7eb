//! People and companies for the benchmarks: set up, sign in, switch. Through the same door as everybody.
use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::client::{Client, Reply, request};
use crate::server::Server;

/// Who set it up.
pub const EMAIL: &str = "bench@example.com";
/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple 13";

/// Somebody signed in, with a connection.
pub struct Session {
    /// The connection.
    pub client: Client,
    /// `Cookie: …\r\n`.
    pub cookie: String,
    address: SocketAddr,
}

impl Session {
    /// Complete the setup with the printed token.
    pub async fn set_up(server: &Server) -> Result<Self> {
        let token = server.setup_token.as_deref().context("the data folder is not empty")?;
        let body = json!({ "token": token, "company": "Bench", "name": "Bench", "email": EMAIL, "password": PASSWORD });
        Self::enter(server.address, "/v1/identity/setup", &body).await
    }

    async fn enter(address: SocketAddr, path: &str, body: &Value) -> Result<Self> {
        let client = Client::connect(address).await?;
        let mut session = Self { client, cookie: String::new(), address };
        let reply = session.call("POST", path, Some(body)).await?.expect(201)?;
        session.take_cookie(&reply);
        Ok(session)
    }

    /// Call an operation with a JSON body.
    pub async fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply> {
        let bytes = self.prepared(method, path, body);
        self.client.send(&bytes).await
    }

    /// The bytes of such a call.
    pub fn prepared(&self, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
        match body {
            Some(body) => {
                let headers = format!("{}Content-Type: application/json\r\n", self.cookie);
                request(method, path, &headers, body.to_string().as_bytes())
            }
            None => request(method, path, &self.cookie, b""),
        }
    }

    /// Somebody new, invited into the company of this session: signed in, on a connection of their own.
    pub async fn invite(&mut self, email: &str) -> Result<Self> {
        let body = json!({ "email": email, "role": "owner" });
        let issued = self.call("POST", "/v1/identity/invitations", Some(&body)).await?.expect(201)?.json()?;
        let token = issued["token"].as_str().context("no token")?;
        let body = json!({ "token": token, "name": "Bench", "password": PASSWORD });
        Self::enter(self.address, "/v1/identity/invitations/accept", &body).await
    }

    /// A new company, and this session in it.
    pub async fn enter_new_tenant(&mut self, name: &str) -> Result<()> {
        let tenant =
            self.call("POST", "/v1/identity/tenants", Some(&json!({ "name": name }))).await?.expect(201)?;
        let body = json!({ "tenant_id": tenant.json()?["id"] });
        let reply = self.call("PUT", "/v1/identity/session/tenant", Some(&body)).await?.expect(200)?;
        self.take_cookie(&reply);
        Ok(())
    }

    /// An empty panel; its id.
    pub async fn panel(&mut self, title: &str) -> Result<String> {
        let reply = self.call("POST", "/v1/panels", Some(&json!({ "title": title }))).await?.expect(201)?;
        Ok(reply.json()?["id"].as_str().context("no id")?.to_owned())
    }

    /// Fill a panel with a file, in pieces; the record of the import.
    pub async fn import(&mut self, panel: &str, pieces: impl Iterator<Item = Vec<u8>>) -> Result<Value> {
        let path = format!("/v1/panels/{panel}/imports?mode=replace&file_name=flights.csv");
        let cookie = self.cookie.clone();
        self.client.upload(&path, &cookie, pieces).await?.expect(201)?.json()
    }

    /// A further connection with the same session.
    pub async fn another(&self) -> Result<Self> {
        let client = Client::connect(self.address).await?;
        Ok(Self { client, cookie: self.cookie.clone(), address: self.address })
    }

    /// The same session at a server that was started again on the same data folder.
    pub async fn at(&self, server: &Server) -> Result<Self> {
        let client = Client::connect(server.address).await?;
        Ok(Self { client, cookie: self.cookie.clone(), address: server.address })
    }

    fn take_cookie(&mut self, reply: &Reply) {
        if let Some(cookie) = &reply.cookie {
            self.cookie = format!("Cookie: {cookie}\r\n");
        }
    }
}
