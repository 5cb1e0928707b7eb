//! The process as its operating system sees it: memory, CPU, files, start. Reads `/proc`; elsewhere there is nothing to read.
use std::fmt::Write;
use std::fs;
use std::sync::OnceLock;

/// Linux counts CPU time for programs in hundredths of a second, whatever the kernel's own clock does.
const TICKS_PER_S: f64 = 100.0;
/// The version of the whole house.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, where the build says so.
pub const COMMIT: &str = match option_env!("WHEELHOUSE_BUILD_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

/// What the operating system says of this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProcessFigures {
    /// Bytes of memory that are really there.
    pub resident_bytes: u64,
    /// Bytes of addresses.
    pub virtual_bytes: u64,
    /// Seconds of CPU since the start, of all threads.
    pub cpu_s: f64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// How many there may be.
    pub max_fds: u64,
    /// Seconds since 1970 of the start.
    pub started_s: f64,
}

/// The figures of this process; nothing where the system has no `/proc`.
pub fn process_figures() -> Option<ProcessFigures> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = |name: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse::<u64>().ok()
    };
    // The name in brackets may hold blanks: what follows it is counted from its end.
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let max_fds = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    Some(ProcessFigures {
        resident_bytes: line("VmRSS:")? * 1024,
        virtual_bytes: line("VmSize:")? * 1024,
        cpu_s: (ticks(11)? + ticks(12)?) / TICKS_PER_S,
        threads: line("Threads:")?,
        open_fds: fs::read_dir("/proc/self/fd").ok()?.count() as u64,
        max_fds: max_fds.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0),
        started_s: booted_s()? + ticks(19)? / TICKS_PER_S,
    })
}

/// When the machine started, in seconds since 1970. Read once, so that a correction of its clock does not move our start.
fn booted_s() -> Option<f64> {
    static BOOTED: OnceLock<Option<f64>> = OnceLock::new();
    *BOOTED.get_or_init(|| {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
    })
}

/// The figures and the build as Prometheus reads them, under the names that its client libraries use.
pub fn exposition() -> String {
    let mut text = String::with_capacity(1_024);
    let mut line = |name: &str, kind: &str, help: &str, value: String| {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{value}\n");
    };
    let build = format!("{{version=\"{VERSION}\",commit=\"{COMMIT}\"}} 1");
    line("build_info", "gauge", "what runs; always 1", build);
    let Some(figures) = process_figures() else { return text };
    let mut plain =
        |name: &str, kind: &str, help: &str, value: String| line(name, kind, help, format!(" {value}"));
    let ProcessFigures { resident_bytes, virtual_bytes, cpu_s, threads, open_fds, max_fds, started_s } =
        figures;
    plain(
        "process_resident_memory_bytes",
        "gauge",
        "memory that is really there",
        resident_bytes.to_string(),
    );
    plain("process_virtual_memory_bytes", "gauge", "addresses", virtual_bytes.to_string());
    plain("process_cpu_seconds_total", "counter", "CPU time of all threads", cpu_s.to_string());
    plain("process_threads", "gauge", "threads", threads.to_string());
    plain("process_open_fds", "gauge", "open file descriptors", open_fds.to_string());
    plain("process_max_fds", "gauge", "how many file descriptors may be open", max_fds.to_string());
    plain("process_start_time_seconds", "gauge", "start of the process since 1970", started_s.to_string());
    text
}
