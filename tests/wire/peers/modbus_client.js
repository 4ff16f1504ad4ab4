// A client on modbus-serial: acts as JSON on the command line, results as JSON lines.
//   node modbus_client.js tcp PORT UNIT | gateway PORT UNIT | rtu DEVICE UNIT, then [["readHoldingRegisters", 0, 6], ...]
"use strict";
const ModbusRTU = require("modbus-serial");

async function main() {
  const [kind, where, unit, acts] = process.argv.slice(2);
  const client = new ModbusRTU();
  if (kind === "tcp") await client.connectTCP("127.0.0.1", { port: Number(where) });
  else if (kind === "gateway") await client.connectTelnet("127.0.0.1", { port: Number(where) }); // RTU on TCP
  else await client.connectRTUBuffered(where, { baudRate: 115200, parity: "none" });
  client.setID(Number(unit));
  client.setTimeout(2000);
  for (const [name, ...args] of JSON.parse(acts)) {
    try {
      const { data, address, state, value } = await client[name](...args);
      console.log(JSON.stringify({ data, address, state, value }));
    } catch (error) {
      console.log(JSON.stringify({ error: String(error.message), code: error.modbusCode }));
    }
  }
  await new Promise((done) => client.close(done));
}

main().catch((error) => {
  console.log(JSON.stringify({ error: String(error.message || error) }));
  process.exit(1);
});
