//! What must hold of any text that is taken for a task definition or a template: it is refused with a place in it, or
//! embedded so that doing it again changes nothing and undoing gives it back.

use fargard_taskdef::embed::{self, Choice, ImageConfig, ImageLookup, LookupFailure, Platform, Settings};

/// Knows every image.
struct Every;

impl ImageLookup for Every {
    fn config(&self, image: &str, _platform: &Platform) -> Result<ImageConfig, LookupFailure> {
        let entrypoint = if image.len().is_multiple_of(2) { Vec::new() } else { vec!["/entry".to_owned()] };
        Ok(ImageConfig {
            entrypoint,
            cmd: vec!["serve".to_owned()],
            digest: Some("sha256:0".to_owned()),
            ..ImageConfig::default()
        })
    }
}

/// Panics when the bytes show a defect.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for mode in [Choice::Wrap, Choice::Attach] {
        let settings = Settings {
            sensor_image: "sensor".to_owned(),
            mode,
            assume_fargate: true,
            pin: true,
            ..Settings::default()
        };
        match embed::embed(text, &settings, &Every) {
            Ok(done) => {
                let plain = embed::undo(text).unwrap_or_else(|error| panic!("undoing the input: {error}"));
                let back = embed::undo(&done.text).unwrap_or_else(|error| panic!("undoing: {error}"));
                assert_eq!(back, plain);
                let again = embed::embed(&done.text, &settings, &Every);
                let again = again.unwrap_or_else(|error| panic!("again: {error}"));
                assert_eq!(again.text, done.text);
            }
            Err(error) => {
                assert!(!error.message.contains("this is a defect"), "{error}");
                assert!(error.at.line <= text.lines().count() + 1, "{error}");
            }
        }
    }
}
