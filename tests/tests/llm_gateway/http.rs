//! HTTP by hand: what no SDK would send, and what the providers tell tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::process::PATIENCE;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("JSON ({error}): {self:?}"))
    }

    /// The code of the error that this is.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("an error with a code: {self:?}")).to_owned()
    }
}

/// Sends a request with these headers and reads the answer to the end of the connection.
pub(crate) fn send(address: &str, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let length = body.len().to_string();
    let mut all = headers.to_vec();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        all.push(("content-length", &length));
    }
    let mut reader = open(address, line, &all, body);
    let mut text = Vec::new();
    reader.read_to_end(&mut text).expect("an answer");
    let text = String::from_utf8(text).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("a head: {text}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.expect("a status"), head: head.to_lowercase(), body: body.to_owned() }
}

/// Sends a request and leaves the connection open to be read line by line.
pub(crate) fn open(address: &str, line: &str, headers: &[(&str, &str)], body: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    let mut head = format!("{line}\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).expect("it reads");
    BufReader::new(stream)
}

/// Reads lines until so many of them hold `word`.
pub(crate) fn read_until(reader: &mut BufReader<TcpStream>, word: &str, count: usize) {
    let mut found = 0;
    while found < count {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).expect("a line"), 0, "the answer ended before `{word}` came");
        found += usize::from(line.contains(word));
    }
}
