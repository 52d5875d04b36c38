//! An image that a source has found.

use std::{fmt, io::Read};

use crate::{Descriptor, Digest, ImageConfig, ImageError, media_type};

/// An image: what it says of itself, and its layers.
#[derive(Debug)]
pub struct Image {
    /// Where it was found, for messages: `docker-archive:app.tar`.
    pub place: String,
    /// Digest of what the reference names: an index, or a manifest. `None` where the source keeps none.
    pub digest: Option<Digest>,
    /// Digest of the manifest for the platform.
    pub manifest_digest: Option<Digest>,
    /// Digest of the configuration: the image's id.
    pub config_digest: Option<Digest>,
    /// The configuration.
    pub config: ImageConfig,
    pub(crate) layers: Vec<Layer>,
    pub(crate) blobs: Option<Box<dyn Blobs>>,
}

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) descriptor: Descriptor,
    pub(crate) diff_id: Option<Digest>,
}

/// Where the layers of one image are kept.
pub trait Blobs: fmt::Debug {
    /// A layer as it is stored, not yet checked against any digest.
    ///
    /// # Errors
    /// It is missing or cannot be read.
    fn layer(&self, number: usize) -> Result<Box<dyn Read + '_>, ImageError>;

    /// Whether the layer is there at all; foreign layers mostly are not.
    fn has(&self, number: usize) -> bool;

    /// Where the layer is, so that reading in this order goes forward only.
    fn position(&self, number: usize) -> u64 {
        number as u64
    }
}

impl Image {
    /// What the manifest says of the layers, the lowest first.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = &Descriptor> {
        self.layers.iter().map(|layer| &layer.descriptor)
    }

    pub(crate) fn open_layer(&self, number: usize) -> Result<Box<dyn Read + '_>, ImageError> {
        self.blobs()?.layer(number)
    }

    pub(crate) fn has_layer(&self, number: usize) -> bool {
        self.blobs.as_ref().is_some_and(|blobs| blobs.has(number))
    }

    /// Layers in the order that costs least to read.
    pub(crate) fn reading_order(&self) -> Result<Vec<usize>, ImageError> {
        let blobs = self.blobs()?;
        let mut order: Vec<_> = (0..self.layers.len()).collect();
        order.sort_by_key(|number| blobs.position(*number));
        Ok(order)
    }

    fn blobs(&self) -> Result<&dyn Blobs, ImageError> {
        self.blobs.as_deref().ok_or_else(|| ImageError::Unsupported {
            what: self.place.clone(),
            found: "a description without layers".to_owned(),
            instead: "use docker-archive:, oci: or a registry to read files",
        })
    }

    /// Pairs a manifest's layers with their digests before packing.
    pub(crate) fn pair(
        place: &str,
        layers: Vec<Descriptor>,
        config: &ImageConfig,
    ) -> Result<Vec<Layer>, ImageError> {
        let diff_ids = config.diff_ids();
        if !diff_ids.is_empty() && diff_ids.len() != layers.len() {
            let (layers, named) = (layers.len(), diff_ids.len());
            let reason = format!("it has {layers} layers, its configuration names {named}");
            return Err(ImageError::malformed(place, &reason));
        }
        let layers = layers.into_iter().enumerate();
        Ok(layers
            .map(|(number, descriptor)| Layer { descriptor, diff_id: diff_ids.get(number).cloned() })
            .collect())
    }
}

/// Layers in memory.
#[derive(Debug)]
struct InMemory(Vec<Vec<u8>>);

impl Blobs for InMemory {
    fn layer(&self, number: usize) -> Result<Box<dyn Read + '_>, ImageError> {
        let layer = self.0.get(number);
        layer
            .map(|layer| Box::new(layer.as_slice()) as _)
            .ok_or_else(|| ImageError::malformed("the image in memory", "there is no such layer"))
    }

    fn has(&self, number: usize) -> bool {
        number < self.0.len()
    }
}

impl Image {
    /// An image of layers at hand, packed or not, the lowest first.
    #[must_use]
    pub fn in_memory(config: ImageConfig, layers: Vec<Vec<u8>>) -> Self {
        let described = layers.iter().map(|layer| Layer {
            descriptor: Descriptor {
                media_type: media_type::OCI_LAYER.to_owned(),
                digest: Digest::of(layer),
                size: layer.len() as u64,
                platform: None,
                annotations: std::collections::BTreeMap::new(),
                urls: Vec::new(),
            },
            diff_id: None,
        });
        Self {
            place: "memory".to_owned(),
            digest: None,
            manifest_digest: None,
            config_digest: None,
            config,
            layers: described.collect(),
            blobs: Some(Box::new(InMemory(layers))),
        }
    }
}
