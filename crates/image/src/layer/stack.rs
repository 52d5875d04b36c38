//! The file system in the making.

use super::{build::LayerFiles, files::Files, merge, nodes::Full, report::Notes};
use crate::Limits;

/// Layers put together from below, however they come.
pub(super) struct Stack {
    pub(super) files: Files,
    waiting: Vec<Option<LayerFiles>>,
    next: usize,
}

impl Stack {
    pub(super) fn new(layers: usize, limits: &Limits) -> Self {
        let waiting = std::iter::repeat_with(|| None).take(layers).collect();
        Self { files: Files::new(limits.paths, limits), waiting, next: 0 }
    }

    pub(super) fn put(&mut self, number: usize, layer: LayerFiles, notes: &mut Notes) -> Result<(), Full> {
        if let Some(place) = self.waiting.get_mut(number) {
            *place = Some(layer);
        }
        while let Some(layer) = self.waiting.get_mut(self.next).and_then(Option::take) {
            self.lay(layer, notes)?;
        }
        Ok(())
    }

    /// Puts together what there is although layers below are missing.
    pub(super) fn finish(&mut self, notes: &mut Notes) -> Result<(), Full> {
        while self.next < self.waiting.len() {
            match self.waiting.get_mut(self.next).and_then(Option::take) {
                Some(layer) => self.lay(layer, notes)?,
                None => self.next += 1,
            }
        }
        Ok(())
    }

    fn lay(&mut self, layer: LayerFiles, notes: &mut Notes) -> Result<(), Full> {
        let number = u16::try_from(self.next).unwrap_or(u16::MAX);
        self.next += 1;
        if self.files.nodes.len() == 1 && self.files.inodes.len() == 1 {
            // Nothing below: the layer is what there is.
            self.files = layer.files;
            let links = merge::open_links(&self.files);
            merge::resolve_links(&mut self.files, &links, number, notes);
            return Ok(());
        }
        merge::lay_over(&mut self.files, &layer, number, notes)
    }
}
