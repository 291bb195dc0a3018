// One conversation through the Agents SDK for JavaScript; prints what the program saw as one line of JSON.
// Usage: node agents_client.mjs PROMPT [--stream] [--model M] [--tool NAME] [--chat]
// OPENAI_BASE_URL and OPENAI_API_KEY say where and who, as in any program of a user's.
import { parseArgs } from "node:util";
import { Agent, run, setOpenAIAPI, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    stream: { type: "boolean", default: false },
    model: { type: "string", default: "gpt-4o" },
    tool: { type: "string", multiple: true, default: [] },
    chat: { type: "boolean", default: false },
  },
});

const TOOLS = {
  delete_customer: tool({
    name: "delete_customer",
    description: "Deletes a customer.",
    parameters: z.object({ customer: z.string() }),
    execute: async ({ customer }) => `deleted ${customer}`,
  }),
  get_weather: tool({
    name: "get_weather",
    description: "Tells the weather.",
    parameters: z.object({ city: z.string() }),
    execute: async ({ city }) => `sunny in ${city}`,
  }),
};

setTracingDisabled(true);
setOpenAIAPI(values.chat ? "chat_completions" : "responses");
const agent = new Agent({
  name: "assistant",
  instructions: "Answer briefly.",
  model: values.model,
  tools: values.tool.map((name) => TOOLS[name]),
});
const seen = { text: null, streamed: "", error: null };
try {
  if (values.stream) {
    const result = await run(agent, positionals[0], { stream: true });
    for await (const piece of result.toTextStream()) {
      seen.streamed += piece;
    }
    await result.completed;
    seen.text = result.finalOutput;
  } else {
    seen.text = (await run(agent, positionals[0])).finalOutput;
  }
} catch (error) {
  seen.error = {
    class: error?.constructor?.name,
    typed: error instanceof OpenAI.APIError,
    status: error?.status ?? null,
    code: error?.code ?? null,
    type: error?.type ?? null,
    message: String(error?.message ?? error),
  };
}
console.log(JSON.stringify(seen));
