import { streamGguf } from "../../../adapters/gguf/index.ts";

// Writes half of a file, says so and never ends: for a test that kills it.
const half = new Uint8Array(1_000_000);
await streamGguf(process.argv[2]!, [], [{ name: "a", type: "I8", shape: [2 * half.length] }], (write) =>
  write(
    "a",
    (async function* () {
      yield half;
      process.stdout.write("half\n");
      await new Promise((resolve) => setTimeout(resolve, 2 ** 31 - 1));
    })(),
  ),
);
