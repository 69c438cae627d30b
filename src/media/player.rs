//! Playing: a list of spans of the arena, frame after frame.

use crate::audio::{Arena, Span};
use crate::codec::Codec;
use std::sync::Arc;

/// Spans of one play: a value of a hundred digits with its sentence is far below.
const SPANS: usize = 1024;

#[derive(Clone, Debug)]
pub struct Player {
    pub play: u32,
    arena: Arc<Arena>,
    spans: Vec<Span>,
    looped: bool,
    span: usize,
    frame: u32,
    started: bool,
}

impl Player {
    /// `None` if there are too many spans, or one that the arena has not. `from` frames are left out; of a loop, whole
    /// rounds of them do not count.
    pub fn new(play: u32, arena: Arc<Arena>, mut spans: Vec<Span>, looped: bool, from: u32) -> Option<Player> {
        let has = |span: &Span| {
            let end = span.start.checked_add(span.frames);
            end.is_some_and(|end| end <= arena.frames())
        };
        if spans.len() > SPANS || !spans.iter().all(has) {
            return None;
        }
        spans.retain(|span| span.frames > 0);
        let mut player = Player { play, arena, spans, looped, span: 0, frame: 0, started: false };
        player.skip(from);
        Some(player)
    }

    fn skip(&mut self, frames: u32) {
        let round: u64 = self.spans.iter().map(|span| u64::from(span.frames)).sum();
        let mut left = u64::from(frames);
        if self.looped && round > 0 {
            left %= round;
        }
        while let Some(span) = self.spans.get(self.span).filter(|span| u64::from(span.frames) <= left) {
            left -= u64::from(span.frames);
            self.span += 1;
        }
        self.frame = if self.ended() { 0 } else { left as u32 };
    }

    pub fn looped(&self) -> bool {
        self.looped
    }

    /// No frame was played yet.
    pub fn fresh(&self) -> bool {
        !self.started
    }

    /// Nothing is left to play.
    pub fn ended(&self) -> bool {
        self.span == self.spans.len()
    }

    /// `None` at the end, and if the arena was not made for the codec.
    pub fn next_frame(&mut self, codec: Codec) -> Option<&[u8]> {
        let span = self.spans.get(self.span)?;
        let index = span.start + self.frame;
        self.started = true;
        self.frame += 1;
        if self.frame == span.frames {
            self.frame = 0;
            self.span += 1;
            if self.looped && self.ended() {
                self.span = 0;
            }
        }
        self.arena.frame(codec, index)
    }
}
