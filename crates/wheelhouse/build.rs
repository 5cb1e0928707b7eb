//! Tells cargo that the binary holds the built web app; builds nothing itself.

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
}
