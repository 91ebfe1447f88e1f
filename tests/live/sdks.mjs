// Anthropic's and OpenAI's SDKs for JavaScript against a gateway: URL and KEY are arguments. Prints one JSON object.
import { createRequire } from "node:module";
const require = createRequire(process.cwd() + "/");
const { Anthropic } = require("@anthropic-ai/sdk");
const { OpenAI } = require("openai");

const [url, key] = process.argv.slice(2);
const anthropic = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const messages = [{ role: "user", content: "Say hello." }];
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = ["get_weather", "get_forecast"].map((name) => ({ name, input_schema: schema }));
const functions = tools.map(({ name }) => ({ type: "function", function: { name, parameters: schema } }));
const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const found = {};

for (const side of ["a", "o"]) {
  const body = (name, more) => ({ model: `${side}-${name}`, max_tokens: 2000, messages, ...more });
  const text = (message) => message.content.map((block) => block.text ?? "").join("");
  const whole = await anthropic.messages.create(body("ok"));
  const streamed = await anthropic.messages.stream(body("ok")).finalMessage();
  const kinds = [];
  for await (const event of await anthropic.messages.create(body("ok", { stream: true }))) kinds.push(event.type);
  const calling = side === "a" ? "tools" : "tools_parallel";
  const called = await anthropic.messages.stream(body(calling, { tools })).finalMessage();
  const calls = called.content.filter((block) => block.type === "tool_use");
  const results = calls.map((call) => ({ type: "tool_result", tool_use_id: call.id, content: "18" }));
  const turns = [...messages, { role: "assistant", content: called.content }, { role: "user", content: results }];
  const after = await anthropic.messages.create(body("ok", { tools, messages: turns }));
  const thinking = { type: "enabled", budget_tokens: 1024 };
  const thought = await anthropic.messages
    .stream(body(side === "a" ? "thinking" : "reasoning", { thinking }))
    .finalMessage();
  const source = { type: "base64", media_type: "image/png", data: pixel };
  const seen = await anthropic.messages.create(
    body("ok", { messages: [{ role: "user", content: [{ type: "image", source }, { type: "text", text: "What?" }] }] }),
  );
  const counted = await anthropic.messages.countTokens({ model: `${side}-ok`, messages });
  const beta = await anthropic.beta.messages.create(body("ok", { betas: ["context-management-2025-06-27"] }));
  let error;
  try {
    await anthropic.messages.create(body("rate_limit_429-7"));
  } catch (problem) {
    error = [problem.constructor.name, problem.status, problem.error?.error?.type];
  }
  let broken = false;
  try {
    await anthropic.messages.stream(body("cut_after")).finalMessage();
  } catch (problem) {
    broken = true;
  }
  found[side] = {
    whole: text(whole),
    streamed: text(streamed),
    first: kinds[0],
    last: kinds[kinds.length - 1],
    calls: calls.map((call) => [call.name, typeof call.input.city]),
    after: after.stop_reason,
    thought: thought.content.map((block) => block.type),
    seen: text(seen).endsWith("What?"),
    counted: counted.input_tokens > 0,
    beta: beta.stop_reason,
    error,
    broken,
  };
}

const completion = await openai.chat.completions.create({ model: "a-ok", messages });
const stream = openai.chat.completions.stream({ model: "a-tools", messages, tools: functions });
const final = await stream.finalChatCompletion();
found.openai = {
  whole: completion.choices[0].message.content,
  calls: final.choices[0].message.tool_calls.map((call) => JSON.parse(call.function.arguments)),
};
console.log(JSON.stringify(found));
