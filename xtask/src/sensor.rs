//! `cargo xtask sensor`: the static sensor that goes into tasks.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::{command, output, root};

/// Relocations then take a bit each instead of 24 bytes (musl 1.2.4 and later).
const FLAGS: &str = "-Clink-arg=-Wl,-z,pack-relative-relocs";

/// Builds it and prints where it is and how large; `false` never, failing to build is an error.
pub(crate) fn run() -> Result<bool> {
    let path = build()?;
    println!("{}: {}", path.display(), size_text(size(&path)?));
    Ok(true)
}

/// The target of this machine's architecture, linked statically against musl.
pub(crate) fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Whether the target's standard library is installed.
pub(crate) fn can_build() -> bool {
    output(&["rustc", "--print", "target-libdir", "--target", &target()])
        .is_ok_and(|directory| PathBuf::from(directory.trim()).is_dir())
}

/// Builds the sensor and gives its path.
pub(crate) fn build() -> Result<PathBuf> {
    let target = target();
    let words = [
        "cargo",
        "build",
        "--profile",
        "sensor",
        "--target",
        &target,
        "-p",
        "fargard-sensor",
        "--bin",
        "fargard-sensor",
    ];
    println!("\n$ {}", words.join(" "));
    let name = target.replace('-', "_");
    let status = command(&words)
        // C code in dependencies (zstd, ring) has to be compiled against musl too.
        .env(format!("CC_{name}"), "musl-gcc")
        .env(format!("CARGO_TARGET_{}_RUSTFLAGS", name.to_uppercase()), FLAGS)
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!(
            "the static sensor cannot be built (see above); if a tool is missing, `bash xtask/setup-debian.sh` installs it"
        );
    }
    let directory = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(directory.join(target).join("sensor/fargard-sensor"))
}

/// Bytes of a file.
pub(crate) fn size(path: &Path) -> Result<u64> {
    Ok(path.metadata().with_context(|| format!("cannot look at {}", path.display()))?.len())
}

/// `3.14 MiB (3292201 bytes)`
pub(crate) fn size_text(bytes: u64) -> String {
    format!("{}.{:02} MiB ({bytes} bytes)", bytes >> 20, ((bytes & 0xf_ffff) * 100) >> 20)
}
