//! What is scanned: a root file system of this machine's packages, an image of it, and a layer of very many files.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail};

use crate::shell::{command, root};

/// Bytes that the root file system has at least.
const ROOT_BYTES: u64 = 1_060_000_000;

/// Entries of the large layer.
pub(super) const ENTRIES: u64 = 3_000_000;

/// Copies packages in the order of their names, leaving out those above 60 MB, until there is enough.
const MAKE_ROOT: &str = r#"
mkdir -p "$0/var/lib/dpkg/info"
cd /
total=0
dpkg-query -W -f='${Installed-Size} ${binary:Package}\n' | awk -v want="$1" '
    $1 < 60000 { if (sum < want) { print $2; sum += $1 * 1000 } }' > "$0.packages"
while read -r package; do
    dpkg-query -L "$package"
    for file in /var/lib/dpkg/info/"$package".* ; do [ ! -e "$file" ] || echo "$file"; done
done < "$0.packages" | grep '^/' | sort -u | sed 's#^/##' | while IFS= read -r path; do
    if [ -e "$path" ] || [ -L "$path" ]; then printf '%s\n' "$path"; fi
done > "$0.files"
tar -c --no-recursion --ignore-failed-read -T "$0.files" 2>/dev/null | tar -x -C "$0"
xargs dpkg-query -s < "$0.packages" > "$0/var/lib/dpkg/status"
cp -p /var/lib/dpkg/diversions "$0/var/lib/dpkg/"
"#;

/// An OCI layout with two layers: the root file system, and one small file.
const MAKE_IMAGE: &str = r#"
mkdir -p "$1/blobs/sha256"
cd "$1"
put() { sum=$(sha256sum < "$1" | cut -c1-64); mv "$1" "blobs/sha256/$sum"; echo "$sum"; }
size() { stat -c %s "blobs/sha256/$1"; }
tar -C "$0" --numeric-owner -cf lower.tar .
lower_diff=$(sha256sum < lower.tar | cut -c1-64)
gzip -6 lower.tar
lower=$(put lower.tar.gz)
mkdir -p etc; echo changed > etc/changed; tar -cf upper.tar etc; rm -r etc
upper_diff=$(sha256sum < upper.tar | cut -c1-64)
gzip upper.tar
upper=$(put upper.tar.gz)
printf '{"architecture":"amd64","os":"linux","config":{"User":"1000"},"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' "$lower_diff" "$upper_diff" > config
config=$(put config)
type=application/vnd.oci.image
printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"%s.layer.v1.tar+gzip","digest":"sha256:%s","size":%s},{"mediaType":"%s.layer.v1.tar+gzip","digest":"sha256:%s","size":%s}]}' \
    $type $type "$config" "$(size "$config")" $type "$lower" "$(size "$lower")" $type "$upper" "$(size "$upper")" > manifest
manifest=$(put manifest)
printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s.manifest.v1+json","digest":"sha256:%s","size":%s}]}' $type "$manifest" "$(size "$manifest")" > index.json
echo '{"imageLayoutVersion":"1.0.0"}' > oci-layout
echo "blobs/sha256/$lower" > lower
"#;

/// An OCI layout of one layer that is there already, packed.
const MAKE_LARGE: &str = r#"
cd "$0"
mkdir -p blobs/sha256
put() { sum=$(sha256sum < "$1" | cut -c1-64); mv "$1" "blobs/sha256/$sum"; echo "$sum"; }
size() { stat -c %s "blobs/sha256/$1"; }
diff=$(gzip -dc layer.tar.gz | sha256sum | cut -c1-64)
layer=$(put layer.tar.gz)
printf '{"architecture":"amd64","os":"linux","config":{"User":"1000"},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$diff" > config
config=$(put config)
type=application/vnd.oci.image
printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"%s.layer.v1.tar+gzip","digest":"sha256:%s","size":%s}]}' \
    $type $type "$config" "$(size "$config")" $type "$layer" "$(size "$layer")" > manifest
manifest=$(put manifest)
printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s.manifest.v1+json","digest":"sha256:%s","size":%s}]}' $type "$manifest" "$(size "$manifest")" > index.json
echo '{"imageLayoutVersion":"1.0.0"}' > oci-layout
"#;

/// What is scanned.
#[derive(Debug)]
pub(super) struct Fixture {
    /// The root file system.
    pub(super) root: PathBuf,
    /// The image of it; `None` where the root was given.
    pub(super) image: Option<PathBuf>,
    /// Its large layer as it is stored.
    pub(super) layer: Option<PathBuf>,
    /// An image with a layer of [`ENTRIES`] empty files.
    pub(super) large: Option<PathBuf>,
}

/// The fixture; it is kept in `target/bench-scan` for the next time.
pub(super) fn make(given: Option<&Path>) -> Result<Fixture> {
    if let Some(root) = given {
        return Ok(Fixture { root: root.to_owned(), image: None, layer: None, large: None });
    }
    let place = root().join("target/bench-scan");
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let (rootfs, image, large) = (place.join("root"), place.join("image"), place.join("large"));
    once(&rootfs, "root file system", || shell(MAKE_ROOT, &[&path(&rootfs), &ROOT_BYTES.to_string()]))?;
    once(&image, "image", || shell(MAKE_IMAGE, &[&path(&rootfs), &path(&image)]))?;
    once(&large, "large layer", || {
        fs::create_dir_all(&large)?;
        empty_files(&large.join("layer.tar.gz"))?;
        shell(MAKE_LARGE, &[&path(&large)])
    })?;
    let name = fargard_model::bounded::read_to_string(&image.join("lower"), 200)?;
    Ok(Fixture { layer: Some(image.join(name.trim())), root: rootfs, image: Some(image), large: Some(large) })
}

/// Makes something unless it is there whole.
fn once(place: &Path, what: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let done = place.with_extension("done");
    if done.exists() {
        return Ok(());
    }
    if place.exists() {
        fs::remove_dir_all(place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    println!("making the {what} in {}", place.display());
    make()?;
    fs::write(&done, "").with_context(|| format!("cannot write {}", done.display()))
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn shell(script: &str, words: &[&str]) -> Result<()> {
    let words: Vec<&str> = ["sh", "-ec", script].into_iter().chain(words.iter().copied()).collect();
    let status = command(&words).status().context("cannot run sh")?;
    if !status.success() {
        bail!("the fixture cannot be made: {status}");
    }
    Ok(())
}

/// A packed archive of [`ENTRIES`] empty files (POSIX ustar).
fn empty_files(place: &Path) -> Result<()> {
    let out = File::create(place).with_context(|| format!("cannot write {}", place.display()))?;
    let mut gzip =
        command(&["gzip", "-1"]).stdin(Stdio::piped()).stdout(out).spawn().context("cannot run gzip")?;
    let mut sink = BufWriter::with_capacity(1 << 20, gzip.stdin.take().context("gzip has no input")?);
    for number in 0..ENTRIES {
        let mut header = [0_u8; 512];
        let name = format!("srv/{}/{}/file-{number}", number % 1000, number / 1000 % 100);
        put(&mut header, 0, name.as_bytes());
        put(&mut header, 100, b"0000644\x000000000\x000000000\x0000000000000\x0014000000000\x00        0");
        put(&mut header, 257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        put(&mut header, 148, format!("{sum:06o}\0 ").as_bytes());
        sink.write_all(&header).context("cannot write to gzip")?;
    }
    sink.write_all(&[0; 1024]).context("cannot write to gzip")?;
    drop(sink.into_inner().context("cannot write to gzip")?);
    if !gzip.wait().context("cannot wait for gzip")?.success() {
        bail!("gzip failed");
    }
    Ok(())
}

fn put(header: &mut [u8; 512], at: usize, bytes: &[u8]) {
    for (place, byte) in header.iter_mut().skip(at).zip(bytes) {
        *place = *byte;
    }
}
