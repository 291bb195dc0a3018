//! Requests of `POST /v1/chat/completions`.

use hpol_lang::value::JsonTree;

use super::codec::{DecodeError, array_field, content, integer_field, member, text_field, tool};
use super::message::{LlmRequest, Message, Part, Tool, ToolCall, ToolOutput};

pub(super) fn decode(body: &JsonTree, request: &mut LlmRequest) -> Result<(), DecodeError> {
    request.max_output_tokens = integer_field(body, "max_completion_tokens")?.or(integer_field(body, "max_tokens")?);
    request.audio_output = member(body, "audio").is_some()
        || array_field(body, "modalities")?.iter().any(|modality| modality.as_str() == Some("audio"));
    if member(body, "messages").is_none() {
        return Err(DecodeError::Missing("messages"));
    }
    for tree in array_field(body, "messages")? {
        message(tree, request)?;
    }
    request.tools = array_field(body, "tools")?.iter().map(tool).collect::<Result<_, _>>()?;
    for function in array_field(body, "functions")? {
        let name = text_field(function, "name")?;
        request.tools.push(Tool { kind: "function".to_owned(), name, server_url: None, hosted: false });
    }
    if member(body, "web_search_options").is_some() {
        request.tools.push(Tool { kind: "web_search".to_owned(), name: None, server_url: None, hosted: true });
    }
    Ok(())
}

fn message(tree: &JsonTree, request: &mut LlmRequest) -> Result<(), DecodeError> {
    let role = text_field(tree, "role")?.ok_or_else(|| DecodeError::field("role", "a string in each message"))?;
    let mut parts = content(tree.get("content"), request)?;
    if let Some(refusal) = text_field(tree, "refusal")? {
        parts.push(Part { kind: "refusal", text: Some(refusal), ..Part::default() });
    }
    if matches!(role.as_str(), "tool" | "function") {
        let texts: Vec<&str> = parts.iter().filter_map(|part| part.text.as_deref()).collect();
        let output = ToolOutput { call_id: text_field(tree, "tool_call_id")?, text: texts.join("\n") };
        request.tool_outputs.push(output);
    }
    for call in array_field(tree, "tool_calls")? {
        tool_call(call, request)?;
    }
    if let Some(call) = member(tree, "function_call") {
        let arguments = text_field(call, "arguments")?.unwrap_or_default();
        request.tool_calls.push(ToolCall { call_id: None, name: text_field(call, "name")?, arguments });
    }
    request.messages.push(Message { role, parts });
    Ok(())
}

fn tool_call(tree: &JsonTree, request: &mut LlmRequest) -> Result<(), DecodeError> {
    let kind = text_field(tree, "type")?.unwrap_or_else(|| "function".to_owned());
    let (call, arguments) = match kind.as_str() {
        "function" => (member(tree, "function"), "arguments"),
        "custom" => (member(tree, "custom"), "input"),
        unknown => {
            request.note_unknown(unknown);
            return Ok(());
        }
    };
    let call = call.ok_or_else(|| DecodeError::field("tool_calls", "an array of calls with a `function`"))?;
    request.tool_calls.push(ToolCall {
        call_id: text_field(tree, "id")?,
        name: text_field(call, "name")?,
        arguments: text_field(call, arguments)?.unwrap_or_default(),
    });
    Ok(())
}
