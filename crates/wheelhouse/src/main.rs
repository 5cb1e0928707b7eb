//! The binary: reads the command line, composes the modules, runs them. Holds no product rule.
mod cli;
mod compose;
mod csp_reports;
mod data_dir;
mod doctor;
mod healthcheck;
mod log;
mod manual;
mod ports;
mod print;
mod security_txt;
mod serve;
mod settings;
mod ui;

use std::process::ExitCode;

/// Gives freed memory back after an import, and does not serialise the threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A huge page is zeroed as a whole when a byte of it is used: a third of a start, and 20 MB of an idle server, while looks at a
    // million rows are no slower without. Where the system refuses, it is as it was.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            print::failure(&error);
            ExitCode::FAILURE
        }
    }
}
