//! A Kubernetes API server over an etcd, on ports of its own, for as long as this is held. No nodes: nothing is scheduled.
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{Scratch, Told, said, told};
use crate::counterparts::Testbed;
use crate::run::command;

/// How long both may take until they answer, on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(3);
/// The one who asks; exists in this cluster only.
const TOKEN: &str = "trial-of-the-chart";

/// The running API server.
pub(super) struct Cluster {
    kubectl: PathBuf,
    url: String,
    // Ended in this order, before their folder is removed.
    server: Process,
    store: Process,
    scratch: Scratch,
}

/// A program in the background; ended when this is dropped.
pub(super) struct Process(pub(super) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Process {
    /// Start it; what it says goes into a file.
    pub(super) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let log = fs::File::create(log)?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Self(child.with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?))
    }
}

/// A port that nobody listens on now.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Cluster {
    /// Start both and wait until they answer.
    pub(super) fn start(testbed: &Testbed) -> Result<Self> {
        let (program, kubectl) = (testbed.kubernetes("kube-apiserver")?, testbed.kubectl()?);
        let scratch = Scratch::new("cluster")?;
        let folder = scratch.0.clone();
        let (clients, peers, port) = (free_port()?, free_port()?, free_port()?);
        let (clients, peers) = (format!("http://127.0.0.1:{clients}"), format!("http://127.0.0.1:{peers}"));
        let mut store = command("etcd", &["--name=trial", "--unsafe-no-fsync", "--log-level=warn"], &folder);
        store.arg("--data-dir").arg(folder.join("etcd"));
        store.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
        store.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        store.args(["--initial-cluster", &format!("trial={peers}")]);
        let store = Process::start(&mut store, &folder.join("etcd.log"))?;
        let key = folder.join("accounts.key").to_string_lossy().into_owned();
        said(&mut command("openssl", &["genrsa", "-out", &key, "2048"], &folder))?;
        fs::write(folder.join("tokens.csv"), format!("{TOKEN},trial,trial,system:masters\n"))?;
        let mut server =
            command(program, &["--bind-address=127.0.0.1", "--authorization-mode=RBAC"], &folder);
        server.args(["--etcd-servers", &clients, "--secure-port", &port.to_string()]);
        server.args(["--service-account-key-file", &key, "--service-account-signing-key-file", &key]);
        server.args(["--service-account-issuer=https://trial.invalid", "--token-auth-file=tokens.csv"]);
        server.args(["--service-cluster-ip-range=10.0.0.0/24", "--cert-dir=certificates"]);
        // Accounts are made by a controller, and no controller runs.
        server.arg("--disable-admission-plugins=ServiceAccount");
        let server = Process::start(&mut server, &folder.join("server.log"))?;
        let url = format!("https://127.0.0.1:{port}");
        let mut cluster = Self { kubectl, url, server, store, scratch };
        cluster.wait()?;
        Ok(cluster)
    }

    fn wait(&mut self) -> Result<()> {
        let began = Instant::now();
        while !told(&mut self.kubectl(&["get", "--raw", "/readyz"]))?.well {
            for (name, process) in [("etcd", &mut self.store), ("server", &mut self.server)] {
                if let Some(status) = process.0.try_wait()? {
                    let log = fs::read_to_string(self.scratch.0.join(format!("{name}.log")))?;
                    let end: Vec<&str> = log.lines().rev().take(5).collect();
                    bail!("{name} ended with {status}: {}", end.join("\n"));
                }
            }
            ensure!(began.elapsed() < READY_WITHIN, "no API server after {} s", READY_WITHIN.as_secs());
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// kubectl for this cluster, without the configuration of whoever runs this.
    fn kubectl(&self, arguments: &[&str]) -> Command {
        let mut kubectl = command(&self.kubectl, arguments, &self.scratch.0);
        kubectl.env("HOME", &self.scratch.0).env("KUBECONFIG", "/dev/null");
        kubectl.args(["--server", &self.url, "--token", TOKEN, "--insecure-skip-tls-verify"]);
        kubectl
    }

    /// The server's version.
    pub(super) fn version(&self) -> Result<String> {
        let told = said(&mut self.kubectl(&["get", "--raw", "/version"]))?;
        let version: serde_json::Value = serde_json::from_str(&told.words)?;
        Ok(version["gitVersion"].as_str().unwrap_or_default().to_owned())
    }

    /// Make objects for good.
    pub(super) fn make(&self, objects: &str) -> Result<()> {
        let file = self.file(objects)?;
        said(&mut self.kubectl(&["apply", "--validate=strict", "--filename", &file])).map(drop)
    }

    /// What the server would make of these objects, with all its checks.
    pub(super) fn try_apply(&self, namespace: &str, objects: &str) -> Result<Told> {
        let file = self.file(objects)?;
        let arguments = ["apply", "--dry-run=server", "--validate=strict", "--output=json"];
        told(self.kubectl(&arguments).args(["--namespace", namespace, "--filename", &file]))
    }

    fn file(&self, objects: &str) -> Result<String> {
        let file = self.scratch.0.join("objects.yaml");
        fs::write(&file, objects)?;
        Ok(file.to_string_lossy().into_owned())
    }
}
