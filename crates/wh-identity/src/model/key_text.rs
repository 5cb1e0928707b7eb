//! The text of an API key: `whk_<id>_<secret><check sum>`. Recognisable and checkable offline; says nothing about rights.
use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use wh_base::{Random, Result, Secret};

/// What every key begins with, so that secret scanners find one that strayed.
pub const KEY_PREFIX: &str = "whk_";

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 64 random bits name a key.
const ID_BYTES: usize = 8;
const ID_LENGTH: usize = 11;
/// 256 random bits open the door.
const SECRET_BYTES: usize = 32;
const SECRET_LENGTH: usize = 43;
/// CRC-32 of all that stands before it: finds what was mistyped or cut off, without asking anybody.
const CHECK_LENGTH: usize = 6;

/// The public part of a key: names it in lists and logs, opens nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicId(String);

impl PublicId {
    /// As it was stored.
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The part itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// With the prefix, as it stands at the beginning of the key.
impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{KEY_PREFIX}{}", self.0)
    }
}

/// What is stored of a key's secret.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// For storage.
    pub fn bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// Whether it is the stored one; takes as long whatever the answer.
    pub fn is(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}

/// A key as somebody shows it: well formed, and not yet known to open anything.
pub struct KeyText {
    /// Which key it says it is.
    pub public_id: PublicId,
    /// To compare with what is stored.
    pub secret: SecretHash,
}

impl KeyText {
    /// The parts, if it is the text of a key and its check sum is right.
    pub fn parse(text: &Secret<String>) -> Option<Self> {
        let text = text.expose().as_str();
        let rest = text.strip_prefix(KEY_PREFIX)?;
        let (id, rest) = rest.split_once('_')?;
        let digits = id.bytes().chain(rest.bytes()).all(|byte| byte.is_ascii_alphanumeric());
        if !digits || id.len() != ID_LENGTH || rest.len() != SECRET_LENGTH + CHECK_LENGTH {
            return None;
        }
        let (body, check) = text.split_at(text.len() - CHECK_LENGTH);
        if check_sum(body) != check {
            return None;
        }
        let secret = SecretHash::of(rest.get(..SECRET_LENGTH)?);
        Some(Self { public_id: PublicId(id.to_owned()), secret })
    }
}

/// A new key: its public part, what to store of its secret, and the whole text, which is shown once.
pub fn issue(random: &dyn Random) -> Result<(PublicId, SecretHash, Secret<String>)> {
    let (mut id, mut secret) = ([0_u8; ID_BYTES], [0_u8; SECRET_BYTES]);
    random.fill(&mut id)?;
    random.fill(&mut secret)?;
    let public_id = PublicId(base62(&mut id, ID_LENGTH));
    let secret = base62(&mut secret, SECRET_LENGTH);
    let hash = SecretHash::of(&secret);
    let body = format!("{public_id}_{secret}");
    let text = Secret::new(format!("{body}{}", check_sum(&body)));
    Ok((public_id, hash, text))
}

fn check_sum(body: &str) -> String {
    base62(&mut crc32fast::hash(body.as_bytes()).to_be_bytes(), CHECK_LENGTH)
}

/// The number in big-endian bytes, in as many digits as asked for; the bytes are used up.
fn base62(number: &mut [u8], length: usize) -> String {
    let mut digits = vec![b'0'; length];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in number.iter_mut() {
            let part = rest << 8 | u32::from(*byte);
            *byte = u8::try_from(part / 62).unwrap_or(0);
            rest = part % 62;
        }
        *digit = DIGITS[rest as usize];
    }
    digits.into_iter().map(char::from).collect()
}
