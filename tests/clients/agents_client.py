"""One conversation through the OpenAI SDKs for Python; prints what the program saw as one line of JSON.

Usage: agents_client.py KIND PROMPT [--stream] [--model M] [--tool NAME] [--timeout SECONDS] [--stop-after CHARACTERS]
KIND: agents (Agents SDK over Responses), agents-chat (Agents SDK over Chat Completions), responses, chat (plain SDK).
OPENAI_BASE_URL and OPENAI_API_KEY say where and who, as in any program of a user's.
"""

import argparse
import asyncio
import json

import openai
from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai.types.responses import ResponseTextDeltaEvent


@function_tool
def delete_customer(customer: str) -> str:
    """Deletes a customer."""
    return f"deleted {customer}"


@function_tool
def get_weather(city: str) -> str:
    """Tells the weather."""
    return f"sunny in {city}"


TOOLS = {"delete_customer": delete_customer, "get_weather": get_weather}


async def run_agent(client, options, seen):
    model_class = OpenAIChatCompletionsModel if options.kind == "agents-chat" else OpenAIResponsesModel
    agent = Agent(
        name="assistant",
        instructions="Answer briefly.",
        model=model_class(model=options.model, openai_client=client),
        tools=[TOOLS[name] for name in options.tool],
    )
    if not options.stream:
        result = await Runner.run(agent, options.prompt)
        seen["text"] = result.final_output
        return
    result = Runner.run_streamed(agent, options.prompt)
    async for event in result.stream_events():
        if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent):
            seen["streamed"] += event.data.delta
            if options.stop_after and len(seen["streamed"]) >= options.stop_after:
                return
    seen["text"] = result.final_output


async def run_responses(client, options, seen):
    if not options.stream:
        response = await client.responses.create(model=options.model, input=options.prompt)
        seen["text"] = response.output_text
        return
    stream = await client.responses.create(model=options.model, input=options.prompt, stream=True)
    async for event in stream:
        seen["events"].append(event.type)
        if event.type == "response.output_text.delta":
            seen["streamed"] += event.delta
            if options.stop_after and len(seen["streamed"]) >= options.stop_after:
                await stream.close()
                return
        if event.type == "response.completed":
            seen["text"] = event.response.output_text


async def run_chat(client, options, seen):
    messages = [{"role": "user", "content": options.prompt}]
    if not options.stream:
        completion = await client.chat.completions.create(model=options.model, messages=messages)
        seen["text"] = completion.choices[0].message.content
        return
    stream = await client.chat.completions.create(model=options.model, messages=messages, stream=True)
    async for chunk in stream:
        for choice in chunk.choices:
            seen["streamed"] += choice.delta.content or ""
        if options.stop_after and len(seen["streamed"]) >= options.stop_after:
            await stream.close()
            return
    seen["text"] = seen["streamed"]


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["agents", "agents-chat", "responses", "chat"])
    parser.add_argument("prompt")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--model", default="gpt-4o")
    parser.add_argument("--tool", action="append", default=[])
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--stop-after", type=int, default=0)
    options = parser.parse_args()
    set_tracing_disabled(True)
    client = openai.AsyncOpenAI(timeout=options.timeout)
    seen = {"text": None, "streamed": "", "events": [], "error": None}
    run = {"responses": run_responses, "chat": run_chat}.get(options.kind, run_agent)
    try:
        await run(client, options, seen)
    except openai.APIStatusError as error:
        seen["error"] = {
            "class": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "type": error.type,
            "message": error.message,
        }
    except openai.APIError as error:
        seen["error"] = {"class": type(error).__name__, "code": error.code, "type": error.type, "message": error.message}
    print(json.dumps(seen))


asyncio.run(main())
