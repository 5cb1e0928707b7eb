#!/bin/sh
# Compiles our own crates so that libFuzzer sees which ways an input takes. Dependencies are compiled as ever: cargo calls this
# for members of the workspace alone (RUSTC_WORKSPACE_WRAPPER). The flags are those of `cargo fuzz --sanitizer none`; a
# memory sanitizer would find nothing in crates that forbid unsafe code.
rustc=$1
shift
exec "$rustc" "$@" \
  -Cpasses=sancov-module \
  -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
  -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares \
  -Ccodegen-units=1
