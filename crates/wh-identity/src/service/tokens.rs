//! Opaque tokens for sessions and links: 256 random bits shown once, of which only the SHA-256 is kept.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use wh_base::{Random, Result, Secret};

/// Random bytes in a token; ASVS 7.2.3 asks for at least 16.
const TOKEN_BYTES: usize = 32;
/// More than this is no token of ours and is not worth hashing.
const TOKEN_LENGTH_MAX: usize = 64;

/// What is stored of a token. Finding it tells nothing about the token, so look-ups need no constant time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of what a client presents.
    pub(crate) fn of(token: &Secret<String>) -> Self {
        let text = token.expose();
        let text = if text.len() > TOKEN_LENGTH_MAX { "" } else { text };
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The hash of a whole API key, for this node's memory: the database keeps the hash of its secret.
    pub(crate) fn of_key(text: &Secret<String>) -> Self {
        Self(Sha256::digest(text.expose().as_bytes()).into())
    }

    /// For storage.
    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// A new token and what to store of it.
pub(crate) fn issue(random: &dyn Random) -> Result<(Secret<String>, TokenHash)> {
    let mut bytes = [0_u8; TOKEN_BYTES];
    random.fill(&mut bytes)?;
    let token = Secret::new(URL_SAFE_NO_PAD.encode(bytes));
    let hash = TokenHash::of(&token);
    Ok((token, hash))
}
