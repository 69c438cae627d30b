//! Where one message ends and the next begins on a stream (RFC 3261 section 18.3): a head up to its empty line, then
//! as many bytes as Content-Length says. It reads no more of a message than that; `wire` reads the rest.

use super::wire::MAX_MESSAGE;

/// What stood on the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    Message(Vec<u8>),
    /// Two empty lines between messages: the peer asks whether we live, and is answered one (RFC 5626 section 3.5.1).
    Ping,
    /// Nobody can tell where this message ends, so nothing can follow it. The bytes are its head, as far as it is
    /// there and at most `MAX_MESSAGE` of it, for an answer that refuses it.
    Lost(Vec<u8>),
}

/// Takes the bytes of one stream as they come, and gives its messages. Holds less than one message and what was pushed
/// since `frame` gave nothing; an idle stream holds no memory here.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Up to here the buffer is given out.
    start: usize,
    /// Up to here the head was searched for its end: no byte is looked at twice.
    searched: usize,
    /// Where the line that `searched` stands in begins.
    line: usize,
    /// Of a message whose head is whole: where it ends.
    end: Option<usize>,
    /// Empty lines since the last message or ping.
    empty: u8,
    lost: bool,
}

impl Framer {
    /// Adds what came over the stream. Whoever pushes takes the frames before the next push: that bounds the buffer.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.lost {
            return;
        }
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.line -= self.start;
            self.end = self.end.map(|end| end - self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, if all of it is there. After `Frame::Lost` there is none.
    pub fn frame(&mut self) -> Option<Frame> {
        if self.lost {
            return None;
        }
        if !self.begun() && self.between() {
            return Some(Frame::Ping);
        }
        if !self.begun() {
            self.buffer = Vec::new();
            (self.start, self.searched, self.line) = (0, 0, 0);
            return None;
        }
        if self.end.is_none() {
            let Some(head) = self.head_end() else {
                let long = self.buffer.len() - self.start > MAX_MESSAGE;
                return long.then(|| self.lose(self.start + MAX_MESSAGE));
            };
            let room = MAX_MESSAGE.checked_sub(head - self.start);
            match room.zip(content_length(&self.buffer[self.start..head])) {
                Some((room, length)) if length <= room => self.end = Some(head + length),
                _ => return Some(self.lose(head)),
            }
        }
        let end = self.end.filter(|end| *end <= self.buffer.len())?;
        let message = self.buffer[self.start..end].to_vec();
        self.go_to(end);
        self.end = None;
        self.empty = 0;
        Some(Frame::Message(message))
    }

    /// Whether a message has begun and is not whole.
    pub fn begun(&self) -> bool {
        self.buffer.get(self.start).is_some_and(|byte| !is_line_end(*byte))
    }

    /// Whether one empty line, and nothing after it, is all there is: the answer to a ping (RFC 5626 section 3.5.1),
    /// or half of a ping. Only who has asked can tell; then it is taken.
    pub fn take_pong(&mut self) -> bool {
        let pong = self.empty == 1 && !self.begun();
        if pong {
            self.empty = 0;
        }
        pong
    }

    /// Goes past empty lines ahead of a message (RFC 3261 section 7.5); true when two were a ping.
    fn between(&mut self) -> bool {
        while let Some(&byte) = self.buffer.get(self.start).filter(|byte| is_line_end(**byte)) {
            self.go_to(self.start + 1);
            self.empty += u8::from(byte == b'\n');
            if self.empty == 2 {
                self.empty = 0;
                return true;
            }
        }
        false
    }

    /// Where the head ends, its empty line included; goes on from where the last search stopped.
    fn head_end(&mut self) -> Option<usize> {
        let limit = self.buffer.len().min(self.start + MAX_MESSAGE);
        while let Some(found) = self.buffer[self.searched..limit].iter().position(|byte| *byte == b'\n') {
            let feed = self.searched + found;
            let line = &self.buffer[self.line..feed];
            self.searched = feed + 1;
            self.line = self.searched;
            if line.is_empty() || line == b"\r" {
                return Some(self.searched);
            }
        }
        self.searched = limit;
        None
    }

    fn go_to(&mut self, start: usize) {
        (self.start, self.searched, self.line) = (start, start, start);
    }

    fn lose(&mut self, end: usize) -> Frame {
        self.lost = true;
        let mut head = std::mem::take(&mut self.buffer);
        head.truncate(end);
        head.drain(..self.start);
        self.go_to(0);
        Frame::Lost(head)
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// The one Content-Length of a head; `None` if there is none, one that is no number, or two that differ. A value may
/// stand on a continued line (RFC 3261 section 7.3.1).
fn content_length(head: &[u8]) -> Option<usize> {
    let mut found: Option<usize> = None;
    let mut lines = head.split(|byte| *byte == b'\n').skip(1).peekable();
    while let Some(line) = lines.next() {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = line[..colon].trim_ascii_end();
        if !name.eq_ignore_ascii_case(b"Content-Length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        let mut value = line[colon + 1..].to_vec();
        while let Some(more) = lines.next_if(|line| matches!(line.first(), Some(b' ' | b'\t'))) {
            value.push(b' ');
            value.extend_from_slice(more);
        }
        let length = number(value.trim_ascii())?;
        if found.is_some_and(|other| other != length) {
            return None;
        }
        found = Some(length);
    }
    found
}

fn number(digits: &[u8]) -> Option<usize> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    // A number too great to be held is too great for us in any case.
    all.then(|| {
        digits.iter().fold(0_usize, |sum, digit| sum.saturating_mul(10).saturating_add(usize::from(digit - b'0')))
    })
}

#[cfg(test)]
mod tests;
