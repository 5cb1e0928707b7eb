//! Tells cargo that the binary holds the built web app; builds nothing itself.
#![expect(clippy::print_stdout, reason = "a build script speaks to cargo by its standard output")]

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
}
