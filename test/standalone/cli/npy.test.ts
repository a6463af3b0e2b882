import fc from "fast-check";
import { expect, test } from "vitest";
import { numbersToNpy, stringsToNpy } from "../../../cli/tokens/npy.ts";
import { readNpy } from "./read-npz.ts";

test("a float array, byte for byte as numpy 2 writes it", () => {
  const bytes = numbersToNpy(Float32Array.of(1, -2), [1, 2]);
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }".padEnd(117);
  expect(Buffer.from(bytes).toString("latin1")).toBe(
    `\u0093NUMPY\u0001\u0000v\u0000${header}\n\u0000\u0000\u0080?\u0000\u0000\u0000\u00c0`,
  );
});

test("numbers come back, also from a view into a larger buffer", () => {
  fc.assert(
    fc.property(fc.int32Array({ maxLength: 20 }), (values) => {
      const view = Int32Array.of(7, ...values).subarray(1);
      expect(readNpy(numbersToNpy(view, [values.length]))).toEqual({
        descr: "<i4",
        shape: [values.length],
        data: values,
      });
    }),
  );
});

test("strings come back whatever their length and script", () => {
  // NUL is what pads a string, so no format of numpy's keeps one at the end; paths have none.
  const path = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\u0000"));
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 5 }), (paths) => {
      expect(readNpy(stringsToNpy(paths)).data).toEqual(paths);
    }),
  );
});
