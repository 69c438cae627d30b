use askonce::sip::framing::{Frame, Framer};
use askonce::sip::{Message, wire};

/// Cut anywhere, a stream gives the same frames; each message is one frame by itself as well, and ends where the reader
/// says that it ends. The input is a number of cuts, the lengths between them, and the stream, which is repeated if
/// the number is high, so that it reaches the bound.
pub fn framing(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else { return };
    let (lengths, stream) = rest.split_at(usize::from(first % 32).min(rest.len()));
    let stream = stream.repeat(if first >= 0xf0 { 20 } else { 1 });
    let whole = frames(&stream, &[]);
    assert_eq!(frames(&stream, lengths), whole);
    for frame in &whole {
        match frame {
            Frame::Ping => {}
            Frame::Lost(head) => assert!(head.len() <= wire::MAX_MESSAGE && whole.last() == Some(frame)),
            Frame::Message(message) => {
                assert!(message.len() <= wire::MAX_MESSAGE);
                assert_eq!(frames(message, lengths), std::slice::from_ref(frame));
                check_end(message);
            }
        }
    }
}

/// The frames of a stream whose bytes come in pieces of these lengths, and then the rest.
fn frames(stream: &[u8], lengths: &[u8]) -> Vec<Frame> {
    let (mut framer, mut frames, mut rest) = (Framer::default(), Vec::new(), stream);
    for length in lengths.iter().map(|length| usize::from(*length)).chain([stream.len()]) {
        let (piece, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        framer.push(piece);
        frames.extend(std::iter::from_fn(|| framer.frame()));
    }
    frames
}

fn check_end(message: &[u8]) {
    let body = match wire::read(message) {
        Ok(Message::Request(request)) => request.body,
        Ok(Message::Response(response)) => response.body,
        Err(_) => return,
    };
    let head = message.strip_suffix(&*body).expect("the body ends the frame");
    assert!(head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n"), "bytes behind the body");
}
