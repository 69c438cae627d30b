//! The SIP ladder as a picture: caller, askonce and agent side by side, messages as arrows between them.

use crate::graph::escape;
use crate::record::Fixture;
use crate::record::ladder::{self, Kind};
use crate::record::seam::Leg;
use crate::record::trace::Way;
use std::fmt::{self, Write};

/// Pixels: the sides, a row, the second row of a message with a session description, the heading.
const SIDES: [(i32, &str); 3] = [(130, "caller"), (520, "askonce"), (910, "agent")];
const ROW: i32 = 26;
const MORE: i32 = 15;
const HEAD: i32 = 34;

pub fn write(fixture: &Fixture, out: &mut String) -> fmt::Result {
    let rows = ladder::of_recording(fixture);
    let sdp = |kind: &Kind| matches!(kind, Kind::Message { sdp: Some(_), .. });
    let height = HEAD + rows.iter().map(|row| ROW + if sdp(&row.kind) { MORE } else { 0 }).sum::<i32>() + 8;
    writeln!(out, "<section id=\"ladder\">\n<h2>SIP</h2>\n<div class=\"scroll\">")?;
    writeln!(out, "<svg class=\"ladder\" width=\"1080\" height=\"{height}\" role=\"img\" aria-label=\"SIP ladder\">")?;
    for (x, name) in SIDES {
        writeln!(out, "<text class=\"side\" x=\"{x}\" y=\"18\">{name}</text>")?;
        writeln!(out, "<line class=\"side\" x1=\"{x}\" y1=\"26\" x2=\"{x}\" y2=\"{height}\"/>")?;
    }
    let mut y = HEAD;
    for row in &rows {
        let text = escape(row.text.trim_end());
        writeln!(out, "<g data-at=\"{}\">", row.t)?;
        writeln!(out, "<text class=\"when\" x=\"70\" y=\"{}\">{}</text>", y + 14, super::time(row.t))?;
        let side = usize::from(row.leg == Some(Leg::Agent));
        match &row.kind {
            Kind::Message { way, sdp } => {
                let rightwards = (*way == Way::In) == (side == 0);
                arrow(SIDES[side].0, SIDES[side + 1].0, rightwards, y + 18, out)?;
                let middle = (SIDES[side].0 + SIDES[side + 1].0) / 2;
                writeln!(out, "<text class=\"message\" x=\"{middle}\" y=\"{}\">{text}</text>", y + 14)?;
                if let Some(sdp) = sdp {
                    let sdp = escape(sdp);
                    writeln!(out, "<text class=\"sdp\" x=\"{middle}\" y=\"{}\">{sdp}</text>", y + 31)?;
                    y += MORE;
                }
            }
            Kind::Keys => {
                writeln!(out, "<text class=\"keys\" x=\"{}\" y=\"{}\">keys {text}</text>", SIDES[side].0 + 12, y + 15)?;
            }
            // What is done for a leg is told beside us, as all that we do.
            Kind::Note => {
                writeln!(out, "<text class=\"note\" x=\"{}\" y=\"{}\">{text}</text>", SIDES[1].0 + 12, y + 15)?;
            }
        }
        writeln!(out, "</g>")?;
        y += ROW;
    }
    writeln!(out, "</svg>\n</div>\n</section>")
}

fn arrow(left: i32, right: i32, rightwards: bool, y: i32, out: &mut String) -> fmt::Result {
    let (tip, towards) = if rightwards { (right, -1) } else { (left, 1) };
    writeln!(out, "<line class=\"arrow\" x1=\"{left}\" y1=\"{y}\" x2=\"{right}\" y2=\"{y}\"/>")?;
    writeln!(out, "<path class=\"tip\" d=\"M{tip} {y}l{} -4v8z\"/>", 9 * towards)
}
