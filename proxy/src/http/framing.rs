//! Watches the raw bytes of a connection for request heads that two servers could read in two ways. No IO.
//!
//! The HTTP library that serves the connection is lenient in places where the standard lets it be: it takes
//! `Content-Length` beside `Transfer-Encoding` (and hides the former), and lines that end in a bare LF. What a gateway
//! decides about must be what the server behind it reads, so such requests are refused. The scanner follows the
//! framing of the connection beside the library and remembers the number of the first request to refuse; the session
//! asks for it before it does anything else. From then on the connection is lost, and the scanner stops.

use std::fmt;

/// Why a request's framing is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// Both `Content-Length` and `Transfer-Encoding`.
    #[error("a request must not have both `content-length` and `transfer-encoding`")]
    LengthAndEncoding,
    /// `Transfer-Encoding` that is not exactly `chunked`.
    #[error("the only transfer encoding of a request is `chunked`, once")]
    TransferEncoding,
    /// More than one `Content-Length`, or one that is not digits.
    #[error("`content-length` must stand once and be digits only")]
    ContentLength,
    /// A line of the head ends in a bare LF, or holds a bare CR or a NUL.
    #[error("lines of a request head end in CR LF, and hold no CR, LF or NUL")]
    LineEnd,
    /// A header line without a name and a colon, with space before the colon, or continued from the line before.
    #[error("a header line is malformed")]
    HeaderLine,
    /// Chunks that cannot be followed.
    #[error("a chunk of a request body is malformed")]
    Chunk,
    /// The head is larger than allowed.
    #[error("the head of a request is too large")]
    HeadTooLarge,
}

/// Follows the framing of the requests on one connection.
#[derive(Debug)]
pub struct FramingScanner {
    head_bytes_max: usize,
    state: State,
    /// Number of the request whose bytes are read, from 0.
    request: u64,
    refused: Option<(u64, FramingError)>,
}

enum State {
    /// Bytes of a head so far.
    Head(Vec<u8>),
    /// Bytes of a sized body that are still to come.
    Body(u64),
    /// A line of a chunked body.
    Chunk(ChunkPart, Vec<u8>),
    /// Bytes of a chunk that are still to come.
    ChunkData(u64),
    /// Nothing more is read.
    Stopped,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ChunkPart {
    Size,
    /// The line end behind a chunk's bytes.
    End,
    Trailer,
}

/// Longest line of a chunk's size or a trailer, in bytes.
const CHUNK_LINE_BYTES_MAX: usize = 8 << 10;

impl FramingScanner {
    /// A scanner at the start of a connection.
    pub fn new(head_bytes_max: usize) -> Self {
        Self { head_bytes_max, state: State::Head(Vec::new()), request: 0, refused: None }
    }

    /// The first request that must be refused, counted from 0, and why.
    pub fn refused(&self) -> Option<(u64, FramingError)> {
        self.refused
    }

    /// Takes the bytes that were read from the connection, before the library sees them.
    pub fn scan(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = match self.step(bytes) {
                Ok(0) => return,
                Ok(taken) => taken,
                Err(error) => {
                    self.refused = Some((self.request, error));
                    self.state = State::Stopped;
                    return;
                }
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// Takes some of the bytes and says how many; none once it has stopped.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, FramingError> {
        match &mut self.state {
            State::Stopped => Ok(0),
            State::Head(head) => {
                let taken = take_line(head, bytes, self.head_bytes_max).ok_or(FramingError::HeadTooLarge)?;
                if head == b"\r\n" || head == b"\n" {
                    // Servers skip empty lines in front of a request.
                    head.clear();
                } else if head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n") {
                    let head = std::mem::take(head);
                    self.state = after_head(&head)?;
                    self.skip_ended();
                }
                Ok(taken)
            }
            State::Body(left) | State::ChunkData(left) => {
                let available = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let taken = available.min(*left);
                *left -= taken;
                self.skip_ended();
                Ok(usize::try_from(taken).unwrap_or(bytes.len()))
            }
            State::Chunk(part, line) => {
                let taken = take_line(line, bytes, CHUNK_LINE_BYTES_MAX).ok_or(FramingError::Chunk)?;
                if line.ends_with(b"\n") {
                    let (part, line) = (*part, std::mem::take(line));
                    let line = line.strip_suffix(b"\r\n").ok_or(FramingError::Chunk)?;
                    self.state = after_chunk_line(part, line)?;
                    self.skip_ended();
                }
                Ok(taken)
            }
        }
    }

    /// Goes on to the next part where the current one has no bytes left.
    fn skip_ended(&mut self) {
        match self.state {
            State::Body(0) => {
                self.request += 1;
                self.state = State::Head(Vec::new());
            }
            State::ChunkData(0) => self.state = State::Chunk(ChunkPart::End, Vec::new()),
            State::Head(_) | State::Body(_) | State::Chunk(..) | State::ChunkData(_) | State::Stopped => {}
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The head holds credentials.
        formatter.write_str(match self {
            Self::Head(_) => "Head",
            Self::Body(_) => "Body",
            Self::Chunk(..) => "Chunk",
            Self::ChunkData(_) => "ChunkData",
            Self::Stopped => "Stopped",
        })
    }
}

/// Moves bytes up to and with the next LF to the end of the line; says how many, or `None` where the limit is passed.
fn take_line(line: &mut Vec<u8>, bytes: &[u8], limit: usize) -> Option<usize> {
    let length = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
    if line.len() + length > limit {
        return None;
    }
    line.extend_from_slice(bytes.get(..length)?);
    Some(length)
}

fn after_head(head: &[u8]) -> Result<State, FramingError> {
    let text = head.strip_suffix(b"\r\n\r\n").ok_or(FramingError::LineEnd)?;
    let mut length = None;
    let mut chunked = false;
    let mut lines = text.split(|byte| *byte == b'\n');
    let request_line = lines.next().unwrap_or_default();
    check_line(request_line.strip_suffix(b"\r").unwrap_or(request_line))?;
    if !text.contains(&b'\n') {
        return Ok(State::Body(0));
    }
    if !request_line.ends_with(b"\r") {
        return Err(FramingError::LineEnd);
    }
    let count = text.iter().filter(|byte| **byte == b'\n').count();
    for (index, line) in lines.enumerate() {
        // The last line lost its CR LF above.
        let line = match line.strip_suffix(b"\r") {
            Some(line) => line,
            None if index + 1 == count => line,
            None => return Err(FramingError::LineEnd),
        };
        check_line(line)?;
        let colon = line.iter().position(|byte| *byte == b':').ok_or(FramingError::HeaderLine)?;
        let (name, value) = line.split_at_checked(colon).ok_or(FramingError::HeaderLine)?;
        if name.is_empty() || name.iter().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control()) {
            return Err(FramingError::HeaderLine);
        }
        let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            let parsed = parse_length(value).ok_or(FramingError::ContentLength)?;
            if length.replace(parsed).is_some() {
                return Err(FramingError::ContentLength);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(FramingError::TransferEncoding);
            }
            chunked = true;
        }
    }
    match (length, chunked) {
        (Some(_), true) => Err(FramingError::LengthAndEncoding),
        (None, true) => Ok(State::Chunk(ChunkPart::Size, Vec::new())),
        (length, false) => Ok(State::Body(length.unwrap_or(0))),
    }
}

fn check_line(line: &[u8]) -> Result<(), FramingError> {
    if line.iter().any(|byte| matches!(byte, b'\r' | 0)) { Err(FramingError::LineEnd) } else { Ok(()) }
}

fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn after_chunk_line(part: ChunkPart, line: &[u8]) -> Result<State, FramingError> {
    check_line(line).map_err(|_| FramingError::Chunk)?;
    match part {
        ChunkPart::Trailer if line.is_empty() => return Ok(State::Body(0)),
        ChunkPart::Trailer => return Ok(State::Chunk(ChunkPart::Trailer, Vec::new())),
        ChunkPart::End if line.is_empty() => return Ok(State::Chunk(ChunkPart::Size, Vec::new())),
        ChunkPart::End => return Err(FramingError::Chunk),
        ChunkPart::Size => {}
    }
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let size = std::str::from_utf8(digits)
        .ok()
        .filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or(FramingError::Chunk)?;
    Ok(match size {
        0 => State::Chunk(ChunkPart::Trailer, Vec::new()),
        size => State::ChunkData(size),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Option<(u64, FramingError)> {
        let whole = scan_in_pieces(text, text.len().max(1));
        for piece in 1..8 {
            assert_eq!(scan_in_pieces(text, piece), whole, "in pieces of {piece}: {text:?}");
        }
        whole
    }

    fn scan_in_pieces(text: &str, piece: usize) -> Option<(u64, FramingError)> {
        let mut scanner = FramingScanner::new(200);
        text.as_bytes().chunks(piece).for_each(|piece| scanner.scan(piece));
        scanner.refused()
    }

    const PLAIN: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn honest_requests_follow_each_other() {
        let sized = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab\r\nc";
        let chunked = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nt: v\r\n\r\n";
        assert_eq!(scan(&format!("{PLAIN}{sized}\r\n{chunked}{PLAIN}{sized}")), None);
    }

    #[test]
    fn a_body_is_not_read_as_a_head() {
        let body =
            "POST /a HTTP/1.1\r\nContent-Length: 44\r\n\r\nX: 1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(scan(&format!("{body}{PLAIN}")), None);
    }

    #[test]
    fn heads_that_can_be_read_in_two_ways_are_refused() {
        let cases = [
            ("Content-Length: 1\r\nTransfer-Encoding: chunked", FramingError::LengthAndEncoding),
            ("Transfer-Encoding: chunked\r\nContent-Length: 1", FramingError::LengthAndEncoding),
            ("Transfer-Encoding: chunked, identity", FramingError::TransferEncoding),
            ("Transfer-Encoding: gzip, chunked", FramingError::TransferEncoding),
            ("Transfer-Encoding: \u{b}chunked", FramingError::TransferEncoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", FramingError::TransferEncoding),
            ("Content-Length: 1\r\nContent-Length: 1", FramingError::ContentLength),
            ("Content-Length: +1", FramingError::ContentLength),
            ("Content-Length: 1, 1", FramingError::ContentLength),
            ("Content-Length: ", FramingError::ContentLength),
            ("Content-Length : 1", FramingError::HeaderLine),
            ("A: b\r\n Content-Length: 1", FramingError::HeaderLine),
            ("no colon", FramingError::HeaderLine),
            (": x", FramingError::HeaderLine),
            ("A: b\nContent-Length: 1", FramingError::LineEnd),
            ("A: b\rContent-Length: 1", FramingError::LineEnd),
            ("A: b\0", FramingError::LineEnd),
        ];
        for (headers, error) in cases {
            let head = format!("POST /a HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n");
            assert_eq!(scan(&format!("{PLAIN}{head}")), Some((1, error)), "{headers:?}");
        }
        for head in ["GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\r\nA: b\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n\n"] {
            assert_eq!(scan(head), Some((0, FramingError::LineEnd)), "{head:?}");
        }
    }

    #[test]
    fn malformed_chunks_refuse_what_follows() {
        for chunks in ["x\r\n", "\r\n", "1\nab", "1\r\nabcd\r\n0\r\n\r\n", "-1\r\n", "fffffffffffffffff\r\n"] {
            let text = format!("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
            assert_eq!(scan(&text), Some((0, FramingError::Chunk)), "{chunks:?}");
        }
    }

    #[test]
    fn a_head_without_end_is_refused_at_its_limit() {
        assert_eq!(scan(&"x".repeat(201)), Some((0, FramingError::HeadTooLarge)));
    }
}
