//! A flow as a picture: Mermaid for a page that draws it, SVG that we lay out ourselves, and a page that also shows a block's
//! lines and what they say. The same flow gives the same bytes.
//!
//! ```text
//! Flow -> chart (what there is to see) -> mermaid
//!                                      -> shape (how large) -> layout (where) -> svg -> html
//! ```

mod chart;
mod html;
mod layout;
mod letters;
mod mermaid;
mod shape;
mod svg;
#[cfg(test)]
mod tests;

pub use html::html;
pub use letters::escape;

use crate::flow::Flow;
use std::collections::BTreeSet;

/// A flowchart in Mermaid's words.
pub fn mermaid(flow: &Flow) -> String {
    mermaid::write(&chart::Chart::of(flow))
}

/// A picture that needs no font, script or network. An element that stands for a way out of a step has its name,
/// `start:2:else`, in `data-way`: block, step and `flow::model::Exit`. `untaken`: the ways of these names are dashed, as no
/// call took them.
pub fn svg(flow: &Flow, untaken: Option<&BTreeSet<String>>) -> String {
    svg::write(&svg::Drawing::of(flow, untaken), None)
}
