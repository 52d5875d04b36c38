use super::Source;
use crate::{
    Digest, Image, ImageError, Platform, Reference,
    made::{self, archive, file, gzip, symlink},
};

fn layers() -> Vec<Vec<u8>> {
    vec![archive(&[file("a", "1")]), archive(&[file("b", "2")])]
}

fn open(source: &Source, wanted: Option<&str>) -> Result<Image, String> {
    let wanted = wanted.map(|wanted| wanted.parse::<Reference>().unwrap());
    source.open(wanted.as_ref(), &Platform::linux_amd64()).map_err(|error| error.to_string())
}

fn written(bytes: &[u8]) -> (tempfile::TempDir, Source) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("image.tar");
    std::fs::write(&path, bytes).unwrap();
    (scratch, Source::DockerArchive { path, name: None })
}

fn paths(image: &Image) -> Vec<String> {
    let scanned = image.scan(&crate::Limits::default(), &mut ()).unwrap();
    assert_eq!(scanned.report.incomplete(), None);
    scanned.tree.iter().map(|entry| String::from_utf8(entry.path()).unwrap()).collect()
}

#[test]
fn docker_archives_are_read_packed_and_plain() {
    let bytes = made::saved(&["app:1", "other:2"], &layers());
    for bytes in [gzip(&bytes), zstd::encode_all(&bytes[..], 1).unwrap(), bytes] {
        let (_scratch, source) = written(&bytes);
        for wanted in [None, Some("app:1"), Some("docker.io/library/other:2")] {
            let image = open(&source, wanted).unwrap();
            assert_eq!(image.config.argv(), ["/app", "serve"]);
            assert_eq!(paths(&image), ["/a", "/b"]);
        }
        let error = open(&source, Some("app:2")).unwrap_err();
        assert!(error.contains("docker.io/library/app:2 is not in docker-archive:"), "{error}");
        assert!(error.ends_with("it holds app:1, other:2"), "{error}");
    }
}

#[test]
fn equal_layers_of_old_archives_are_links() {
    let layer = archive(&[file("a", "1")]);
    let config = made::config(&[layer.clone(), layer.clone()]);
    let manifest = br#"[{"Config":"c.json","RepoTags":null,"Layers":["1/layer.tar","2/layer.tar"]}]"#;
    let bytes = archive(&[
        file("./c.json", &config),
        file("1/layer.tar", &layer),
        symlink("2/layer.tar", "../1/layer.tar"),
        symlink("3/layer.tar", "../3/layer.tar"),
        file("manifest.json", manifest),
    ]);
    let (_scratch, source) = written(&bytes);
    assert_eq!(paths(&open(&source, Some("whatever")).unwrap()), ["/a"]);
}

#[test]
fn malformed_archives_are_refused_with_the_reason() {
    let refused = |list: &[made::Member]| {
        let (_scratch, source) = written(&archive(list));
        open(&source, None).unwrap_err()
    };
    assert!(refused(&[]).contains("manifest.json is not in docker-archive:"));
    assert!(refused(&[file("manifest.json", "[")]).contains("malformed: EOF"));
    assert!(refused(&[file("manifest.json", "[]")]).contains("an image is not in"));
    let one = r#"[{"Config":"c.json","Layers":["x"]}]"#;
    assert!(refused(&[file("manifest.json", one)]).contains("c.json is not in"));
    let config = made::config(&[]);
    assert!(
        refused(&[file("manifest.json", one), file("c.json", &config)])
            .contains("lists 1 layers, its configuration 0")
    );
    let named =
        r#"[{"Config":"0000000000000000000000000000000000000000000000000000000000000000.json","Layers":[]}]"#;
    let name = format!("{}.json", "0".repeat(64));
    let error = refused(&[file("manifest.json", named), file(name, &config)]);
    assert!(error.contains("the image configuration was changed or damaged: its digest is"), "{error}");
    let two = r#"[{"Config":"c","RepoTags":["a:1"]},{"Config":"c","RepoTags":["b:1"]}]"#;
    assert!(refused(&[file("manifest.json", two)]).contains("holds several images; name one of a:1, b:1"));
    let (_scratch, source) = written(b"no archive");
    assert!(open(&source, None).unwrap_err().contains("ends within a header"));
    let scratch = tempfile::tempdir().unwrap();
    let missing = Source::DockerArchive { path: scratch.path().join("none"), name: None };
    assert!(open(&missing, None).unwrap_err().contains("No such file"));
    let directory = Source::DockerArchive { path: scratch.path().into(), name: None };
    assert!(open(&directory, None).unwrap_err().contains("not a regular file"));
}

#[test]
fn layouts_are_read_as_directory_and_archive() {
    let scratch = tempfile::tempdir().unwrap();
    let unpacked = layers();
    let stored: Vec<_> = unpacked.iter().map(|layer| gzip(layer)).collect();
    let root = made::layout(scratch.path(), &stored, &unpacked);
    let source: Source = format!("oci:{}", root.display()).parse().unwrap();
    let image = open(&source, None).unwrap();
    assert_eq!(paths(&image), ["/a", "/b"]);
    assert_eq!(image.digest, image.manifest_digest);
    let packed = scratch.path().join("layout.tar");
    let status =
        std::process::Command::new("tar").arg("-cf").arg(&packed).arg("-C").arg(&root).arg(".").status();
    assert!(status.unwrap().success());
    let source: Source = format!("oci-archive:{}", packed.display()).parse().unwrap();
    let from_tar = open(&source, None).unwrap();
    assert_eq!((paths(&from_tar), from_tar.digest), (paths(&image), image.digest.clone()));
    let other = Platform::linux_arm64();
    assert!(matches!(source.open(None, &other), Err(ImageError::Platform { .. })));
    let pinned = format!("app@{}", Digest::of(b"other"));
    assert!(open(&source, Some(&pinned)).unwrap_err().contains("is not in oci:"));
    let pinned = format!("app@{}", image.digest.unwrap());
    assert!(open(&source, Some(&pinned)).is_ok());
}

#[test]
fn changed_documents_and_loops_are_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let unpacked = layers();
    let root = made::layout(scratch.path(), &unpacked, &unpacked);
    let source = Source::OciLayout { path: root.clone(), name: None };
    let index = fargard_model::bounded::read_to_string(&root.join("index.json"), 1 << 20).unwrap();
    let manifest = open(&source, None).unwrap().manifest_digest.unwrap();
    let blob = root.join("blobs/sha256").join(manifest.hex());
    let honest = fargard_model::bounded::read_to_string(&blob, 1 << 20).unwrap();
    std::fs::write(&blob, honest.replace("schemaVersion\":2", "schemaVersion\":3")).unwrap();
    assert!(open(&source, None).unwrap_err().contains("was changed or damaged: its digest is"));
    std::fs::write(&blob, "").unwrap();
    assert!(open(&source, None).unwrap_err().contains("it has 0 bytes or more, not"));
    std::fs::remove_file(&blob).unwrap();
    assert!(open(&source, None).unwrap_err().contains(&format!("{manifest} is not in oci:")));
    // Indexes below one another; one that names itself cannot be made, so a chain stands for it.
    let mut inner = serde_json::to_vec(&serde_json::json!({"schemaVersion": 2, "manifests": []})).unwrap();
    for _ in 0..8 {
        let digest = Digest::of(&inner);
        std::fs::write(root.join("blobs/sha256").join(digest.hex()), &inner).unwrap();
        let manifests = [
            serde_json::json!({"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": inner.len()}),
        ];
        inner = serde_json::to_vec(&serde_json::json!({"schemaVersion": 2, "manifests": manifests})).unwrap();
    }
    std::fs::write(root.join("index.json"), &inner).unwrap();
    assert!(
        open(&source, None).unwrap_err().contains("the nesting of indexes goes beyond the limit of 4 levels")
    );
    std::fs::write(root.join("index.json"), index.replace("\"size\":", "\"size\":99999999")).unwrap();
    assert!(open(&source, None).unwrap_err().contains("goes beyond the limit of 4194304 bytes"));
}

#[test]
fn inspected_images_have_a_configuration_and_no_layers() {
    let digest = Digest::of(b"x");
    let text = format!(
        r#"[{{"Id":"{digest}","RepoTags":["nginx:1.27"],"RepoDigests":["nginx@{digest}"],"Architecture":"amd64",
        "Os":"linux","Config":{{"Entrypoint":["/e"],"Cmd":["c"],"Env":null}},"RootFS":{{"Type":"layers","Layers":["{digest}"]}}}}]"#
    );
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("inspect.json");
    std::fs::write(&path, &text).unwrap();
    let source: Source = format!("inspect:{}", path.display()).parse().unwrap();
    let image = open(&source, Some("nginx:1.27")).unwrap();
    assert_eq!(
        (image.config.argv(), image.digest.clone()),
        (vec!["/e".to_owned(), "c".to_owned()], Some(digest.clone()))
    );
    assert!(open(&source, Some(&format!("nginx@{digest}"))).is_ok());
    assert!(
        open(&source, Some("nginx:1.26"))
            .unwrap_err()
            .ends_with(&format!("it holds nginx:1.27, nginx@{digest}"))
    );
    let error = image.scan(&crate::Limits::default(), &mut ()).unwrap_err().to_string();
    assert!(error.contains("a description without layers"), "{error}");
    std::fs::write(&path, r#"[{"Id":"x","Config":{"Image":"nginx"}}]"#).unwrap();
    assert!(open(&source, None).unwrap_err().contains("describes no image"));
}

#[test]
fn sources_are_named_by_kind_path_and_image() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("a:b.tar");
    std::fs::write(&path, "").unwrap();
    let text = format!("docker-archive:{}:app:1", path.display());
    let source: Source = text.parse().unwrap();
    assert_eq!(source, Source::DockerArchive { path, name: Some("app:1".to_owned()) });
    assert_eq!(source.to_string(), text);
    for bad in ["", "oci", "oci:", "zip:x", "/path"] {
        assert!(bad.parse::<Source>().is_err(), "{bad}");
    }
}
