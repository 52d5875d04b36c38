//! Batches the store refuses: kept for people, out of the way of the rest.

use std::path::Path;

use fargard_model::Batch;
use fargard_store::StoreError;

/// Most batches kept; beyond it they are only counted and logged.
const MAX_KEPT: usize = 1000;

/// Writes the batch as JSON lines to `<directory>/<producer>-<sequence>.jsonl`. A failure is logged: the worker
/// must go on.
pub(crate) async fn keep(directory: &Path, batch: &Batch, reason: &StoreError) {
    let header = &batch.header;
    tracing::error!(producer = header.producer, sequence = header.sequence, %reason, "batch set aside");
    // Producers' names have no characters that mean something in a path, apart from the dots, which a suffix makes
    // harmless.
    let path = directory.join(format!("{}-{}.jsonl", header.producer, header.sequence));
    let written = async {
        tokio::fs::create_dir_all(directory).await?;
        let mut kept = 0;
        let mut entries = tokio::fs::read_dir(directory).await?;
        while entries.next_entry().await?.is_some() {
            kept += 1;
        }
        if kept >= MAX_KEPT {
            return Err(std::io::Error::other(format!("{MAX_KEPT} batches are there already")));
        }
        tokio::fs::write(&path, batch.to_lines().map_err(std::io::Error::other)?).await
    };
    if let Err(error) = written.await {
        tracing::error!(path = %path.display(), %error, "a batch set aside could not be kept");
    }
}
