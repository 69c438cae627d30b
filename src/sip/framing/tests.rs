use super::*;
use crate::random::Random;

fn frames(framer: &mut Framer, bytes: &[u8]) -> Vec<Frame> {
    framer.push(bytes);
    std::iter::from_fn(|| framer.frame()).collect()
}

fn all(bytes: &[u8]) -> Vec<Frame> {
    frames(&mut Framer::default(), bytes)
}

fn message(text: &str) -> Frame {
    Frame::Message(text.as_bytes().to_vec())
}

fn lost(text: &str) -> Frame {
    Frame::Lost(text.as_bytes().to_vec())
}

#[test]
fn content_length_is_found_however_it_is_written() {
    for head in [
        "M\r\nContent-Length: 3\r\n\r\n",
        "M\r\nCONTENT-length:3\r\n\r\n",
        "M\r\nl: 3\r\n\r\n",
        "M\r\nL \t : \t 3 \r\n\r\n",
        "M\r\nContent-Length:\r\n  3\r\n\r\n",
        "M\r\nContent-Length:\r\n \r\n\t3\r\nA: b\r\n\r\n",
        "M\nContent-Length: 3\n\n",
        "M\r\nl: 3\r\nContent-Length: 03\r\n\r\n",
        "M\r\nSubject: a\r\n l: 9\r\nl: 3\r\n\r\n",
    ] {
        let wanted = [message(&format!("{head}abc")), message("N\r\nl: 0\r\n\r\n")];
        assert_eq!(all(format!("{head}abcN\r\nl: 0\r\n\r\n").as_bytes()), wanted, "{head:?}");
    }
}

#[test]
fn framing_is_lost_where_nobody_can_tell_the_end_and_nothing_follows() {
    for head in [
        "M\r\nA: b\r\n\r\n",
        "M\r\nl: x\r\n\r\n",
        "M\r\nl: -1\r\n\r\n",
        "M\r\nl:\r\n\r\n",
        "M\r\nl: 3, 3\r\n\r\n",
        "M\r\nl: 3\r\nContent-Length: 4\r\n\r\n",
        "M\r\nl: 65536\r\n\r\n",
        "M\r\nl: 99999999999999999999999999\r\n\r\n",
        "M\r\nSubject: a\r\n l: 3\r\n\r\n",
    ] {
        let mut framer = Framer::default();
        let bytes = format!("{head}abcN\r\nl: 0\r\n\r\n");
        assert_eq!(frames(&mut framer, bytes.as_bytes()), [lost(head)], "{head:?}");
        assert_eq!(frames(&mut framer, b"N\r\nl: 0\r\n\r\n"), []);
        assert_eq!(framer.buffer.capacity(), 0);
    }
}

#[test]
fn a_message_may_be_as_long_as_one_may_be_and_no_longer() {
    let head = "M\r\nl: 65512\r\n\r\n ";
    let whole = format!("{head}{}", "x".repeat(MAX_MESSAGE - head.len()));
    let shorter = whole.replace("65512", &(MAX_MESSAGE - head.len() + 1).to_string());
    assert_eq!(all(shorter.as_bytes()), [message(&shorter)]);
    let longer = whole.replace("65512", &(MAX_MESSAGE - head.len() + 2).to_string());
    assert!(matches!(&all(longer.as_bytes())[..], [Frame::Lost(head)] if head.ends_with(b"\r\n\r\n")));
    let endless = vec![b'x'; MAX_MESSAGE + 1];
    assert_eq!(all(&endless[1..]), []);
    assert_eq!(all(&endless), [Frame::Lost(endless[1..].to_vec())]);
}

#[test]
fn empty_lines_are_pings_in_pairs_and_alone_a_pong_for_who_asked() {
    assert_eq!(all(b"\r\n\r\n"), [Frame::Ping]);
    assert_eq!(all(b"\n\n\r\n\r\n"), [Frame::Ping, Frame::Ping]);
    assert_eq!(all(b"\r\nM\r\nl: 0\r\n\r\n\r\n\r\n"), [message("M\r\nl: 0\r\n\r\n"), Frame::Ping]);
    let mut framer = Framer::default();
    assert_eq!(frames(&mut framer, b"\r\n"), []);
    assert!(framer.take_pong());
    assert!(!framer.take_pong());
    assert_eq!(frames(&mut framer, b"\r\n"), [], "the pong was no half of a ping");
    assert_eq!(frames(&mut framer, b"\r\n"), [Frame::Ping]);
    assert!(!framer.take_pong());
    assert_eq!(framer.buffer.capacity(), 0, "an idle stream holds no memory");
}

#[test]
fn a_message_has_begun_with_its_first_byte() {
    let mut framer = Framer::default();
    assert!(frames(&mut framer, b"\r\n").is_empty() && !framer.begun());
    assert!(frames(&mut framer, b"M").is_empty() && framer.begun());
    assert!(frames(&mut framer, b"\r\nl: 1\r\n\r\n").is_empty() && framer.begun());
    assert_eq!(frames(&mut framer, b"x").len(), 1);
    assert!(!framer.begun());
}

/// However a stream is cut, it gives the frames that it gives in one piece, and the buffer stays within bounds.
#[test]
fn the_cuts_of_a_stream_do_not_show() {
    let mut random = Random::from_seed(18);
    for round in 0..200 {
        let (stream, wanted) = stream(&mut random);
        assert_eq!(all(&stream), wanted, "round {round}");
        for most in [1, 2, 7, 100, 1000] {
            let mut framer = Framer::default();
            let mut got = Vec::new();
            let mut rest = &stream[..];
            while !rest.is_empty() {
                let cut = (1 + random.below(most) as usize).min(rest.len());
                got.extend(frames(&mut framer, &rest[..cut]));
                rest = &rest[cut..];
                assert!(framer.buffer.len() <= 2 * most as usize + 1000);
            }
            assert_eq!(got, wanted, "round {round}, cut at {most} at most");
        }
    }
}

/// Messages with bodies of any bytes, glued or with empty lines between; one in four streams loses its framing.
fn stream(random: &mut Random) -> (Vec<u8>, Vec<Frame>) {
    let (mut stream, mut frames) = (Vec::new(), Vec::new());
    for _ in 0..random.below(12) {
        if random.below(4) == 0 {
            stream.extend(b"\r\n\r\n");
            frames.push(Frame::Ping);
        }
        if random.below(4) == 0 {
            stream.extend(b"\r\n");
        }
        let body: Vec<u8> = (0..random.below(60)).map(|_| b"\r\n :lM\x00\xff"[random.below(8) as usize]).collect();
        let end = ["\r\n", "\n"][random.below(2) as usize];
        let name = ["Content-Length", "l ", "L"][random.below(3) as usize];
        let mut bytes = format!("M sip:a SIP/2.0{end}A: b{end} c{end}{name}:{end}\t{}{end}{end}", body.len());
        if random.below(40) == 0 {
            bytes = bytes.replace("\t", "\tx");
            stream.extend(bytes.as_bytes());
            frames.push(Frame::Lost(bytes.into_bytes()));
            break;
        }
        let bytes = [bytes.into_bytes(), body].concat();
        stream.extend(&bytes);
        frames.push(Frame::Message(bytes));
    }
    // What follows a framing that is lost is nothing to us.
    if matches!(frames.last(), Some(Frame::Lost(_))) {
        stream.extend(b"M\r\nl: 0\r\n\r\n");
    }
    (stream, frames)
}

/// Byte after byte of a long message takes as many looks as it has bytes: `searched` never goes back.
#[test]
fn a_head_that_comes_byte_by_byte_is_searched_once() {
    let mut framer = Framer::default();
    let head = format!("M\r\n{}", "A: b\r\n".repeat(5_000));
    for (at, byte) in head.bytes().enumerate() {
        assert_eq!(frames(&mut framer, &[byte]), []);
        assert_eq!((framer.searched, framer.start), (at + 1, 0));
    }
}
