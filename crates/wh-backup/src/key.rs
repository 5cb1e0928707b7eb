//! The operator's key: its file, and the keys that are derived from it. Seals and opens; knows no part and no place.
use std::io::Write;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hmac};
use wh_base::{Random, Result, Secret};

use crate::codes;

/// What a key file begins with.
const WORD: &str = "wheelhouse-backup-key-1";
const KEY_BYTES: usize = 32;
/// Random bytes before each sealed text, from which its own key is derived.
const SALT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;

/// The digest of a content.
pub type Digest = [u8; 32];

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads what [`hex`] wrote.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

/// The operator's key, ready for use.
#[derive(Clone)]
pub struct Key {
    seal: hmac::Key,
    name: hmac::Key,
    check: hmac::Key,
}

impl Key {
    /// Make a key and write it into a new file that only this user may read.
    pub fn make(file: &Path, random: &dyn Random) -> Result<()> {
        let mut bytes = [0; KEY_BYTES];
        random.fill(&mut bytes)?;
        let failed = |e| codes::KEY_FILE.caused(format!("cannot write {}", file.display()), e);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut opened = options.open(file).map_err(failed)?;
        writeln!(opened, "{WORD} {}", hex(&bytes)).map_err(failed)?;
        opened.sync_all().map_err(failed)
    }

    /// Read a key file.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)
            .map_err(|e| codes::KEY.caused(format!("cannot read the key file {}", file.display()), e))?;
        let bytes = text.trim().strip_prefix(WORD).map(str::trim).and_then(unhex);
        match bytes.filter(|bytes| bytes.len() == KEY_BYTES) {
            Some(bytes) => Ok(Self::of(&Secret::new(bytes))),
            None => Err(codes::KEY.error(format!("{} is not a backup key", file.display()))),
        }
    }

    /// The rights of a key file that others on this machine may read or write; nothing where they may not, or there is none.
    #[cfg(unix)]
    pub fn open_to_others(file: &Path) -> Option<u32> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(file).ok()?;
        let others = metadata.mode() & 0o077;
        // Root's own, handed to a group: so systemd and Kubernetes give a key to the one process that is to have it.
        let handed = metadata.uid() == 0 && others & !0o040 == 0;
        (others != 0 && !handed).then_some(metadata.mode() & 0o777)
    }

    /// Rights are told otherwise here.
    #[cfg(not(unix))]
    pub fn open_to_others(_: &Path) -> Option<u32> {
        None
    }

    fn of(bytes: &Secret<Vec<u8>>) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, bytes.expose());
        let derived =
            |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, purpose.as_bytes()).as_ref());
        Self { seal: derived("seal"), name: derived("name"), check: derived("check") }
    }

    /// The name under which a content is kept. Says nothing about the content to whoever lacks the key.
    pub fn name(&self, content: &Digest) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.name, content).as_ref());
        out
    }

    /// A word that only this key gives for a text: tells a wrong key from a damaged part.
    pub fn check(&self, text: &str) -> String {
        hex(hmac::sign(&self.check, text.as_bytes()).as_ref())
    }

    /// Encrypt. `place` is authenticated, so that a sealed text opens at its own place only.
    pub fn seal(&self, place: &str, mut text: Vec<u8>, random: &dyn Random) -> Result<Vec<u8>> {
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt)?;
        let failed = |_| wh_base::codes::INTERNAL.error("a part cannot be encrypted");
        self.once(&salt)
            .and_then(|key| key.seal_in_place_append_tag(nonce(), Aad::from(place), &mut text))
            .map_err(failed)?;
        let mut sealed = Vec::with_capacity(SALT_BYTES + text.len());
        sealed.extend_from_slice(&salt);
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Decrypt; nothing where one bit is not as it was sealed.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        if sealed.len() < SALT_BYTES + TAG_BYTES {
            return None;
        }
        let (salt, rest) = sealed.split_at(SALT_BYTES);
        let mut text = rest.to_vec();
        let key = self.once(salt).ok()?;
        let length = key.open_in_place(nonce(), Aad::from(place), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }

    /// The key of one sealed text. It is used once, so its nonce may be fixed.
    fn once(&self, salt: &[u8]) -> std::result::Result<LessSafeKey, aws_lc_rs::error::Unspecified> {
        UnboundKey::new(&AES_256_GCM, hmac::sign(&self.seal, salt).as_ref()).map(LessSafeKey::new)
    }
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
