//! Content encodings of bodies: what came compressed is decoded within limits, so that it can be read and masked. No IO.

use std::io::Write;

use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

/// Why a body could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// An encoding that is not known here, or several.
    #[error("content encoding `{0}` is not supported; use `gzip`, `deflate` or none")]
    UnsupportedEncoding(String),
    /// The bytes are not what the encoding says.
    #[error("the body is not valid `{0}`")]
    Malformed(&'static str),
    /// The decoded body is larger than allowed.
    #[error("the decoded body is larger than {0} bytes")]
    TooLarge(usize),
}

/// Decodes a body as its bytes come.
#[derive(Debug)]
pub struct BodyDecoder {
    kind: DecoderKind,
}

#[derive(Debug)]
enum DecoderKind {
    Identity,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// Whether the end of the data was read stands beside the decoder, which does not tell it by itself.
    Deflate(Box<Decompress>, bool),
}

/// Compressed bytes that are decoded at a time, so that a limit is noticed before memory fills.
const PIECE: usize = 4 << 10;

impl BodyDecoder {
    /// A decoder for the value of a `content-encoding` header.
    ///
    /// # Errors
    ///
    /// An encoding that is not known.
    pub fn new(encoding: Option<&str>) -> Result<Self, BodyError> {
        let encoding = encoding.unwrap_or("identity").trim().to_ascii_lowercase();
        let kind = match encoding.as_str() {
            "" | "identity" => DecoderKind::Identity,
            "gzip" | "x-gzip" => DecoderKind::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            "deflate" => DecoderKind::Deflate(Box::new(Decompress::new(true)), false),
            _ => return Err(BodyError::UnsupportedEncoding(encoding.chars().take(40).collect())),
        };
        Ok(Self { kind })
    }

    /// Whether bytes leave as they come.
    pub fn is_identity(&self) -> bool {
        matches!(self.kind, DecoderKind::Identity)
    }

    /// Decodes the next bytes; the result may be at most `limit` bytes long.
    ///
    /// # Errors
    ///
    /// Malformed bytes, or too many decoded ones.
    pub fn push(&mut self, bytes: &[u8], limit: usize) -> Result<Vec<u8>, BodyError> {
        let mut out = Vec::new();
        for piece in bytes.chunks(PIECE) {
            match &mut self.kind {
                DecoderKind::Identity => out.extend_from_slice(piece),
                DecoderKind::Gzip(decoder) => {
                    // What is decoded must leave at once, since a stream may pause behind it.
                    let written = decoder.write_all(piece).and_then(|()| decoder.flush());
                    written.map_err(|_| BodyError::Malformed("gzip"))?;
                    out.append(decoder.get_mut());
                }
                DecoderKind::Deflate(decoder, ended) => inflate(decoder, ended, piece, &mut out, limit)?,
            }
            if out.len() > limit {
                return Err(BodyError::TooLarge(limit));
            }
        }
        Ok(out)
    }

    /// Decodes what is left at the end of the body.
    ///
    /// # Errors
    ///
    /// A body that ended early.
    pub fn finish(self) -> Result<Vec<u8>, BodyError> {
        match self.kind {
            DecoderKind::Identity => Ok(Vec::new()),
            DecoderKind::Gzip(decoder) => decoder.finish().map_err(|_| BodyError::Malformed("gzip")),
            DecoderKind::Deflate(_, true) => Ok(Vec::new()),
            DecoderKind::Deflate(_, false) => Err(BodyError::Malformed("deflate")),
        }
    }
}

fn inflate(
    decoder: &mut Decompress,
    ended: &mut bool,
    mut piece: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), BodyError> {
    let malformed = || BodyError::Malformed("deflate");
    loop {
        if *ended {
            return if piece.is_empty() { Ok(()) } else { Err(malformed()) };
        }
        out.reserve(PIECE);
        let (read, written) = (decoder.total_in(), out.len());
        let status = decoder.decompress_vec(piece, out, FlushDecompress::None).map_err(|_| malformed())?;
        let taken = usize::try_from(decoder.total_in() - read).map_err(|_| malformed())?;
        piece = piece.get(taken..).unwrap_or_default();
        *ended = status == Status::StreamEnd;
        if out.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        // Nothing came of what was given: more must arrive first.
        if taken == 0 && out.len() == written {
            return if piece.is_empty() { Ok(()) } else { Err(malformed()) };
        }
    }
}

/// Decodes a whole body.
///
/// # Errors
///
/// An unknown encoding, malformed bytes, or a decoded body larger than `limit`.
pub fn decode_body(encoding: Option<&str>, bytes: &[u8], limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut decoder = BodyDecoder::new(encoding)?;
    let mut out = decoder.push(bytes, limit)?;
    out.extend(decoder.finish()?);
    if out.len() > limit { Err(BodyError::TooLarge(limit)) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    const TEXT: &[u8] = b"{\"model\":\"m\",\"input\":\"a text that is long enough to be compressed, compressed\"}";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("into memory");
        encoder.finish().expect("into memory")
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("into memory");
        encoder.finish().expect("into memory")
    }

    #[test]
    fn known_encodings_are_decoded() {
        assert_eq!(decode_body(None, TEXT, 1_000), Ok(TEXT.to_vec()));
        assert_eq!(decode_body(Some("GZIP"), &gzip(TEXT), 1_000), Ok(TEXT.to_vec()));
        assert_eq!(decode_body(Some("deflate"), &deflate(TEXT), 1_000), Ok(TEXT.to_vec()));
        let twice = [gzip(b"a"), gzip(b"b")].concat();
        assert_eq!(decode_body(Some("gzip"), &twice, 1_000), Ok(b"ab".to_vec()));
    }

    #[test]
    fn what_was_flushed_is_decoded_at_once() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(TEXT).and_then(|()| encoder.flush()).expect("into memory");
        let mut decoder = BodyDecoder::new(Some("gzip")).expect("a known encoding");
        assert_eq!(decoder.push(encoder.get_ref(), 1_000), Ok(TEXT.to_vec()));
    }

    #[test]
    fn every_truncation_is_an_error() {
        for (encoding, bytes) in [("gzip", gzip(TEXT)), ("deflate", deflate(TEXT))] {
            for end in 1..bytes.len() {
                let cut = bytes.get(..end).expect("within the bytes");
                assert!(decode_body(Some(encoding), cut, 1_000).is_err(), "{encoding} cut at {end}");
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![b'a'; 50 << 20]);
        assert!(bomb.len() < 100 << 10);
        assert_eq!(decode_body(Some("gzip"), &bomb, 1 << 20), Err(BodyError::TooLarge(1 << 20)));
    }

    #[test]
    fn unknown_and_stacked_encodings_are_refused() {
        for encoding in ["br", "zstd", "gzip, gzip", "x"] {
            let error = decode_body(Some(encoding), TEXT, 1_000).expect_err("not supported");
            assert_eq!(error, BodyError::UnsupportedEncoding(encoding.into()));
        }
    }
}
