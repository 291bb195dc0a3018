//! A call of a language model, as a policy sees it: one shape for both protocols of `llm.Request`.

use serde::Serialize;

/// The protocol of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/responses`.
    Responses,
    /// `POST /v1/chat/completions`.
    ChatCompletions,
}

impl Endpoint {
    /// The name policies know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Responses => "responses",
            Self::ChatCompletions => "chat.completions",
        }
    }

    /// The endpoint of a path.
    pub fn of_path(path: &str) -> Option<Self> {
        match path {
            "/v1/responses" => Some(Self::Responses),
            "/v1/chat/completions" => Some(Self::ChatCompletions),
            _ => None,
        }
    }

    /// Whether a path is not an endpoint's but could be taken for it by a server that is lenient about case and
    /// slashes. Such a path would be decided as plain HTTP and be served as a call of a model.
    pub fn is_near(path: &str) -> bool {
        let trimmed = path.trim_end_matches('/').to_ascii_lowercase();
        Self::of_path(&trimmed).is_some() && Self::of_path(path).is_none()
    }
}

/// A call of a language model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LlmRequest {
    /// Which protocol it speaks.
    pub endpoint: Endpoint,
    /// The model asked for.
    pub model: Option<String>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the provider is to work on it without the client waiting.
    pub background: bool,
    /// Whether the provider is asked to keep the answer.
    pub store: Option<bool>,
    /// The `instructions` field; instructions in messages are added for the policy.
    pub instructions: Option<String>,
    /// Messages in order.
    pub messages: Vec<Message>,
    /// Tools offered to the model.
    pub tools: Vec<Tool>,
    /// Calls the model made earlier.
    pub tool_calls: Vec<ToolCall>,
    /// What tools gave back.
    pub tool_outputs: Vec<ToolOutput>,
    /// Kinds of items and parts that are not known here.
    pub unknown_kinds: Vec<String>,
    /// The answer that is continued.
    pub previous_response_id: Option<String>,
    /// The conversation that is continued.
    pub conversation: Option<String>,
    /// The stored prompt.
    pub prompt_id: Option<String>,
    /// Most tokens of the answer.
    pub max_output_tokens: Option<i64>,
    /// Whether the answer is asked for as sound, whose words no text mask reaches.
    pub audio_output: bool,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Who speaks.
    pub role: String,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Part {
    /// `text`, `refusal`, `image`, `audio`, `file`, `unknown`.
    pub kind: &'static str,
    /// Its text.
    pub text: Option<String>,
    /// Where it is fetched from.
    pub url: Option<String>,
    /// Name of the file.
    pub filename: Option<String>,
    /// Id of the file.
    pub file_id: Option<String>,
}

impl Part {
    /// A part of text.
    pub fn text(text: &str) -> Self {
        Self { kind: "text", text: Some(text.to_owned()), ..Self::default() }
    }
}

/// A tool offered to the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// Its kind, as written.
    pub kind: String,
    /// Its name.
    pub name: Option<String>,
    /// Address of its server.
    pub server_url: Option<String>,
    /// Whether it runs at the provider.
    pub hosted: bool,
}

/// A call the model made earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolCall {
    /// Its id.
    pub call_id: Option<String>,
    /// The tool.
    pub name: Option<String>,
    /// Its arguments.
    pub arguments: String,
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolOutput {
    /// Id of the call.
    pub call_id: Option<String>,
    /// Its text.
    pub text: String,
}

impl LlmRequest {
    /// A request of an endpoint about which nothing is known yet.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            model: None,
            stream: false,
            background: false,
            store: None,
            instructions: None,
            messages: Vec::new(),
            tools: Vec::new(),
            tool_calls: Vec::new(),
            tool_outputs: Vec::new(),
            unknown_kinds: Vec::new(),
            previous_response_id: None,
            conversation: None,
            prompt_id: None,
            max_output_tokens: None,
            audio_output: false,
        }
    }

    /// Notes a kind that is not known here, once.
    pub fn note_unknown(&mut self, kind: &str) {
        let kind: String = kind.chars().take(100).collect();
        if !self.unknown_kinds.contains(&kind) {
            self.unknown_kinds.push(kind);
        }
    }

    /// The system's instructions, wherever they stand.
    pub(crate) fn all_instructions(&self) -> Option<String> {
        let spoken = self.messages.iter().filter(|message| matches!(message.role.as_str(), "system" | "developer"));
        let texts: Vec<String> = self.instructions.iter().cloned().chain(spoken.map(Message::text)).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    }
}

impl Message {
    /// Its texts, a line each.
    pub(crate) fn text(&self) -> String {
        let texts: Vec<&str> = self.parts.iter().filter_map(|part| part.text.as_deref()).collect();
        texts.join("\n")
    }
}
