//! Requests of `POST /v1/responses`.

use hpol_lang::value::JsonTree;

use super::codec::{DecodeError, array_field, bool_field, content, integer_field, member, text_field, tool};
use super::message::{LlmRequest, Message, Part, ToolCall, ToolOutput};

/// Items whose texts need no field of their own: policies find them in `texts`.
const OTHER_ITEMS: [&str; 18] = [
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction",
    "computer_call",
    "computer_call_output",
    "file_search_call",
    "image_generation_call",
    "item_reference",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_list_tools",
    "reasoning",
    "shell_call",
    "shell_call_output",
    "web_search_call",
];

pub(super) fn decode(body: &JsonTree, request: &mut LlmRequest) -> Result<(), DecodeError> {
    request.background = bool_field(body, "background")?.unwrap_or(false);
    request.previous_response_id = text_field(body, "previous_response_id")?;
    request.max_output_tokens = integer_field(body, "max_output_tokens")?;
    request.conversation = id_field(body, "conversation")?;
    request.prompt_id = id_field(body, "prompt")?;
    match member(body, "instructions") {
        None => {}
        Some(JsonTree::String(text)) => request.instructions = Some(text.clone()),
        Some(_) => return Err(DecodeError::field("instructions", "a string")),
    }
    match member(body, "input") {
        None => {}
        Some(JsonTree::String(text)) => {
            request.messages.push(Message { role: "user".to_owned(), parts: vec![Part::text(text)] });
        }
        Some(JsonTree::Array(items)) => items.iter().try_for_each(|tree| item(tree, request))?,
        Some(_) => return Err(DecodeError::field("input", "a string or an array of items")),
    }
    request.tools = array_field(body, "tools")?.iter().map(tool).collect::<Result<_, _>>()?;
    Ok(())
}

/// A text, or an object with an `id`.
fn id_field(body: &JsonTree, name: &str) -> Result<Option<String>, DecodeError> {
    match member(body, name) {
        Some(tree @ JsonTree::Object(_)) => text_field(tree, "id"),
        _ => text_field(body, name),
    }
}

fn item(tree: &JsonTree, request: &mut LlmRequest) -> Result<(), DecodeError> {
    if !matches!(tree, JsonTree::Object(_)) {
        return Err(DecodeError::field("input", "a string or an array of objects"));
    }
    let kind = text_field(tree, "type")?;
    let role = text_field(tree, "role")?;
    match kind.as_deref() {
        None | Some("message") => {
            let parts = content(tree.get("content"), request)?;
            let role = role.ok_or_else(|| DecodeError::field("role", "a string in each message"))?;
            request.messages.push(Message { role, parts });
        }
        Some("function_call" | "mcp_call") => call(tree, "arguments", request)?,
        Some("custom_tool_call") => call(tree, "input", request)?,
        Some("function_call_output" | "custom_tool_call_output") => {
            let parts = content(tree.get("output"), request)?;
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.text.as_deref()).collect();
            let output = ToolOutput { call_id: text_field(tree, "call_id")?, text: texts.join("\n") };
            request.tool_outputs.push(output);
        }
        Some(kind) if OTHER_ITEMS.contains(&kind) => {}
        Some(kind) => request.note_unknown(kind),
    }
    Ok(())
}

fn call(tree: &JsonTree, arguments: &str, request: &mut LlmRequest) -> Result<(), DecodeError> {
    // A call at an MCP server carries its output in the same item.
    let call_id = text_field(tree, "call_id")?.or(text_field(tree, "id")?);
    if let Some(text) = member(tree, "output").and_then(JsonTree::as_str) {
        request.tool_outputs.push(ToolOutput { call_id: call_id.clone(), text: text.to_owned() });
    }
    request.tool_calls.push(ToolCall {
        call_id,
        name: text_field(tree, "name")?,
        arguments: text_field(tree, arguments)?.unwrap_or_default(),
    });
    Ok(())
}
