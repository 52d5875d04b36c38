//! Reads all layers of an image and says what that took: `layers SOURCE [REFERENCE]`, with a source as
//! `fargard embed --image-source` takes it. With `read` as third argument the content of all files is read too.

use std::{
    io::{self, Read, Write},
    ops::ControlFlow,
    time::Instant,
};

use fargard_image::{FileEntry, Image, Limits, Origin, Platform, Registry, RegistryOptions, Visitor};

/// Counts the bytes of all files.
#[derive(Default)]
struct Bytes(u64);

impl Visitor for Bytes {
    fn file(&mut self, _: &FileEntry<'_>, content: &mut dyn Read) -> ControlFlow<()> {
        // A layer that cannot be read is in the report.
        self.0 += io::copy(content, &mut io::sink()).unwrap_or(0);
        ControlFlow::Continue(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let source = arguments.first().ok_or("usage: layers SOURCE [REFERENCE] [read]")?;
    let reference = arguments.get(1).filter(|text| *text != "read").map(|text| text.parse()).transpose()?;
    let platform = Platform::linux_amd64();
    let start = Instant::now();
    let image: Image = match source.parse()? {
        Origin::File(source) => source.open(reference.as_ref(), &platform)?,
        Origin::Registry => Registry::new(RegistryOptions::default())?
            .open(&reference.ok_or("a registry needs a reference")?, &platform)?,
    };
    let mut bytes = Bytes::default();
    let scanned = if arguments.last().is_some_and(|last| last == "read") {
        image.scan(&Limits::default(), &mut bytes)?
    } else {
        image.scan(&Limits::default(), &mut ())?
    };
    let elapsed = start.elapsed();
    let (entries, unpacked) = scanned.report.totals();
    let mut out = io::stdout().lock();
    writeln!(out, "{} layers, {entries} entries, {unpacked} bytes, {} read", image.layers().len(), bytes.0)?;
    writeln!(out, "{} paths, {} anomalies", scanned.tree.iter().count(), scanned.report.anomalies.len())?;
    if let Some(incomplete) = scanned.report.incomplete() {
        writeln!(out, "incomplete: {incomplete}")?;
    }
    writeln!(out, "{:.2} s", elapsed.as_secs_f64())?;
    Ok(())
}
