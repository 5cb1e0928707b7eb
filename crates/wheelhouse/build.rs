//! Tells cargo that the binary holds the built web app and the manual; builds nothing itself.

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
    println!("cargo::rerun-if-changed=../../docs");
}
