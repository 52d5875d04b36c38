//! Going through an image's layers, each once.

use std::{
    cell::Cell,
    io::{self, BufReader, Read},
    ops::ControlFlow,
    rc::Rc,
    time::Instant,
};

use super::{
    build::LayerFiles,
    members::MembersReader,
    meter::{Counted, Metered},
    nodes::Full,
    report::{LayerReport, LayerState, Notes, ScanReport},
    stack::Stack,
    tree::{ContentId, Tree},
};
use crate::{
    Descriptor, Digest, Image, ImageError, Limits, Verified,
    manifest::media_type,
    packing::Unpacked,
    tar::{Entry, Kind, TarReader},
};

/// Buffer between unpacking and the archive's reader.
const BUFFER: usize = 128 << 10;

/// A file of a layer whose content is at hand.
#[derive(Clone, Copy, Debug)]
pub struct FileEntry<'a> {
    /// Its path from the root, beginning with `/`, with `.` and `..` taken out; links in it are not followed.
    pub path: &'a [u8],
    /// What the archive says of it.
    pub entry: &'a Entry,
    /// Which content it is: [`Tree::paths_of`] tells where it is visible in the end.
    pub content: ContentId,
}

/// What is known of a layer from an earlier reading of the same content.
pub struct Known {
    /// Its members, as [`Members`](super::Members) wrote them.
    pub members: Box<dyn Read>,
    /// Bytes once unpacked.
    pub unpacked: u64,
}

/// Looks at the content of files while layers are read.
pub trait Visitor {
    /// Before a layer is opened: what is known of it. `content` is the digest that says what is in it: of what it unpacks
    /// to where the configuration names that, else of the layer as it is stored. A known layer is not read at all.
    fn known(&mut self, number: usize, content: &Digest) -> Option<Known> {
        let _ = (number, content);
        None
    }

    /// Before a layer's first file: whether its files are wanted at all.
    fn layer(&mut self, number: usize, descriptor: &Descriptor) -> bool {
        let _ = (number, descriptor);
        true
    }

    /// A member of a layer that is read, before its content.
    fn member(&mut self, entry: &Entry) {
        let _ = entry;
    }

    /// A layer was read to its end, has the digest promised, and unpacks to that many bytes.
    fn complete(&mut self, number: usize, content: &Digest, unpacked: u64) {
        let _ = (number, content, unpacked);
    }

    /// A file, also an empty one and one that an upper layer hides. What is not read of the content is passed over.
    /// A sparse file's content lacks its holes. Reading fails where the layer is damaged, and the layer's report says
    /// so. Breaking ends the whole scan.
    fn file(&mut self, file: &FileEntry<'_>, content: &mut dyn Read) -> ControlFlow<()>;
}

/// Nothing is looked at: the tree alone is made.
impl Visitor for () {
    fn layer(&mut self, _: usize, _: &Descriptor) -> bool {
        false
    }

    fn file(&mut self, _: &FileEntry<'_>, _: &mut dyn Read) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// An image's file system and how it was read.
#[derive(Debug)]
pub struct Scanned {
    /// The file system as far as layers could be read.
    pub tree: Tree,
    /// What was read and what was not.
    pub report: ScanReport,
}

/// How reading a layer ended.
enum End {
    Read,
    Failed(String),
    /// The visitor wants no more, or a limit of the whole image is met.
    Stop(String),
}

struct Scan<'a> {
    limits: Limits,
    deadline: Instant,
    visitor: &'a mut dyn Visitor,
    notes: Notes,
    unpacked: u64,
    /// Paths of layers read so far.
    paths: u32,
}

impl Image {
    /// Reads all layers, hands their files to `visitor` in the order of the archive, and puts the image's file system
    /// together. Layers are read in the order that costs least, which need not be theirs. What cannot be read is in the
    /// report.
    ///
    /// # Errors
    /// The image has more layers than [`Limits::layers`], or its source has no layers at all.
    pub fn scan(&self, limits: &Limits, visitor: &mut dyn Visitor) -> Result<Scanned, ImageError> {
        if self.layers.len() > limits.layers.min(u16::MAX.into()) {
            return Err(ImageError::Limit {
                what: format!("the number of layers ({})", self.layers.len()),
                limit: format!("{} layers", limits.layers),
            });
        }
        let mut scan = Scan {
            limits: *limits,
            deadline: Instant::now() + limits.time,
            visitor,
            notes: Notes::new(limits.anomalies),
            unpacked: 0,
            paths: 0,
        };
        let mut report = ScanReport {
            layers: self.layers.iter().map(|layer| LayerReport::waiting(&layer.descriptor)).collect(),
            ..ScanReport::default()
        };
        let mut stack = Stack::new(self.layers.len(), limits);
        for number in self.reading_order()? {
            if report.cut_short.is_some() {
                break;
            }
            let files = scan.layer(self, number, &mut report)?;
            if let Err(full) = stack.put(number, files, &mut scan.notes) {
                report.cut_short = Some(full.reason(limits));
            }
        }
        if let Err(full) = stack.finish(&mut scan.notes) {
            report.cut_short.get_or_insert(full.reason(limits));
        }
        report.anomalies = scan.notes.found;
        report.anomalies_left_out = scan.notes.left_out;
        Ok(Scanned { tree: Tree::new(stack.files), report })
    }
}

impl Scan<'_> {
    /// Reads one layer and notes in the report how that went.
    fn layer(
        &mut self,
        image: &Image,
        number: usize,
        report: &mut ScanReport,
    ) -> Result<LayerFiles, ImageError> {
        let index = u16::try_from(number).unwrap_or(u16::MAX);
        let left = self.limits.paths.saturating_sub(self.paths);
        let mut files = LayerFiles::new(index, left, &self.limits);
        let Some(layer) = report.layers.get_mut(number) else { return Ok(files) };
        if media_type::is_foreign(&layer.descriptor.media_type) && !image.has_layer(number) {
            layer.state = LayerState::Foreign;
            return Ok(files);
        }
        let diff_id = image.layers.get(number).and_then(|layer| layer.diff_id.clone());
        let content = diff_id.clone().unwrap_or_else(|| layer.descriptor.digest.clone());
        let end = match self.visitor.known(number, &content) {
            Some(known) => self.replay(known, &mut files, layer),
            None => match image.open_layer(number) {
                Ok(blob) => self.read(blob, diff_id, index, &mut files, layer),
                Err(error) => End::Failed(error.to_string()),
            },
        };
        if matches!(end, End::Read) && layer.read > 0 {
            self.visitor.complete(number, &content, layer.unpacked);
        }
        self.paths = self.paths.saturating_add(files.files.nodes.len());
        match end {
            End::Read => layer.state = LayerState::Read,
            End::Failed(reason) => layer.state = LayerState::Failed(reason),
            End::Stop(reason) => {
                layer.state = LayerState::Failed(reason.clone());
                report.cut_short = Some(reason);
            }
        }
        Ok(files)
    }

    /// Takes a layer's members as they were found before.
    fn replay(&mut self, known: Known, files: &mut LayerFiles, report: &mut LayerReport) -> End {
        report.unpacked = known.unpacked;
        self.unpacked = self.unpacked.saturating_add(known.unpacked);
        if self.unpacked > self.limits.unpacked_bytes {
            return End::Stop(format!("the layers unpack to more than {} bytes", self.limits.unpacked_bytes));
        }
        let mut members = MembersReader::new(BufReader::with_capacity(BUFFER, known.members));
        loop {
            let entry = match members.next_entry() {
                Ok(Some(entry)) => entry,
                Ok(None) => return End::Read,
                Err(error) => return End::Failed(error.to_string()),
            };
            report.entries += 1;
            let number = u32::try_from(report.entries).unwrap_or(u32::MAX);
            if let Err(full) = files.add(entry, number, &mut self.notes) {
                return End::Stop(full.reason(&self.limits));
            }
        }
    }

    /// Reads one layer to its end. What it unpacks to must have the digest that the configuration names; a layer that it
    /// does not name must be what the manifest promises. Either alone makes sure of the content, both would cost twice.
    fn read(
        &mut self,
        blob: Box<dyn Read + '_>,
        diff_id: Option<Digest>,
        index: u16,
        files: &mut LayerFiles,
        report: &mut LayerReport,
    ) -> End {
        let packed = Rc::new(Cell::new(0));
        let (counted, read) = (Counted { inner: blob, count: Rc::clone(&packed) }, Rc::clone(&packed));
        let (digest, size) = (report.descriptor.digest.clone(), report.descriptor.size);
        let (stored, made): (Box<dyn Read + '_>, _) = match diff_id {
            Some(diff_id) => (Box::new(counted), Some(diff_id)),
            None => (Box::new(Verified::new(counted, digest, Some(size))), None),
        };
        let mut unpacked = match Unpacked::new(stored) {
            Ok(unpacked) => unpacked,
            Err(error) => return End::Failed(error.to_string()),
        };
        let inner: Box<dyn Read + '_> = match made.clone() {
            Some(diff_id) => Box::new(Verified::new(&mut unpacked, diff_id, None)),
            None => Box::new(&mut unpacked),
        };
        let metered = Metered {
            inner,
            packed,
            total: self.unpacked,
            own: 0,
            limits: self.limits,
            deadline: self.deadline,
            look_at: 0,
        };
        let wanted = self.visitor.layer(usize::from(index), &report.descriptor);
        let mut tar = TarReader::new(BufReader::with_capacity(BUFFER, metered));
        let mut end = self.members(&mut tar, index, wanted, files, report);
        let mut rest = tar.into_inner();
        if matches!(end, End::Read)
            && let Err(error) = io::copy(&mut rest, &mut io::sink())
        {
            end = End::Failed(error.to_string());
        }
        report.unpacked = rest.get_ref().own;
        self.unpacked = rest.get_ref().total;
        drop(rest);
        if matches!(end, End::Read)
            && made.is_none()
            && let Err(error) = io::copy(&mut unpacked.into_packed(), &mut io::sink())
        {
            end = End::Failed(error.to_string());
        }
        report.read = read.get();
        match end {
            End::Failed(reason)
                if self.unpacked > self.limits.unpacked_bytes || Instant::now() > self.deadline =>
            {
                End::Stop(reason)
            }
            end => end,
        }
    }

    fn members<R: Read>(
        &mut self,
        tar: &mut TarReader<R>,
        index: u16,
        wanted: bool,
        files: &mut LayerFiles,
        report: &mut LayerReport,
    ) -> End {
        let mut path = Vec::new();
        let mut number: u32 = 0;
        loop {
            match tar.next_entry() {
                Ok(Some(_)) => {}
                Ok(None) => return End::Read,
                Err(error) => return End::Failed(error.to_string()),
            }
            number = number.saturating_add(1);
            report.entries = number.into();
            self.visitor.member(tar.entry());
            let content = match files.add(tar.entry(), number, &mut self.notes) {
                Ok(content) => content,
                Err(full) => return End::Stop(full.reason(&self.limits)),
            };
            if !wanted || !content || tar.entry().kind != Kind::File {
                continue;
            }
            path.clear();
            path.push(b'/');
            path.extend_from_slice(files.path());
            let (entry, mut content) = tar.parts();
            let file =
                FileEntry { path: &path, entry: &entry, content: ContentId { layer: index, entry: number } };
            if self.visitor.file(&file, &mut content).is_break() {
                return End::Stop("stopped".to_owned());
            }
        }
    }
}

impl Full {
    fn reason(self, limits: &Limits) -> String {
        match self {
            Self::Paths => format!("the layers have more than {} paths", limits.paths),
            Self::Names => format!("the layers' names take more than {} bytes", limits.name_bytes),
        }
    }
}

impl LayerReport {
    fn waiting(descriptor: &Descriptor) -> Self {
        let state = LayerState::Failed("not read".to_owned());
        Self { descriptor: descriptor.clone(), state, entries: 0, unpacked: 0, read: 0 }
    }
}
