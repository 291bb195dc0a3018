//! Processes of the tests: services that run until their standard input closes, and clients that run once.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

/// Longest wait for anything; a machine under load takes long to start an interpreter.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Time between two looks at a state that nobody announces.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The folder of the clients and providers.
pub(crate) fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// Looks until there is something to see.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(LOOK_INTERVAL);
    }
}

/// A process that tells about itself line by line, and ends with its standard input.
pub(crate) struct Service {
    child: Child,
    input: Mutex<Option<ChildStdin>>,
    lines: Mutex<Receiver<String>>,
}

impl Service {
    /// Starts one; its errors show in the output of the test.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start ({error}); run `./test`"));
        let output = child.stdout.take().expect("its output is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let input = Mutex::new(child.stdin.take());
        Self { child, input, lines: Mutex::new(lines) }
    }

    /// A script of `tests/clients`.
    pub(crate) fn node(arguments: &[&str]) -> Self {
        Self::start(Command::new(node()).args(arguments).current_dir(clients()))
    }

    /// The next line it prints.
    pub(crate) fn line(&self) -> String {
        let lines = self.lines.lock().expect("no test fails while it holds this");
        lines.recv_timeout(PATIENCE).expect("the process says something")
    }

    /// The next line of JSON it prints. Libraries print warnings of their own between them.
    pub(crate) fn json(&self) -> Value {
        loop {
            if let Ok(value @ Value::Object(_)) = serde_json::from_str(&self.line()) {
                return value;
            }
        }
    }

    /// Writes a line to it.
    pub(crate) fn tell(&self, line: &str) {
        let mut input = self.input.lock().expect("no test fails while it holds this");
        writeln!(input.as_mut().expect("it is open"), "{line}").expect("the process reads");
    }

    /// Asks it to end as the system would, and waits until it has.
    pub(crate) fn terminate(&mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(asked.success(), "the process ran until now");
        let status = wait_for("the process to end", || self.child.try_wait().expect("a child can be asked"));
        assert!(status.success(), "the process ended with {status}");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.input.lock().map(|mut input| input.take()));
        // The gateway does not read its input. After a test that failed it still runs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program that used an SDK saw.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    /// The whole answer.
    pub(crate) text: Option<String>,
    /// The answer as it came piece by piece.
    pub(crate) streamed: String,
    /// Names of the events, for the plain client of Responses.
    #[serde(default)]
    pub(crate) events: Vec<String>,
    /// The error that the SDK raised.
    pub(crate) error: Option<SeenError>,
}

/// An error as an SDK gives it to a program.
#[derive(Debug, Deserialize)]
pub(crate) struct SeenError {
    pub(crate) class: String,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
}

impl Seen {
    /// The error; there must be one.
    pub(crate) fn failed(&self) -> &SeenError {
        self.error.as_ref().unwrap_or_else(|| panic!("there is an error: {self:?}"))
    }

    /// The answer; there must be one, and no error.
    pub(crate) fn answered(&self) -> &str {
        assert!(self.error.is_none(), "{self:?}");
        self.text.as_deref().unwrap_or_else(|| panic!("there is an answer: {self:?}"))
    }
}

/// A client that runs.
pub(crate) struct Client {
    command: String,
    child: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
}

impl Client {
    /// Starts a program with an address and a token, the only things of it that know of a gateway.
    pub(crate) fn start(command: &mut Command, base_url: &str, token: &str) -> Self {
        let shown = format!("{command:?}");
        let mut child = command
            .current_dir(clients())
            .env("OPENAI_BASE_URL", base_url)
            .env("OPENAI_API_KEY", token)
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{shown} does not start ({error}); run `./test`"));
        let output = collect(child.stdout.take().expect("its output is piped"));
        let errors = collect(child.stderr.take().expect("its errors are piped"));
        Self { command: shown, child, output, errors }
    }

    /// Waits for its end and reads what it saw.
    pub(crate) fn seen(mut self) -> Seen {
        let output = self.output.recv_timeout(PATIENCE);
        let _ = self.child.kill();
        let _ = self.child.wait();
        let output = output.unwrap_or_else(|_| panic!("{} does not end", self.command));
        serde_json::from_str(&output).unwrap_or_else(|error| {
            let errors = self.errors.recv_timeout(PATIENCE).unwrap_or_default();
            panic!("{} printed no JSON ({error}): {output}\n{errors}", self.command)
        })
    }
}

fn collect(mut from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = from.read_to_end(&mut text);
        sender.send(String::from_utf8_lossy(&text).into_owned())
    });
    receiver
}

/// The Node.js that the clients bring.
pub(crate) fn node() -> PathBuf {
    clients().join("node_modules/.bin/node")
}

/// The Python that has the clients.
pub(crate) fn python() -> PathBuf {
    clients().join(".venv/bin/python")
}
