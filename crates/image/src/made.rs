//! Archives and images made for tests, byte by byte where no tool would write them.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::Digest;

/// One member of an archive to be made.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    flag: u8,
    name: Vec<u8>,
    link: Vec<u8>,
    content: Vec<u8>,
    mode: u32,
    size: Option<Vec<u8>>,
}

pub(crate) fn file(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Member {
    Member {
        flag: b'0',
        name: name.as_ref().to_vec(),
        link: Vec::new(),
        content: content.as_ref().to_vec(),
        mode: 0o644,
        size: None,
    }
}

pub(crate) fn directory(name: impl AsRef<[u8]>) -> Member {
    Member { flag: b'5', mode: 0o755, ..file(name, "") }
}

pub(crate) fn symlink(name: impl AsRef<[u8]>, target: &str) -> Member {
    Member { flag: b'2', link: target.into(), mode: 0o777, ..file(name, "") }
}

pub(crate) fn hardlink(name: impl AsRef<[u8]>, target: &str) -> Member {
    Member { flag: b'1', link: target.into(), ..file(name, "") }
}

/// A member with any flag: an extended header, a device.
pub(crate) fn raw(flag: u8, name: &str, content: impl AsRef<[u8]>) -> Member {
    Member { flag, ..file(name, content) }
}

/// An extended header of one record.
pub(crate) fn pax(key: &str, value: impl AsRef<[u8]>) -> Member {
    let body = [b" ", key.as_bytes(), b"=", value.as_ref(), b"\n"].concat();
    let digits = (1..10).find(|digits| (body.len() + digits).to_string().len() == *digits).unwrap();
    let record = [(body.len() + digits).to_string().as_bytes(), &body].concat();
    raw(b'x', "PaxHeaders/x", record)
}

impl Member {
    pub(crate) fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    /// What the header says of the size, whatever follows.
    pub(crate) fn size_field(self, field: impl AsRef<[u8]>) -> Self {
        Self { size: Some(field.as_ref().to_vec()), ..self }
    }

    pub(crate) fn header(&self) -> [u8; 512] {
        fn put(block: &mut [u8; 512], at: usize, bytes: &[u8], most: usize) {
            let length = bytes.len().min(most);
            block[at..at + length].copy_from_slice(&bytes[..length]);
        }
        let mut block = [0; 512];
        put(&mut block, 0, &self.name, 100);
        put(&mut block, 100, format!("{:07o}\0", self.mode).as_bytes(), 8);
        put(&mut block, 108, b"0001750\0", 8);
        put(&mut block, 116, b"0001751\0", 8);
        let size = self.size.clone().unwrap_or_else(|| format!("{:011o}\0", self.content.len()).into_bytes());
        put(&mut block, 124, &size, 12);
        put(&mut block, 136, b"14700000000\0", 12);
        block[156] = self.flag;
        put(&mut block, 157, &self.link, 100);
        put(&mut block, 257, b"ustar\x0000", 8);
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes(), 8);
        block
    }
}

/// The members without the archive's end.
pub(crate) fn members(members: &[Member]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in members {
        if member.flag != b'x' && member.name.len() > 100 {
            bytes.extend(self::members(&[pax("path", &member.name)]));
        }
        bytes.extend(member.header());
        bytes.extend(&member.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes
}

/// A whole archive.
pub(crate) fn archive(list: &[Member]) -> Vec<u8> {
    let mut bytes = members(list);
    bytes.extend([0; 1024]);
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A configuration whose layers unpack to these bytes.
pub(crate) fn config(unpacked: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<_> = unpacked.iter().map(|layer| Digest::of(layer)).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": ["/app"], "Cmd": ["serve"], "User": "1000"},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    serde_json::to_vec(&config).unwrap()
}

/// An OCI layout of one image, whose layers are `stored` as they are and unpack to `unpacked`.
pub(crate) fn layout(directory: &Path, stored: &[Vec<u8>], unpacked: &[Vec<u8>]) -> PathBuf {
    let root = directory.join("layout");
    let blobs = root.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |bytes: &[u8], media_type: &str| {
        let digest = Digest::of(bytes);
        std::fs::write(blobs.join(digest.hex()), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    };
    let layers: Vec<_> =
        stored.iter().map(|layer| put(layer, "application/vnd.oci.image.layer.v1.tar+gzip")).collect();
    let config = put(&config(unpacked), "application/vnd.oci.image.config.v1+json");
    let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
    let manifest = put(&serde_json::to_vec(&manifest).unwrap(), "application/vnd.oci.image.manifest.v1+json");
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    std::fs::write(root.join("index.json"), serde_json::to_vec(&index).unwrap()).unwrap();
    std::fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    root
}

/// What `docker save` writes of one image with these tags.
pub(crate) fn saved(tags: &[&str], layers: &[Vec<u8>]) -> Vec<u8> {
    let config = config(layers);
    let name = format!("{}.json", Digest::of(&config).hex());
    let names: Vec<_> = (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let manifest = json!([{"Config": name, "RepoTags": tags, "Layers": names}]);
    let mut list = vec![file(&name, &config)];
    list.extend(names.iter().zip(layers).map(|(name, layer)| file(name, layer)));
    list.push(file("manifest.json", serde_json::to_vec(&manifest).unwrap()));
    archive(&list)
}
