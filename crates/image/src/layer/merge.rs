//! Laying a layer over those below it, as overlayfs does.

use super::{
    build::LayerFiles,
    files::Files,
    names,
    nodes::{Full, NodeId, ROOT},
    report::Notes,
    resolve::{Follow, Stop},
};
use crate::tar::Kind;

/// Lays `upper` over `lower`.
pub(super) fn lay_over(
    lower: &mut Files,
    upper: &LayerFiles,
    layer: u16,
    notes: &mut Notes,
) -> Result<(), Full> {
    let alive = upper.files.nodes.alive();
    let lives = |node: NodeId| alive.get(node as usize).copied().unwrap_or(false);
    take_away(lower, upper, lives);
    let inodes = adopt_inodes(lower, &upper.files)?;
    let mut places: Vec<NodeId> = vec![ROOT; alive.len()];
    let mut links = Vec::new();
    for node in 0..upper.files.nodes.len() {
        if !lives(node) {
            continue;
        }
        let parent = places.get(upper.files.nodes.parent(node) as usize).copied().unwrap_or(ROOT);
        let place = put(lower, &upper.files, node, parent, inodes)?;
        if let Some(entry) = places.get_mut(node as usize) {
            *entry = place;
        }
        if upper.files.kind(node) == Kind::Hardlink {
            links.push(place);
        }
    }
    resolve_links(lower, &links, layer, notes);
    Ok(())
}

/// Hard links to what their own layer does not have: lower layers may.
pub(super) fn resolve_links(files: &mut Files, links: &[NodeId], layer: u16, notes: &mut Notes) {
    for &link in links {
        let inode = files.inode_of(link);
        let mut target = Vec::new();
        let found = match names::normalise(files.link(&inode), &mut target) {
            Ok(_) => Follow::new(&target, false).run(files),
            Err(_) => Stop::Loop,
        };
        match found {
            Stop::Found(node)
                if node != link && !matches!(files.kind(node), Kind::Hardlink | Kind::Directory) =>
            {
                if files.inode_of(node).layer == layer {
                    notes.add(
                        layer,
                        &files.nodes.path(link),
                        "a hard link to what comes only after it; taken as one",
                    );
                }
                let inode = files.nodes.inode(node);
                files.nodes.set_inode(link, inode);
            }
            _ => notes.add(layer, &files.nodes.path(link), "a hard link to nothing that comes before it"),
        }
    }
}

/// All hard links that are still without a file.
pub(super) fn open_links(files: &Files) -> Vec<NodeId> {
    let alive = files.nodes.alive();
    (0..files.nodes.len())
        .filter(|node| {
            alive.get(*node as usize).copied().unwrap_or(false) && files.kind(*node) == Kind::Hardlink
        })
        .collect()
}

/// Whiteouts and opaque directories: only what lower layers have.
fn take_away(lower: &mut Files, upper: &LayerFiles, lives: impl Fn(NodeId) -> bool) {
    for (directory, name) in upper.whiteouts().filter(|(directory, _)| lives(*directory)) {
        let below = lower.find(&upper.files.nodes.path(directory));
        if let Some(gone) = below.and_then(|below| lower.nodes.child(below, name)) {
            lower.nodes.kill(gone);
        }
    }
    let opaque =
        (0..upper.files.nodes.len()).filter(|node| upper.files.nodes.is_opaque(*node) && lives(*node));
    let cleared: Vec<NodeId> =
        opaque.filter_map(|directory| lower.find(&upper.files.nodes.path(directory))).collect();
    if cleared.is_empty() {
        return;
    }
    let cleared: std::collections::HashSet<NodeId> = cleared.into_iter().collect();
    for node in 1..lower.nodes.len() {
        if cleared.contains(&lower.nodes.parent(node)) {
            lower.nodes.kill(node);
        }
    }
}

/// Appends the upper layer's inodes and link targets; the number that is added to an upper inode's number.
fn adopt_inodes(lower: &mut Files, upper: &Files) -> Result<u32, Full> {
    let links_at = u32::try_from(lower.links.len()).map_err(|_| Full::Names)?;
    u32::try_from(lower.links.len() + upper.links.len()).map_err(|_| Full::Names)?;
    lower.links.extend_from_slice(&upper.links);
    let first = u32::try_from(lower.inodes.len()).map_err(|_| Full::Paths)?;
    u32::try_from(lower.inodes.len() + upper.inodes.len()).map_err(|_| Full::Paths)?;
    lower.inodes.reserve_exact(upper.inodes.len());
    lower.inodes.extend(upper.inodes.iter().map(|inode| {
        let mut inode = *inode;
        inode.link_at = inode.link_at.saturating_add(links_at);
        inode
    }));
    Ok(first)
}

/// Puts one node of the upper layer in its place; where it is now.
fn put(lower: &mut Files, upper: &Files, node: NodeId, parent: NodeId, inodes: u32) -> Result<NodeId, Full> {
    let inode = inodes + upper.nodes.inode(node);
    let implied = upper.nodes.is_implied(node);
    if node == ROOT {
        if !implied {
            lower.nodes.set_inode(ROOT, inode);
        }
        return Ok(ROOT);
    }
    let name = upper.nodes.name(node);
    if let Some(below) = lower.nodes.child(parent, name) {
        if upper.is_directory(node) && lower.is_directory(below) {
            if !implied {
                lower.nodes.set_inode(below, inode);
                lower.nodes.set_implied(below, false);
            }
            return Ok(below);
        }
        lower.nodes.kill(below);
    }
    let place = lower.nodes.add(parent, name, inode)?;
    lower.nodes.set_implied(place, implied);
    Ok(place)
}
