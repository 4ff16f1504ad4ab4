// Clients of the TypeScript SDK, one for each protocol version, told of tools that come and go.
//   node mcp_client.js VERSION,... http URL | stdio COMMAND ARGUMENT...
// Writes JSON lines: what each finds at its start, then the names of the tools whenever it is told. Ends with its input.
"use strict";
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { ToolListChangedNotificationSchema } = require("@modelcontextprotocol/sdk/types.js");

const [versions, road, ...where] = process.argv.slice(2);

function transport(version) {
  const [command, ...args] = where;
  const made =
    road === "http"
      ? new StreamableHTTPClientTransport(new URL(command), { fetch: noticing })
      : new StdioClientTransport({ command, args, env: process.env });
  const send = made.send.bind(made);
  made.send = (message, options) => {
    // the SDK asks for its newest version, a client of before for its own
    if (message.method === "initialize") message.params.protocolVersion = version;
    return send(message, options);
  };
  const agree = made.setProtocolVersion?.bind(made);
  made.setProtocolVersion = (agreed) => {
    made.agreed = agreed;
    agree?.(agreed);
  };
  return made;

  // Over HTTP a client is told on a stream that it opens by itself, after the handshake.
  async function noticing(url, init) {
    const answer = await fetch(url, init);
    if (init.method === "GET") made.listens();
    return answer;
  }
}

async function follow(version) {
  const client = new Client({ name: "foreign", version: "1" });
  const tell = (told) => console.log(JSON.stringify({ version, ...told }));
  const names = async () => (await client.listTools()).tools.map((tool) => tool.name);
  client.setNotificationHandler(ToolListChangedNotificationSchema, async () => tell({ tools: await names() }));
  const wire = transport(version);
  const listening = new Promise((done) => (wire.listens = done));
  await client.connect(wire);
  if (road === "http") await listening;
  const tools = await names();
  const state = await client.callTool({ name: "state", arguments: {} }); // held against its schema
  const refused = await client.callTool({ name: "read", arguments: { tool: "nothing" } });
  tell({
    agreed: wire.agreed,
    promised: client.getServerCapabilities().tools.listChanged,
    tools,
    state,
    refused: refused.isError,
  });
  return client;
}

async function main() {
  const clients = await Promise.all(versions.split(",").map(follow));
  for await (const _ of process.stdin);
  await Promise.all(clients.map((client) => client.close()));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
