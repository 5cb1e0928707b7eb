//! What a command line asks for and proves when it signs in by a browser (RFC 7636, S256). Pure.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use wh_base::{Result, Secret, Timestamp};
use wh_contract::{SessionId, TenantId, UserId};

use crate::codes;

/// For this long, in seconds, an allowed sign-in may be used.
pub const CLI_LOGIN_S_MAX: i64 = 5 * 60;
/// A command line listens on a port that needs no privilege.
const PORT_MIN: u16 = 1024;
const STATE_LENGTH_MAX: usize = 128;
const VERIFIER_LENGTH: std::ops::RangeInclusive<usize> = 43..=128;

/// A sign-in that a browser allowed.
pub struct CliLogin {
    /// Its id.
    pub id: Uuid,
    /// What its verifier must hash to.
    pub challenge: Challenge,
    /// The browser's session; when it ends, this is void.
    pub session: SessionId,
    /// Who.
    pub user: UserId,
    /// In which company.
    pub tenant: TenantId,
    /// Until when.
    pub expires_at: Timestamp,
}

/// SHA-256 of a verifier that only the asking command line knows.
pub struct Challenge(Vec<u8>);

impl Challenge {
    /// Base64url without padding, of exactly 32 bytes.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
        bytes.map(Self).ok_or_else(|| {
            codes::CLI_LOGIN_REQUEST
                .error("the challenge is no SHA-256 in base64url")
                .at("/challenge", "43 characters of base64url")
        })
    }

    /// Whether this verifier was hashed to it.
    pub fn is_met_by(&self, verifier: &Secret<String>) -> bool {
        let text = verifier.expose();
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        VERIFIER_LENGTH.contains(&text.len()) && bool::from(hash.ct_eq(self.0.as_slice()))
    }

    /// For storage.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.clone()
    }
}

impl From<Vec<u8>> for Challenge {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

/// Where the browser goes afterwards: to the command line on the same machine, and nowhere else.
pub struct Loopback {
    port: u16,
    state: String,
}

impl Loopback {
    /// A port without privilege, and what the command line wants to see again.
    pub fn parse(port: u16, state: &str) -> Result<Self> {
        let refused = |pointer: &str, why: &str| codes::CLI_LOGIN_REQUEST.error(why).at(pointer, why);
        if port < PORT_MIN {
            return Err(refused("/port", "a port from 1024 to 65535"));
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if state.is_empty() || state.len() > STATE_LENGTH_MAX || !state.chars().all(word) {
            return Err(refused("/state", "1 to 128 letters, digits, - or _"));
        }
        Ok(Self { port, state: state.to_owned() })
    }

    /// The address with the code in it.
    pub fn address(&self, code: &Secret<String>) -> String {
        format!("http://127.0.0.1:{}/signed-in?code={}&state={}", self.port, code.expose(), self.state)
    }
}
