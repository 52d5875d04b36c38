//! The style sheet, the script and the icon, compiled in. Their names in pages carry a hash of their content, so
//! that browsers keep them for a year and still get the new one after an upgrade.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

/// One file.
struct Asset {
    stem: &'static str,
    extension: &'static str,
    media_type: &'static str,
    content: &'static str,
}

const STYLE: Asset = Asset {
    stem: "console",
    extension: "css",
    media_type: "text/css; charset=utf-8",
    content: include_str!("../../assets/console.css"),
};
const SCRIPT: Asset = Asset {
    stem: "console",
    extension: "js",
    media_type: "text/javascript; charset=utf-8",
    content: include_str!("../../assets/console.js"),
};
const ICON: Asset = Asset {
    stem: "icon",
    extension: "svg",
    media_type: "image/svg+xml",
    content: include_str!("../../assets/icon.svg"),
};

/// Paths of the assets as pages name them.
#[derive(Debug)]
pub(super) struct Paths {
    /// The style sheet.
    pub(super) style: String,
    /// The script.
    pub(super) script: String,
    /// The icon.
    pub(super) icon: String,
}

/// The paths of this build.
pub(super) static PATHS: LazyLock<Paths> =
    LazyLock::new(|| Paths { style: STYLE.path(), script: SCRIPT.path(), icon: ICON.path() });

impl Asset {
    fn name(&self) -> String {
        let hash: String =
            Sha256::digest(self.content).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("{}.{hash}.{}", self.stem, self.extension)
    }

    fn path(&self) -> String {
        format!("/assets/{}", self.name())
    }
}

/// `GET /assets/{name}`.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let path = format!("/assets/{name}");
    let asset = match &*PATHS {
        paths if path == paths.style => &STYLE,
        paths if path == paths.script => &SCRIPT,
        paths if path == paths.icon => &ICON,
        _ => return (StatusCode::NOT_FOUND, "no such asset\n").into_response(),
    };
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.content).into_response()
}

#[cfg(test)]
mod tests {
    use super::{PATHS, SCRIPT, STYLE};

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for asset in [STYLE, SCRIPT] {
            assert!(!asset.content.contains("://"), "{} names another host", asset.path());
        }
        assert!(PATHS.style.starts_with("/assets/console.") && PATHS.style.ends_with(".css"));
    }
}
