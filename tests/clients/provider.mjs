// Starts the mock provider on a free port and prints its address as one line of JSON.
// Usage: node provider.mjs FIXTURES.json KEY
// It answers only who sends KEY.
import { LLMock } from "@copilotkit/aimock";

const provider = new LLMock({
  host: "127.0.0.1",
  port: 0,
  auth: { apiKeys: [process.argv[3]] },
  chunkSize: 3,
  strict: true,
  logLevel: "warn",
});
provider.loadFixtureFile(process.argv[2]);
await provider.start();
console.log(JSON.stringify({ url: provider.url }));
// The test closes this process's standard input when it is done, also when it fails.
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
