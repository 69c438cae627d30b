//! Bodies of several parts (RFC 5621; RFC 2046 section 5.1): carriers send ISUP, or where the caller is, beside the
//! session description. That is read, the rest is for others.

use super::name_addr::unescaped;
use super::params;

/// A body has so many parts at most, and each so many header lines: carriers send two or three.
const MAX_PARTS: usize = 8;
const MAX_LINES: usize = 16;
/// RFC 2046 section 5.1.1.
const MAX_BOUNDARY: usize = 70;

const DESCRIPTION: &str = "application/sdp";

/// The session description in a `multipart/mixed` body, empty if it has none. The error is the status to refuse with:
/// 400 for what is no such body, 415 for a part that we would have to understand and do not, or for two descriptions.
pub(super) fn session<'b>(content_type: &str, body: &'b [u8]) -> Result<&'b [u8], u16> {
    let boundary = boundary(content_type).ok_or(400_u16)?;
    let mut session = None;
    for part in parts(&boundary, body).ok_or(400_u16)? {
        let (head, content) = Head::read(part).ok_or(400_u16)?;
        if !head.is_session() {
            // The default is `required` (RFC 5621 section 8.1), but many a switch writes nothing to what is for switches.
            let nested = head.media_type.starts_with("multipart/");
            if nested || head.handling.eq_ignore_ascii_case("required") {
                return Err(415);
            }
        } else if head.encoded || session.replace(content).is_some() {
            return Err(415);
        }
    }
    Ok(session.unwrap_or(&[]))
}

/// The part of a media type in a `multipart/mixed` body, without blanks around it.
pub fn part<'b>(content_type: &str, body: &'b [u8], media_type: &str) -> Option<&'b [u8]> {
    let parts = parts(&boundary(content_type)?, body)?;
    let mut heads = parts.into_iter().filter_map(Head::read);
    heads.find(|(head, _)| head.media_type == media_type).map(|(_, content)| content.trim_ascii())
}

/// A session description with JSON beside it, which a peer that does not know it may pass over (RFC 5621 section 8.1).
/// JSON has no line that begins with `--`: it is one line.
pub(super) fn mixed(boundary: &str, sdp: &[u8], json: &str) -> Vec<u8> {
    let mut body = format!("--{boundary}\r\nContent-Type: {DESCRIPTION}\r\n\r\n").into_bytes();
    body.extend_from_slice(sdp);
    let beside = "Content-Type: application/json\r\nContent-Disposition: render;handling=optional";
    body.extend_from_slice(format!("\r\n--{boundary}\r\n{beside}\r\n\r\n{json}\r\n--{boundary}--\r\n").as_bytes());
    body
}

/// What separates the parts.
fn boundary(content_type: &str) -> Option<String> {
    let written = params::find(content_type.split_at(content_type.find(';')?).1, "boundary")?;
    let inner = written.strip_prefix('"').and_then(|written| written.strip_suffix('"'));
    let boundary = inner.map_or(written.into(), unescaped).into_owned();
    (1..=MAX_BOUNDARY).contains(&boundary.len()).then_some(boundary)
}

/// What is between the delimiter lines; `None` if there are none, too many, or the last one is missing.
fn parts<'b>(boundary: &str, body: &'b [u8]) -> Option<Vec<&'b [u8]>> {
    let (mut parts, mut begun, mut end) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let start = end;
        end += line.len();
        let delimiter = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes()));
        let Some(rest @ (b"" | b"--")) = delimiter.map(<[u8]>::trim_ascii) else { continue };
        if let Some(begun) = begun.replace(end) {
            if parts.len() == MAX_PARTS {
                return None;
            }
            parts.push(&body[begun..start]);
        }
        if !rest.is_empty() {
            return Some(parts).filter(|parts| !parts.is_empty());
        }
    }
    None
}

/// What the header lines of a part say. Without any it is text (RFC 2046 section 5.1).
#[derive(Default)]
struct Head {
    media_type: String,
    /// The disposition type, and what becomes of a part that is not understood.
    disposition: String,
    handling: String,
    /// The content is not as it is written.
    encoded: bool,
}

impl Head {
    /// The head of a part, and its content: the line end before a delimiter is the delimiter's, but a description may
    /// need it, and an empty line does it no harm.
    fn read(part: &[u8]) -> Option<(Head, &[u8])> {
        let mut lines: Vec<String> = Vec::new();
        let mut rest = part;
        loop {
            let end = rest.iter().position(|byte| *byte == b'\n')? + 1;
            let line = std::str::from_utf8(&rest[..end]).ok()?.trim_ascii_end();
            rest = &rest[end..];
            if line.is_empty() {
                break;
            }
            if let Some(folded) = lines.last_mut().filter(|_| line.starts_with([' ', '\t'])) {
                folded.push_str(line);
            } else if lines.len() < MAX_LINES {
                lines.push(line.to_owned());
            } else {
                return None;
            }
        }
        let mut head = Head::default();
        for line in &lines {
            let (name, value) = line.split_once(':')?;
            head.note(name.trim_ascii(), value.trim_ascii());
        }
        Some((head, rest))
    }

    fn note(&mut self, name: &str, value: &str) {
        let (first, params) = value.split_at(value.find(';').unwrap_or(value.len()));
        let first = first.trim_ascii().to_ascii_lowercase();
        if name.eq_ignore_ascii_case("Content-Type") {
            self.media_type = first;
        } else if name.eq_ignore_ascii_case("Content-Disposition") {
            self.disposition = first;
            self.handling = params::find(params, "handling").unwrap_or("").to_owned();
        } else if name.eq_ignore_ascii_case("Content-Transfer-Encoding") {
            self.encoded = !matches!(&*first, "7bit" | "8bit" | "binary");
        }
    }

    /// A description with another disposition is of something else: `early-session` (RFC 3959).
    fn is_session(&self) -> bool {
        self.media_type == DESCRIPTION && matches!(&*self.disposition, "" | "session")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &str = "multipart/mixed;boundary=b1";
    const SDP: &str = "Content-Type: application/sdp\r\n\r\nv=0\r\n";
    const ISUP: &str = "Content-Type: application/ISUP;version=x\r\nContent-Disposition: signal;\r\n handling=optional\r\n\
                        \r\n\x01\x02--b1\r\n";

    fn body(parts: &[&str]) -> String {
        parts.iter().map(|part| format!("--b1\r\n{part}\r\n")).collect::<String>() + "--b1--\r\n"
    }

    #[test]
    fn the_session_description_is_found_among_the_parts() {
        let early = "Content-Type: application/sdp\r\nContent-Disposition: early-session\r\n\r\nv=1\r\n";
        let plain = "\r\nno header at all";
        let seven = [plain; 7];
        let cases = [
            (MIXED, body(&[SDP, ISUP]), "v=0\r\n\r\n"),
            (MIXED, body(&[ISUP, SDP]), "v=0\r\n\r\n"),
            (
                "Multipart/Mixed; charset=x; Boundary=\"b1\"",
                format!("preamble\r\n{}epilogue", body(&[SDP])),
                "v=0\r\n\r\n",
            ),
            (MIXED, body(&[SDP]).replace("v=0\r\n\r\n", "v=0\r\n"), "v=0\r\n"),
            (MIXED, body(&[early, SDP]), "v=0\r\n\r\n"),
            (MIXED, body(&[&SDP.replace("\r\n\r\n", "\r\nCONTENT-DISPOSITION: Session\r\n\r\n")]), "v=0\r\n\r\n"),
            (MIXED, body(&[&SDP.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")]), "v=0\r\n\r\n"),
            // Longer than the boundary, so none.
            (MIXED, body(&[&SDP.replace("v=0", "v=0\r\n--b12")]), "v=0\r\n--b12\r\n\r\n"),
            (MIXED, body(&[plain, ISUP]), ""),
            (MIXED, body(&[&[SDP][..], &seven].concat()), "v=0\r\n\r\n"),
        ];
        for (content_type, body, expected) in cases {
            let found = session(content_type, body.as_bytes()).map(|found| String::from_utf8_lossy(found).into_owned());
            assert_eq!(found, Ok(expected.to_owned()), "{content_type} {body}");
        }
    }

    #[test]
    fn what_cannot_be_read_and_what_would_have_to_be_is_refused() {
        let nested = "Content-Type: multipart/alternative;boundary=b2\r\n\r\n--b2\r\n\r\n--b2--";
        let required = ISUP.replace("optional", "Required");
        let encoded = SDP.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        let long = format!("multipart/mixed;boundary={}", "b".repeat(MAX_BOUNDARY + 1));
        let nine = [SDP; 9];
        let cases = [
            (MIXED, body(&[SDP, nested]), 415),
            (MIXED, body(&[SDP, &required]), 415),
            (MIXED, body(&[&encoded]), 415),
            (MIXED, body(&[SDP, SDP]), 415),
            (MIXED, body(&nine), 400),
            (MIXED, body(&[SDP]).replace("--b1--", ""), 400),
            (MIXED, "--b1--\r\n".to_owned(), 400),
            (MIXED, body(&["no head"]), 400),
            (MIXED, body(&["no colon\r\n\r\n"]), 400),
            (MIXED, body(&[&("A: b\r\n".repeat(MAX_LINES + 1) + "\r\n")]), 400),
            ("multipart/mixed", body(&[SDP]), 400),
            ("multipart/mixed;boundary=", body(&[SDP]), 400),
            (&*long, body(&[SDP]), 400),
        ];
        for (content_type, body, status) in cases {
            assert_eq!(session(content_type, body.as_bytes()), Err(status), "{content_type} {body}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut random = crate::random::Random::from_seed(3);
        let pieces: [&[u8]; 8] =
            [b"--b1", b"--", b"\r\n", b"\n", b"Content-Type: application/sdp", b" x", b"\xff", b"v=0"];
        let (mut found, mut refused) = (0, 0);
        for _ in 0..20_000 {
            let count = random.below(16);
            let body: Vec<u8> = (0..count).flat_map(|_| pieces[random.below(8) as usize]).copied().collect();
            match session(MIXED, &body) {
                Ok(_) => found += 1,
                Err(_) => refused += 1,
            }
        }
        assert!(found > 0 && refused > 0, "{found} {refused}");
    }
}
