//! Server-sent events: bytes to events and back, as the HTML standard defines them. No IO.
//!
//! The decoder takes bytes as they come from the network, cut anywhere, and gives events once their blank line has
//! been read. A line or an event that passes its limit is an error before its bytes are kept.

use bytes::{Buf, BytesMut};

/// Bounds on a stream of events.
#[derive(Debug, Clone, Copy)]
pub struct SseLimits {
    /// Longest line, in bytes.
    pub line_bytes_max: usize,
    /// Longest event, in bytes of its fields.
    pub event_bytes_max: usize,
}

impl Default for SseLimits {
    fn default() -> Self {
        Self { line_bytes_max: 8 << 20, event_bytes_max: 8 << 20 }
    }
}

/// Why a stream could not be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// A line passed its limit.
    #[error("a line of the event stream is longer than {0} bytes")]
    LineTooLong(usize),
    /// An event passed its limit.
    #[error("an event of the stream is larger than {0} bytes")]
    EventTooLarge(usize),
    /// A line is not UTF-8.
    #[error("a line of the event stream is not UTF-8")]
    NotUtf8,
}

/// What a stream is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// An event.
    Event(Event),
    /// A comment, which servers send to keep a connection alive.
    Comment(String),
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its type, if it names one.
    pub event: Option<String>,
    /// Its data; lines are joined by `\n`. `None` where there was no `data` field.
    pub data: Option<String>,
    /// The id a client would resume from.
    pub id: Option<String>,
    /// The pause before a client reconnects, in milliseconds.
    pub retry: Option<u64>,
}

impl Event {
    /// An event with data only.
    pub fn of_data(data: impl Into<String>) -> Self {
        Self { data: Some(data.into()), ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads a stream of events.
///
/// ```
/// use bytes::BytesMut;
/// use hpol_proxy::llm::sse::{Decoder, Event, Frame, SseLimits};
/// let mut decoder = Decoder::new(SseLimits::default());
/// let mut buffer = BytesMut::from("data: one\n\ndata: tw");
/// assert_eq!(decoder.decode(&mut buffer), Ok(Some(Frame::Event(Event::of_data("one")))));
/// assert_eq!(decoder.decode(&mut buffer), Ok(None));
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: SseLimits,
    line: Vec<u8>,
    event: Event,
    event_bytes: usize,
    /// Nothing has been read yet, so a byte order mark may stand here.
    at_start: bool,
    /// The last line ended in CR, so a LF belongs to it.
    after_carriage_return: bool,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: SseLimits) -> Self {
        Self {
            limits,
            line: Vec::new(),
            event: Event::default(),
            event_bytes: 0,
            at_start: true,
            after_carriage_return: false,
        }
    }

    /// Takes bytes from the buffer until a frame is complete; `None` once the buffer is empty.
    ///
    /// # Errors
    ///
    /// A limit is passed or a line is not UTF-8. The stream cannot be read on after an error.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, SseError> {
        while !buffer.is_empty() {
            if self.after_carriage_return {
                self.after_carriage_return = false;
                if buffer.first() == Some(&b'\n') {
                    buffer.advance(1);
                    continue;
                }
            }
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let length = end.unwrap_or(buffer.len());
            if self.line.len() + length > self.limits.line_bytes_max {
                return Err(SseError::LineTooLong(self.limits.line_bytes_max));
            }
            self.line.extend_from_slice(&buffer.split_to(length));
            if end.is_none() {
                return Ok(None);
            }
            self.after_carriage_return = buffer.first() == Some(&b'\r');
            buffer.advance(1);
            if let Some(frame) = self.end_line()? {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// What an ended stream left unfinished. The standard has clients throw it away; a gateway must see it, because
    /// some clients do not.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    pub fn finish(mut self) -> Result<Option<Frame>, SseError> {
        if !self.line.is_empty()
            && let Some(frame) = self.end_line()?
        {
            return Ok(Some(frame));
        }
        Ok((!self.event.is_empty()).then_some(Frame::Event(self.event)))
    }

    fn end_line(&mut self) -> Result<Option<Frame>, SseError> {
        let line = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&line).map_err(|_| SseError::NotUtf8)?;
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.event_bytes = 0;
            let event = std::mem::take(&mut self.event);
            return Ok((!event.is_empty()).then_some(Frame::Event(event)));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        if name.is_empty() {
            return Ok(Some(Frame::Comment(value.to_owned())));
        }
        self.event_bytes += line.len();
        if self.event_bytes > self.limits.event_bytes_max {
            return Err(SseError::EventTooLarge(self.limits.event_bytes_max));
        }
        self.field(name, value);
        Ok(None)
    }

    fn field(&mut self, name: &str, value: &str) {
        match name {
            "event" => self.event.event = Some(value.to_owned()),
            "data" => match &mut self.event.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.event.data = Some(value.to_owned()),
            },
            // The standard ignores an id that holds a NUL, and a retry that is not all digits.
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => self.event.retry = value.parse().ok(),
            _ => {}
        }
    }
}

/// Writes a frame at the end of some bytes.
pub fn encode(frame: &Frame, out: &mut BytesMut) {
    match frame {
        Frame::Comment(text) => {
            for line in lines(text) {
                write_field(out, "", line);
            }
        }
        Frame::Event(event) => {
            if let Some(name) = &event.event {
                write_field(out, "event", lines(name).next().unwrap_or_default());
            }
            if let Some(id) = &event.id {
                write_field(out, "id", lines(id).next().unwrap_or_default());
            }
            if let Some(retry) = event.retry {
                write_field(out, "retry", &retry.to_string());
            }
            for line in event.data.as_deref().into_iter().flat_map(lines) {
                write_field(out, "data", line);
            }
        }
    }
    out.extend_from_slice(b"\n");
}

/// The lines of a text by any of the three line ends, so that no text can end a line of its own.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

fn write_field(out: &mut BytesMut, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\n");
}

/// Reads a whole stream held in memory: the entry for fuzzing and tests. The bytes are handed to the decoder in pieces
/// of the given size.
///
/// # Errors
///
/// As [`Decoder::decode`].
pub fn decode_all(bytes: &[u8], piece: usize, limits: SseLimits) -> Result<Vec<Frame>, SseError> {
    let mut decoder = Decoder::new(limits);
    let mut frames = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        let mut buffer = BytesMut::from(piece);
        while let Some(frame) = decoder.decode(&mut buffer)? {
            frames.push(frame);
        }
    }
    frames.extend(decoder.finish()?);
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &str = "\u{feff}: hello\r\nevent: a\r\ndata: {\"x\":\r\ndata:  1}\r\nid: 7\r\n\r\n\
        data\n\nretry: 250\rdata: é\r\r: bye\nunknown: x\n\ndata: last\n\n";

    fn frames() -> Vec<Frame> {
        vec![
            Frame::Comment("hello".into()),
            Frame::Event(Event {
                event: Some("a".into()),
                data: Some("{\"x\":\n 1}".into()),
                id: Some("7".into()),
                retry: None,
            }),
            Frame::Event(Event::of_data("")),
            Frame::Event(Event { retry: Some(250), ..Event::of_data("é") }),
            Frame::Comment("bye".into()),
            Frame::Event(Event::of_data("last")),
        ]
    }

    #[test]
    fn every_cut_gives_the_same_frames() {
        for cut in 0..=STREAM.len() {
            let (left, right) = STREAM.as_bytes().split_at(cut);
            let mut decoder = Decoder::new(SseLimits::default());
            let mut found = Vec::new();
            for piece in [left, right] {
                let mut buffer = BytesMut::from(piece);
                while let Some(frame) = decoder.decode(&mut buffer).expect("valid stream") {
                    found.push(frame);
                }
            }
            assert_eq!(found, frames(), "cut at {cut}");
            assert_eq!(decoder.finish(), Ok(None));
        }
    }

    #[test]
    fn every_truncation_gives_a_prefix_and_then_at_most_one_unfinished_frame() {
        for end in 0..STREAM.len() {
            let bytes = STREAM.as_bytes().get(..end).expect("within the stream");
            match decode_all(bytes, 1, SseLimits::default()) {
                Ok(found) => {
                    let complete = found.iter().zip(frames()).take_while(|(left, right)| **left == *right).count();
                    assert!(complete + 1 >= found.len(), "truncated at {end}: {found:?}");
                }
                // Cut inside a character.
                Err(error) => assert_eq!(error, SseError::NotUtf8, "truncated at {end}"),
            }
        }
    }

    #[test]
    fn a_line_without_end_is_refused_at_its_limit() {
        let limits = SseLimits { line_bytes_max: 16, event_bytes_max: 64 };
        for piece in [1, 5, 100] {
            assert_eq!(decode_all(&[b'x'; 17], piece, limits), Err(SseError::LineTooLong(16)), "pieces of {piece}");
        }
        assert_eq!(decode_all(&[b'x'; 16], 1, limits), Ok(vec![]));
    }

    #[test]
    fn an_event_of_many_lines_is_refused_at_its_limit() {
        let limits = SseLimits { line_bytes_max: 16, event_bytes_max: 64 };
        let stream = "data: 0123456\n".repeat(5);
        assert_eq!(decode_all(stream.as_bytes(), 3, limits), Err(SseError::EventTooLarge(64)));
    }

    #[test]
    fn a_line_end_in_a_comment_cannot_start_an_event() {
        let mut out = BytesMut::new();
        encode(&Frame::Comment("a\n\ndata: forged\r\rdata: forged".into()), &mut out);
        let found = decode_all(&out, 7, SseLimits::default()).expect("valid stream");
        assert!(found.iter().all(|frame| matches!(frame, Frame::Comment(_))), "{found:?}");
    }

    prop_compose! {
        fn any_event()(
            event in proptest::option::of("[a-zA-Z_.]{0,12}"),
            data in proptest::option::of("[^\r]{0,40}"),
            id in proptest::option::of("[^\r\n\0]{0,8}"),
            retry in proptest::option::of(any::<u64>()),
        ) -> Event {
            Event { event, data, id, retry }
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(events in proptest::collection::vec(any_event(), 0..5), piece in 1usize..9) {
            let mut out = BytesMut::new();
            for event in &events {
                encode(&Frame::Event(event.clone()), &mut out);
            }
            let expected: Vec<Frame> =
                events.into_iter().filter(|event| !event.is_empty()).map(Frame::Event).collect();
            prop_assert_eq!(decode_all(&out, piece, SseLimits::default()).expect("valid stream"), expected);
        }

        #[test]
        fn any_bytes_end_in_frames_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1usize..9) {
            let limits = SseLimits { line_bytes_max: 40, event_bytes_max: 60 };
            let whole = decode_all(&bytes, bytes.len(), limits);
            prop_assert_eq!(decode_all(&bytes, piece, limits), whole);
        }
    }
}
