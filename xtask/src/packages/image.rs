//! The image without an engine: its file is linted, its build context laid out, and what its last stage promises is tried in
//! namespaces of the kernel: the binary over nothing but the C library, as nobody, on a read-only root, as process 1, with the
//! image's own commands. The stage for backups of PostgreSQL promises the same.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{Place, Scratch, Told, context, said, told};
use crate::run::{command, output, shown};

/// What the base of the last stage holds of the libraries that a Rust program is linked to.
const BASE_LIBRARIES: &[&str] =
    &["libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1"];
/// Nobody, in the base image.
const USER: u32 = 65_532;
/// How long a start may take on a busy machine.
const READY_WITHIN: Duration = Duration::from_mins(2);
/// Where programs of this machine are.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Mounts the root read-only and the volume into it, then becomes the program: $1 root, $2 volume, the rest the command.
const CONTAIN: &str = "set -e; root=$1; volume=$2; shift 2; ip link set lo up; mount --bind \"$root\" \"$root\"; \
                       mount --bind \"$volume\" \"$root/var/lib/wheelhouse\"; mount -t proc proc \"$root/proc\"; \
                       mount -o remount,bind,ro \"$root\"; \
                       exec setpriv --no-new-privs chroot --userspec=65532:65532 \"$root\" \"$@\"";

pub(super) fn check(place: &Place<'_>) -> Result<()> {
    let text = fs::read_to_string(place.root.join("Dockerfile"))?.replace("\\\n", " ");
    let linter = place.testbed.tool("hadolint");
    if linter.exists() {
        shown(&mut command(linter, &["--failure-threshold", "style", "Dockerfile"], place.root))?;
    } else {
        place.without("hadolint")?;
    }
    context::check(place, &text)?;
    let image = Image::parse(stage(&text, None)?)?;
    ensure!(image.user == format!("{USER}:{USER}"), "the image runs as {}", image.user);
    ensure!(image.signal == "SIGTERM", "it is stopped by {}", image.signal);
    place.settings_are_right(&image.environment)?;
    for_backups(&text, &image)?;
    let libraries = libraries(&place.binary)?;
    if !place.is_root()? {
        return place.without("root, which makes namespaces and mounts for the image's trial");
    }
    let scratch = Scratch::new("image")?;
    let filesystem = filesystem(&scratch.0, &place.binary, &libraries)?;
    // As an engine makes a volume from the image, and as a cluster hands one to a group.
    trial(&image, &filesystem, &Volume::new(&scratch.0, "volume", USER, 0o700)?, &[])?;
    let cluster = Volume::new(&scratch.0, "claim", 0, 0o2775)?;
    trial(&image, &filesystem, &cluster, &[("WHEELHOUSE_DATA_DIR", "/var/lib/wheelhouse/data")])
}

/// The same as the image, but that it stands on PostgreSQL, whose programs come first on its path.
fn for_backups(text: &str, image: &Image) -> Result<()> {
    let stage = stage(text, Some("backup"))?;
    let base = stage.split_whitespace().next().unwrap_or_default();
    // The binary wants a C library that is not older than the one it was built with.
    let is_right = base.starts_with("postgres:") && base.ends_with("-bookworm");
    ensure!(is_right, "the image for backups stands on {base}");
    let mut other = Image::parse(stage)?;
    let path = other.environment.remove("PATH").unwrap_or_default();
    ensure!(path.starts_with("/usr/lib/postgresql/"), "the image for backups has the path `{path}`");
    ensure!(other == *image, "the image for backups promises something else: {other:?}, not {image:?}");
    Ok(())
}

/// The stage of that name, else the last one; its first line begins with its base.
fn stage<'a>(text: &'a str, name: Option<&str>) -> Result<&'a str> {
    let mut stages = text.split("\nFROM ").skip(1);
    let found = match name {
        Some(name) => {
            let end = format!(" AS {name}");
            stages.find(|stage| stage.lines().next().is_some_and(|line| line.ends_with(&end)))
        }
        None => stages.last(),
    };
    found.with_context(|| format!("no stage {}", name.unwrap_or("at all")))
}

/// What a stage says.
#[derive(Debug, PartialEq, Eq)]
struct Image {
    user: String,
    environment: BTreeMap<String, String>,
    start: Vec<String>,
    health: Vec<String>,
    signal: String,
}

impl Image {
    fn parse(stage: &str) -> Result<Self> {
        let find = |word: &str| {
            let line = stage.lines().find_map(|line| line.strip_prefix(word));
            line.map(str::trim).with_context(|| format!("a stage has no {word}"))
        };
        let list = |text: &str| serde_json::from_str::<Vec<String>>(text).context("a command as a list");
        let mut start = list(find("ENTRYPOINT ")?)?;
        start.extend(list(find("CMD ")?)?);
        let (_, health) =
            find("HEALTHCHECK ")?.split_once("CMD ").context("the health check is a command")?;
        let environment = find("ENV ")?.split_whitespace().filter_map(|pair| pair.split_once('='));
        Ok(Self {
            user: find("USER ")?.to_owned(),
            environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            start,
            health: list(health)?,
            signal: find("STOPSIGNAL ")?.to_owned(),
        })
    }
}

/// The files that the binary is linked to; a library that the base does not hold is a failure.
fn libraries(binary: &Path) -> Result<Vec<PathBuf>> {
    let told = output(Command::new("ldd").arg(binary))?;
    let mut files = Vec::new();
    for line in told.lines().map(str::trim).filter(|line| !line.starts_with("linux-vdso")) {
        let (name, rest) = line.split_once("=>").unwrap_or((line, line));
        let name = name.split_whitespace().next().unwrap_or_default();
        let is_loader = name.contains("/ld-linux");
        ensure!(is_loader || BASE_LIBRARIES.contains(&name), "the image's base has no {name}");
        files.push(PathBuf::from(rest.split_whitespace().next().unwrap_or_default()));
    }
    Ok(files)
}

fn filesystem(scratch: &Path, binary: &Path, libraries: &[PathBuf]) -> Result<PathBuf> {
    let root = scratch.join("root");
    for folder in ["usr/local/bin", "var/lib/wheelhouse", "proc", "tmp"] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::copy(binary, root.join("usr/local/bin/wheelhouse"))?;
    for library in libraries {
        let there = root.join(library.strip_prefix("/")?);
        fs::create_dir_all(there.parent().context("a library lies in a folder")?)?;
        fs::copy(library, there)?;
    }
    fs::set_permissions(scratch, fs::Permissions::from_mode(0o755))?;
    Ok(root)
}

/// A folder that outlives the container.
struct Volume(PathBuf);

impl Volume {
    fn new(scratch: &Path, name: &str, owner: u32, mode: u32) -> Result<Self> {
        let folder = scratch.join(name);
        fs::create_dir_all(&folder)?;
        chown(&folder, Some(owner), Some(USER))?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode))?;
        Ok(Self(folder))
    }
}

/// A running container; gone when this is dropped.
struct Container<'a> {
    image: &'a Image,
    root: &'a Path,
    settings: BTreeMap<String, String>,
    child: Child,
    pid: u32,
}

impl<'a> Container<'a> {
    fn start(image: &'a Image, root: &'a Path, volume: &Volume, more: &[(&str, &str)]) -> Result<Self> {
        let mut settings = image.environment.clone();
        settings.insert("PATH".to_owned(), PATH.to_owned());
        settings.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child=KILL"]);
        unshare.args(["sh", "-c", CONTAIN, "sh"]).arg(root).arg(&volume.0).args(&image.start);
        unshare.env_clear().envs(&settings).stdin(Stdio::null()).stdout(Stdio::null());
        let child = unshare.spawn().context("cannot start unshare")?;
        let mut container = Self { image, root, settings, child, pid: 0 };
        let children = format!("/proc/{0}/task/{0}/children", container.child.id());
        container.wait("process 1", |container| {
            let first = fs::read_to_string(&children)?.trim().parse();
            container.pid = first.unwrap_or(0);
            Ok(container.pid != 0)
        })?;
        Ok(container)
    }

    /// Run a command beside the server, as `docker exec` does.
    fn exec(&self, words: &[String]) -> Result<Told> {
        let target = format!("--target={}", self.pid);
        let mut enter = Command::new("nsenter");
        enter.args([&target, "--mount", "--net", "--pid", "--ipc", "--uts"]);
        enter.args(["setpriv", "--no-new-privs", "chroot", &format!("--userspec={USER}:{USER}")]);
        enter.arg(self.root).args(words).env_clear().envs(&self.settings);
        told(&mut enter)
    }

    fn wait(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> Result<bool>) -> Result<()> {
        let began = Instant::now();
        while !done(self)? {
            if let Some(status) = self.child.try_wait()? {
                bail!("the container ended before {what}: {status}");
            }
            ensure!(began.elapsed() < READY_WITHIN, "no {what} after {} s", READY_WITHIN.as_secs());
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// As an engine stops it: SIGTERM to process 1, and its exit code.
    fn stop(mut self) -> Result<()> {
        said(Command::new("kill").args(["-TERM", &self.pid.to_string()]))?;
        let status = self.child.wait()?;
        ensure!(status.success(), "process 1 ended with {status} after SIGTERM");
        Ok(())
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // With it everything in its namespace ends; it may have ended already.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Start, be healthy, answer beside, stop, start again on the same volume.
fn trial(image: &Image, root: &Path, volume: &Volume, more: &[(&str, &str)]) -> Result<()> {
    for _ in 0..2 {
        let mut container = Container::start(image, root, volume, more)?;
        container.wait("health", |container| Ok(container.exec(&container.image.health)?.well))?;
        let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", container.pid))?;
        let options = mounts.lines().map(|line| line.split(' ').skip(4).collect::<Vec<_>>());
        let mut own = options.filter(|words| words.first() == Some(&"/"));
        ensure!(own.next_back().is_some_and(|words| words[1].starts_with("ro")), "the root can be written");
        let status = fs::read_to_string(format!("/proc/{}/status", container.pid))?;
        for wanted in ["NoNewPrivs:\t1", "CapEff:\t0000000000000000", "Uid:\t65532\t65532\t65532\t65532"] {
            ensure!(status.contains(wanted), "process 1 has no `{wanted}`: {status}");
        }
        let link = container.exec(&[container.image.start[0].clone(), "setup-link".to_owned()])?;
        ensure!(link.well && link.words.contains("/setup#"), "no setup link: {}", link.errors);
        container.stop()?;
    }
    Ok(())
}
