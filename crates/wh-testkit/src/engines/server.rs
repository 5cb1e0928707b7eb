//! A PostgreSQL server for one test process: started, and stopped by its id. Knows nothing of tables
//! and tenants.
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// How long a fresh server may take until it answers.
const START_MS_MAX: u64 = 30_000;
/// Debian's places, newest last; older than 15 has no `security_invoker` views and is not supported.
const MAJOR_VERSIONS: [u32; 4] = [15, 16, 17, 18];

/// A PostgreSQL server on this machine.
pub struct PostgresServer {
    admin_url: String,
    version: String,
    root_certificate: Option<PathBuf>,
    watched: Watched,
}

impl PostgresServer {
    /// A superuser's URL to the database `postgres`.
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// What it calls itself, for the log of the run.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The certificate that signs the server's TLS, issued to `localhost`; none where `openssl` is missing.
    pub fn root_certificate(&self) -> Option<&Path> {
        self.root_certificate.as_deref()
    }

    /// A server of one's own that writes to the disk before it acknowledges, for crash tests and benchmarks;
    /// ends on drop. `None` where PostgreSQL is not installed.
    pub fn start_durable() -> std::io::Result<Option<Self>> {
        let Some(binaries) = binaries() else { return Ok(None) };
        start(&binaries, &DURABLE).map(Some).map_err(std::io::Error::other)
    }

    /// End it as a power cut would. Nobody else may be using it.
    pub fn kill(&mut self) -> std::io::Result<()> {
        self.watched.tell("kill")
    }

    /// Run it again after [`Self::kill`], on the same port and data, and wait until it answers.
    pub fn run_again(&mut self) -> std::io::Result<()> {
        self.watched.tell("run")?;
        wait_until_ready(&self.admin_url).map_err(std::io::Error::other)
    }
}

/// The watcher ends the server and removes its folder when its input closes, however this process ends.
struct Watched {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    watcher: Child,
}

impl Watched {
    /// Tell the watcher a word; it answers when it has done what it says.
    fn tell(&mut self, word: &str) -> std::io::Result<()> {
        let input = self.input.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        input.write_all(format!("{word}\n").as_bytes())?;
        let mut answer = String::new();
        if self.output.read_line(&mut answer)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.watcher.wait();
    }
}

/// The server of this process, or why there is none.
pub fn shared() -> Result<&'static PostgresServer, &'static str> {
    static SERVER: OnceLock<Result<PostgresServer, String>> = OnceLock::new();
    SERVER.get_or_init(start_shared).as_ref().map_err(String::as_str)
}

/// Whether a missing counterpart fails the run instead of skipping its tests.
#[expect(
    clippy::disallowed_methods,
    reason = "the test command tells its tests by the environment, not by a configuration"
)]
pub fn must_be_there() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

fn start_shared() -> Result<PostgresServer, String> {
    let binaries = binaries().ok_or("no /usr/lib/postgresql/{15..18}/bin/postgres; install postgresql-15")?;
    start(&binaries, &FUNCTIONAL)
}

fn binaries() -> Option<PathBuf> {
    MAJOR_VERSIONS
        .iter()
        .map(|major| PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")))
        .find(|folder| folder.join("postgres").is_file() && folder.join("initdb").is_file())
}

/// `initdb` and `postgres` refuse to run as root; then they run as Debian's `postgres` user.
fn as_root() -> bool {
    Path::new("/proc/self").metadata().is_ok_and(|me| me.uid() == 0)
}

/// How a server is run.
struct Setup {
    settings: &'static str,
    /// Where its cluster lies if there is room; else, and without, with other temporary files.
    memory: Option<&'static str>,
}

/// For functional tests: nothing needs to survive.
const FUNCTIONAL: Setup = Setup {
    settings: "-c fsync=off -c full_page_writes=off -c shared_buffers=64MB -c max_wal_size=256MB",
    memory: Some("/dev/shm"),
};
/// As an operator would have it.
const DURABLE: Setup = Setup { settings: "-c shared_buffers=256MB -c max_wal_size=1GB", memory: None };

/// The watcher: makes the cluster, runs the server, kills and runs it again when it is told to, waits for its own standard
/// input to close, stops the server by its id, removes the folder. Signals of the terminal go to the whole group, so it ignores them
/// and sees the pipe close instead.
const WATCHER: &str = r#"
trap '' INT TERM HUP
bin=$1; port=$2; drop=$3; settings=$4; memory=$5
base=${TMPDIR:-/tmp}
# Each test makes a database of some hundred files: room is 8 GiB.
if [ -n "$memory" ] && [ -w "$memory" ]; then
  free_kb=$(df --output=avail -k "$memory" | tail -n 1)
  [ "${free_kb:-0}" -gt 8388608 ] && base=$memory
fi
dir=$(mktemp -d -p "$base" wheelhouse-postgres.XXXXXX) || { echo "failed: no folder can be made in $base"; exit 1; }
[ -n "$drop" ] && chown postgres "$dir"
printf '%s' postgres > "$dir/password"; chmod 644 "$dir/password"
$drop "$bin/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C --auth=scram-sha-256 --pwfile="$dir/password" --no-sync > "$dir/initdb.log" 2>&1 \
  || { echo "failed initdb: $(tail -n 3 "$dir/initdb.log" | tr '\n' ' ')"; rm -rf "$dir"; exit 1; }
if command -v openssl > /dev/null && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
  -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
  -keyout "$dir/data/server.key" -out "$dir/data/server.crt" > "$dir/openssl.log" 2>&1
then
  chmod 600 "$dir/data/server.key"
  [ -n "$drop" ] && chown postgres "$dir/data/server.key" "$dir/data/server.crt"
  settings="$settings -c ssl=on"
fi
run() {
  $drop "$bin/postgres" -D "$dir/data" -p "$port" -k "$dir" -c listen_addresses=127.0.0.1 -c max_connections=300 \
    -c log_min_messages=fatal $settings < /dev/null > "$dir/server.log" 2>&1 &
  server=$!
}
run
echo "started $dir"
while read -r word; do
  case $word in
    kill) orphans=$(cat "/proc/$server/task/$server/children"); kill -KILL "$server"; wait "$server"; echo killed ;;
    run)
      # While one of its processes is left, PostgreSQL does not start on their memory.
      for orphan in $orphans; do
        while grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$orphan/status"; do sleep 0.02; done
      done
      run; echo running ;;
  esac
done
kill -INT "$server" 2> /dev/null
wait "$server"
rm -rf "$dir"
"#;

fn start(binaries: &Path, setup: &Setup) -> Result<PostgresServer, String> {
    let port = free_port()?;
    let drop = if as_root() { "setpriv --reuid=postgres --regid=postgres --init-groups --" } else { "" };
    let mut watcher = Command::new("sh")
        .args(["-c", WATCHER, "watcher"])
        .arg(binaries)
        .args([port.to_string().as_str(), drop, setup.settings, setup.memory.unwrap_or_default()])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("sh did not start: {e}"))?;
    let (Some(input), Some(output)) = (watcher.stdin.take(), watcher.stdout.take()) else {
        return Err("the watcher has no pipes".to_owned());
    };
    let mut watched = Watched { input: Some(input), output: BufReader::new(output), watcher };
    let mut said = String::new();
    watched.output.read_line(&mut said).map_err(|e| format!("the watcher said nothing: {e}"))?;
    let Some(folder) = said.trim().strip_prefix("started ").map(Path::new) else {
        return Err(format!("PostgreSQL did not start: {}", said.trim()));
    };
    let root_certificate = Some(folder.join("data/server.crt")).filter(|file| file.is_file());
    let version = Command::new(binaries.join("postgres")).arg("--version").output();
    let version = version.map(|v| String::from_utf8_lossy(&v.stdout).trim().to_owned()).unwrap_or_default();
    let admin_url = format!("postgres://postgres:postgres@127.0.0.1:{port}/postgres");
    wait_until_ready(&admin_url)?;
    Ok(PostgresServer { admin_url, version, root_certificate, watched })
}

/// Asks until it answers. Runs in a thread of its own because the caller's runtime may be single-threaded.
fn wait_until_ready(admin_url: &str) -> Result<(), String> {
    let admin_url = admin_url.to_owned();
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| e.to_string())?;
        runtime.block_on(async {
            let limit = std::time::Duration::from_millis(START_MS_MAX);
            let asking = async {
                let mut pause = tokio::time::interval(std::time::Duration::from_millis(25));
                loop {
                    pause.tick().await;
                    if tokio_postgres::connect(&admin_url, tokio_postgres::NoTls).await.is_ok() {
                        return;
                    }
                }
            };
            tokio::time::timeout(limit, asking)
                .await
                .map_err(|_| format!("not ready after {START_MS_MAX} ms"))
        })
    });
    asked.join().map_err(|_| "the thread that waits for PostgreSQL ended".to_owned())?
}

fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|e| e.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|e| e.to_string())
}
