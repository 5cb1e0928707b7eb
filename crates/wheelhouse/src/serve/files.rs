//! The process's limit of open files: raised to what the system allows, at the start. Every connection is a file.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Below this a busy server runs out of files for its connections.
pub const FILES_WANTED_MIN: u64 = 4_096;

/// How many files may be open: the limit in force, and how far it may be raised. Nothing means without limit.
pub fn limits() -> (Option<u64>, Option<u64>) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    (current, maximum)
}

/// Raise the limit in force as far as it may be raised, and say so.
pub fn raise() {
    let (before, hard) = limits();
    if before == hard {
        tracing::info!(limit = shown(before), "the limit of open files is as high as it may be");
    } else {
        match setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }) {
            Ok(()) => {
                tracing::info!(before = shown(before), limit = shown(hard), "raised the limit of open files");
            }
            Err(error) => {
                tracing::warn!(limit = shown(before), %error, "cannot raise the limit of open files");
            }
        }
    }
    if limits().0.is_some_and(|limit| limit < FILES_WANTED_MIN) {
        tracing::warn!(
            limit = shown(limits().0),
            wanted = FILES_WANTED_MIN,
            "few files may be open: few connections"
        );
    }
}

/// A limit as a word.
pub fn shown(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}
