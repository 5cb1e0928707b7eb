//! A real object store for backups: versitygw over a folder of this machine. It can be killed, also in the middle of a backup.
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use wh_backup::{Addressing, BucketName, DataFolder, Follower, Key, Repository, S3, Steps, Store, Transport};
use wh_base::{ManualClock, OsRandom, Random, Secret};
use wh_testkit::engines::must_be_there;

use super::Vault;

/// Who asks.
pub const KEY_ID: &str = "AKIAWHEELHOUSETEST01";
/// What must stand in no output.
pub const SECRET: &str = "Secret/of+the+ObjectStore/NeverPrinted77";
const BUCKET: &str = "wheelhouse";
/// Far more than it takes to start.
const PATIENCE: Duration = Duration::from_mins(1);
/// A free port may be taken by another test before the gateway has it.
const STARTS_MAX: usize = 10;

/// When an address that passes everything on kills the gateway, once.
#[derive(Clone, Copy)]
pub enum Fuse {
    /// When so many parts were begun: before that one is written.
    Part(usize),
    /// When the first step is written: its answer is lost.
    Step,
}

/// Follows a data folder into the bucket, as a server does.
pub fn follow(address: SocketAddr, key: &Path, data: &Path, clock: &Arc<ManualClock>) -> Follower {
    let random: Arc<dyn Random> = Arc::new(OsRandom);
    let name = BucketName { bucket: BUCKET.to_owned(), prefix: "of/this-server".to_owned() };
    let s3 = S3 {
        endpoint: Some(format!("http://{address}")),
        region: "us-east-1".to_owned(),
        addressing: Addressing::Path,
        transport: Transport::PlainToo,
        access_key_id: KEY_ID.to_owned(),
        secret_access_key: Secret::new(SECRET.to_owned()),
        session_token: None,
    };
    let store = Store::bucket(&name, &s3, Arc::clone(&random)).expect("an address");
    let key = Key::read(key).expect("the key");
    let repository = Repository::open_or_make(store, key, random).expect("a place");
    Follower::begin(repository, DataFolder::new(data), clock.clone(), 24, Steps::Each).expect("a follower")
}

/// An object store with one bucket.
pub struct Gateway {
    folder: tempfile::TempDir,
    program: PathBuf,
    child: Mutex<Option<Child>>,
    address: Mutex<SocketAddr>,
}

#[expect(clippy::disallowed_methods, reason = "the test command tells where the program lies")]
fn program() -> Option<PathBuf> {
    let program = std::env::var_os("WHEELHOUSE_TEST_VERSITYGW").map(PathBuf::from);
    let program = program.filter(|program| program.exists());
    assert!(
        program.is_some() || !must_be_there(),
        "versitygw is missing; `make test` builds it and sets WHEELHOUSE_TEST_VERSITYGW"
    );
    program
}

impl Gateway {
    /// Start one with an empty bucket; nothing where the program is not there.
    pub fn start(test: &str) -> Option<Arc<Self>> {
        let Some(program) = program() else {
            eprintln!("skipped: {test}: versitygw is not installed");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["data", "sidecar"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let address = Mutex::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        let gateway = Self { folder, program, child: Mutex::new(None), address };
        let started = (0..STARTS_MAX).any(|_| {
            let port = TcpListener::bind("127.0.0.1:0").expect("a port");
            *gateway.address.lock().expect("no test panicked") = port.local_addr().expect("an address");
            drop(port);
            gateway.run()
        });
        assert!(started, "versitygw does not start");
        gateway.make_bucket();
        Some(Arc::new(gateway))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        *self.address.lock().expect("no test panicked")
    }

    /// The same store at the same address again.
    pub fn come_back(&self) {
        assert!((0..STARTS_MAX).any(|_| self.run()), "versitygw does not come back");
    }

    /// At once, as a power cut would.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().expect("no test panicked").take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }

    /// Whether it runs and listens.
    fn run(&self) -> bool {
        let address = self.address();
        let mut command = Command::new(&self.program);
        command.arg("--port").arg(address.to_string()).args(["--quiet", "posix", "--sidecar"]);
        command.arg(self.folder.path().join("sidecar")).arg(self.folder.path().join("data"));
        command.env("ROOT_ACCESS_KEY", KEY_ID).env("ROOT_SECRET_KEY", SECRET);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("versitygw starts");
        let until = Instant::now() + PATIENCE;
        while child.try_wait().expect("it can be asked").is_none() {
            if TcpStream::connect(address).is_ok() {
                *self.child.lock().expect("no test panicked") = Some(child);
                return true;
            }
            assert!(Instant::now() < until, "versitygw does not listen at {address}");
            thread::yield_now();
        }
        false
    }

    fn make_bucket(&self) {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body", "--request", "PUT"]);
        curl.args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--header", "Content-Length: 0"]);
        curl.args(["--aws-sigv4", "aws:amz:us-east-1:s3", "--user"]).arg(format!("{KEY_ID}:{SECRET}"));
        let made = curl.arg(format!("http://{}/{BUCKET}", self.address())).output().expect("curl starts");
        assert!(made.status.success(), "no bucket: {}", super::words(&made));
    }

    /// Everything that lies in it, as files.
    pub fn objects(&self) -> PathBuf {
        self.folder.path().join("data").join(BUCKET)
    }

    /// Somebody empties the bucket: the objects below a prefix, and what the gateway notes of them beside.
    pub fn remove_all(&self, prefix: &str) {
        std::fs::remove_dir_all(self.objects().join(prefix)).expect("it is there");
        let notes = self.folder.path().join("sidecar/wheelhouse").join(prefix);
        assert!(notes.exists(), "the gateway keeps its notes elsewhere");
        std::fs::remove_dir_all(notes).expect("it is there");
    }

    /// A vault in the bucket, reached at an address.
    pub fn vault_at(address: SocketAddr) -> Vault {
        let mut vault = Vault::new();
        vault.target = Some(format!("s3://{BUCKET}/of/this-server"));
        vault.settings = vec![
            ("WHEELHOUSE_BACKUP_S3_ENDPOINT", format!("http://{address}")),
            ("WHEELHOUSE_BACKUP_S3_ALLOW_HTTP", "true".to_owned()),
            ("WHEELHOUSE_BACKUP_S3_ACCESS_KEY_ID", KEY_ID.to_owned()),
            ("WHEELHOUSE_BACKUP_S3_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ];
        vault
    }

    /// A vault in the bucket.
    pub fn vault(&self) -> Vault {
        Self::vault_at(self.address())
    }

    /// An address that passes everything on until its fuse blows.
    pub fn fused(self: &Arc<Self>, fuse: Fuse) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        // Not the gateway itself: whoever waits for a connection must not keep it alive.
        let (gateway, begun) = (Arc::downgrade(self), Arc::new(AtomicUsize::new(0)));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Some(gateway) = gateway.upgrade() else { return };
                let begun = Arc::clone(&begun);
                thread::spawn(move || gateway.pass_on(client, &begun, fuse));
            }
        });
        address
    }

    /// One connection. A gateway that is away closes it.
    fn pass_on(&self, mut client: TcpStream, begun: &AtomicUsize, fuse: Fuse) {
        let Ok(mut store) = TcpStream::connect(self.address()) else { return };
        let (Ok(answers), Ok(asker)) = (store.try_clone(), client.try_clone()) else { return };
        let is_lost = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| self.answer(answers, asker, &is_lost));
            let mut bytes = vec![0; 64 << 10];
            while let Ok(count @ 1..) = client.read(&mut bytes) {
                let line = bytes[..count].split(|byte| *byte == b'\r').next().unwrap_or_default();
                let line = String::from_utf8_lossy(line);
                let writes = |what: &str| line.starts_with("PUT /") && line.contains(what);
                match fuse {
                    Fuse::Part(parts)
                        if writes("/parts/") && begun.fetch_add(1, Ordering::SeqCst) + 1 == parts =>
                    {
                        self.kill();
                    }
                    Fuse::Step if writes("-step-") => {
                        is_lost.store(begun.fetch_add(1, Ordering::SeqCst) == 0, Ordering::SeqCst);
                    }
                    _ => {}
                }
                if store.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            let _closed = store.shutdown(Shutdown::Both);
            let _closed = client.shutdown(Shutdown::Both);
        });
    }

    /// The way back. Either side may end first.
    fn answer(&self, mut answers: TcpStream, mut asker: TcpStream, is_lost: &AtomicBool) {
        let mut bytes = vec![0; 64 << 10];
        while let Ok(count @ 1..) = answers.read(&mut bytes) {
            if is_lost.load(Ordering::SeqCst) {
                self.kill();
                break;
            }
            if asker.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _closed = asker.shutdown(Shutdown::Both);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}
