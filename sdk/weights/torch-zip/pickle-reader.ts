import { expectedBut, type VqraeError } from "../../errors.ts";
import { MAX_CONTAINERS, MAX_OPERATIONS, MAX_STACK } from "./limits.ts";
import { meaningOf, type Pickled, PickledDict, PickledGlobal, PickledObject, storageOf } from "./pickle-values.ts";

/** Between two of them other work may be done. */
const STEP = 20_000;

const letter = (text: string): number => text.charCodeAt(0);

/** Of whole numbers that do not fit a double: nothing that is read here needs one. */
const WIDE = "a number of more than 53 bits";

type Operation = (pickle: PickleReader) => void;

/**
 * Reads a pickle (pickletools.py, protocols 2 to 5) without ever calling anything: a global is a name, and what it would be
 * called with is dropped but for the few of `meaningOf`. Opcodes that Python's pickler does not write for tensors, dictionaries and
 * plain values are refused.
 *
 * @throws (of `read`) INVALID_CHECKPOINT naming the file and the byte
 */
export class PickleReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #subject: string;
  readonly #stack: Pickled[] = [];
  /** Where each mark stands on the stack. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Pickled>();
  #at = 0;
  #containers = 0;
  #result: Pickled | undefined;

  constructor(bytes: Uint8Array, subject: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#subject = subject;
  }

  /** It yields now and then, where other work may be done. */
  *read(): Generator<void, Pickled> {
    for (let count = 1; this.#result === undefined; count++) {
      if (count > MAX_OPERATIONS) throw this.invalid(`at most ${MAX_OPERATIONS} operations`, "more");
      if (this.#stack.length > MAX_STACK) throw this.invalid(`at most ${MAX_STACK} values on its stack`, "more");
      const at = this.#at;
      const code = this.unsigned(1);
      const operation = operations.get(code);
      if (!operation) {
        const shown = `opcode 0x${code.toString(16).padStart(2, "0")} at byte ${at}`;
        throw this.invalid("opcodes that dictionaries of tensors are made of", shown);
      }
      operation(this);
      if (count % STEP === 0) yield;
    }
    return this.#result;
  }

  invalid(what: string, received: string): VqraeError {
    return expectedBut("INVALID_CHECKPOINT", what, this.#subject, received);
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length)
      throw this.invalid(`${length} bytes at ${this.#at}`, `an end at ${this.#bytes.length}`);
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** Little-endian. */
  unsigned(length: 1 | 2 | 4 | 8): number {
    const at = this.#at;
    this.take(length);
    if (length === 1) return this.#view.getUint8(at);
    if (length === 2) return this.#view.getUint16(at, true);
    return length === 4 ? this.#view.getUint32(at, true) : Number(this.#view.getBigUint64(at, true));
  }

  signed(): number {
    this.take(4);
    return this.#view.getInt32(this.#at - 4, true);
  }

  float(): number {
    this.take(8);
    return this.#view.getFloat64(this.#at - 8); // big-endian, alone among the numbers
  }

  /** Two's complement, little-endian. */
  long(length: number): Pickled {
    const bytes = this.take(length);
    if (length > 8) return new PickledObject(WIDE);
    let value = 0n;
    for (const [i, byte] of bytes.entries()) value |= BigInt(byte) << BigInt(8 * i);
    const number = Number(BigInt.asIntN(8 * length, value));
    return Number.isSafeInteger(number) ? number : new PickledObject(WIDE);
  }

  text(length: number): string {
    return new TextDecoder().decode(this.take(length));
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.invalid("a line", `none at byte ${this.#at}`);
    const text = this.text(end - this.#at);
    this.#at += 1;
    return text;
  }

  push(value: Pickled): void {
    this.#stack.push(value);
  }

  /** Pushes what takes memory of its own. */
  make<T extends Pickled>(value: T): T {
    this.#containers += 1;
    if (this.#containers > MAX_CONTAINERS) throw this.invalid(`at most ${MAX_CONTAINERS} objects`, "more");
    this.#stack.push(value);
    return value;
  }

  pop(): Pickled {
    const value = this.#stack.length > (this.#marks.at(-1) ?? 0) ? this.#stack.pop() : undefined;
    if (value === undefined) throw this.invalid("a value on its stack", `none before byte ${this.#at}`);
    return value;
  }

  top(): Pickled {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
    if (this.#marks.length > MAX_STACK) throw this.invalid(`at most ${MAX_STACK} marks`, "more");
  }

  popToMark(): Pickled[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.invalid("a mark on its stack", `none before byte ${this.#at}`);
    return this.#stack.splice(mark);
  }

  popMany(count: number): Pickled[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  remember(index: number): void {
    this.#memo.set(index, this.top());
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.invalid(`a value that was remembered as ${index}`, "none");
    this.push(value);
  }

  stop(): void {
    this.#result = this.pop();
  }
}

function setItems(pickle: PickleReader, items: readonly Pickled[]): void {
  const target = pickle.top();
  if (!(target instanceof PickledDict)) return; // of a class that means nothing here
  for (let i = 0; i + 1 < items.length; i += 2) target.entries.set(items[i] ?? null, items[i + 1] ?? null);
}

function append(pickle: PickleReader, items: readonly Pickled[]): void {
  const target = pickle.top();
  if (Array.isArray(target)) for (const item of items) target.push(item);
}

function reduce(pickle: PickleReader): void {
  const args = pickle.pop();
  pickle.make(meaningOf(pickle.pop(), args));
}

function build(pickle: PickleReader): void {
  const state = pickle.pop();
  const target = pickle.top();
  if (target instanceof PickledObject) target.state = state;
}

/** Bytes and sets hold nothing that is read here. */
const nothing = (pickle: PickleReader, what: string) => pickle.make(new PickledObject(what));

function bytes(pickle: PickleReader, length: number): void {
  pickle.take(length);
  nothing(pickle, "bytes");
}

const operations: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [0x80, (p) => void p.take(1)], //                                              PROTO
  [0x95, (p) => void p.take(8)], //                                              FRAME
  [letter("."), (p) => p.stop()],
  [letter("("), (p) => p.mark()],
  [letter("0"), (p) => void p.pop()],
  [letter("1"), (p) => void p.popToMark()],
  [letter("2"), (p) => p.push(p.top())],
  [letter("N"), (p) => p.push(null)],
  [0x88, (p) => p.push(true)],
  [0x89, (p) => p.push(false)],
  [letter("K"), (p) => p.push(p.unsigned(1))],
  [letter("M"), (p) => p.push(p.unsigned(2))],
  [letter("J"), (p) => p.push(p.signed())],
  [0x8a, (p) => p.push(p.long(p.unsigned(1)))], //                               LONG1
  [0x8b, (p) => p.push(p.long(p.unsigned(4)))], //                               LONG4
  [letter("G"), (p) => p.push(p.float())],
  [letter("X"), (p) => p.push(p.text(p.unsigned(4)))],
  [0x8c, (p) => p.push(p.text(p.unsigned(1)))], //                               SHORT_BINUNICODE
  [0x8d, (p) => p.push(p.text(p.unsigned(8)))], //                               BINUNICODE8
  [letter("U"), (p) => bytes(p, p.unsigned(1))],
  [letter("T"), (p) => bytes(p, p.unsigned(4))],
  [letter("C"), (p) => bytes(p, p.unsigned(1))],
  [letter("B"), (p) => bytes(p, p.unsigned(4))],
  [0x8e, (p) => bytes(p, p.unsigned(8))], //                                     BINBYTES8
  [0x96, (p) => bytes(p, p.unsigned(8))], //                                     BYTEARRAY8
  [letter("]"), (p) => void p.make([])],
  [letter(")"), (p) => void p.make([])],
  [letter("}"), (p) => void p.make(new PickledDict())],
  [0x8f, (p) => void nothing(p, "a set")], //                                    EMPTY_SET
  [letter("l"), (p) => void p.make(p.popToMark())],
  [letter("t"), (p) => void p.make(p.popToMark())],
  [0x85, (p) => void p.make(p.popMany(1))],
  [0x86, (p) => void p.make(p.popMany(2))],
  [0x87, (p) => void p.make(p.popMany(3))],
  [
    letter("d"),
    (p) => {
      const items = p.popToMark();
      p.make(new PickledDict());
      setItems(p, items);
    },
  ],
  [
    0x91, //                                                                     FROZENSET
    (p) => {
      p.popToMark();
      nothing(p, "a set");
    },
  ],
  [letter("a"), (p) => append(p, [p.pop()])],
  [letter("e"), (p) => append(p, p.popToMark())],
  [0x90, (p) => void p.popToMark()], //                                          ADDITEMS
  [letter("s"), (p) => setItems(p, p.popMany(2))],
  [letter("u"), (p) => setItems(p, p.popToMark())],
  [letter("q"), (p) => p.remember(p.unsigned(1))],
  [letter("r"), (p) => p.remember(p.unsigned(4))],
  [0x94, (p) => p.rememberNext()], //                                            MEMOIZE
  [letter("h"), (p) => p.recall(p.unsigned(1))],
  [letter("j"), (p) => p.recall(p.unsigned(4))],
  [letter("c"), (p) => void p.make(new PickledGlobal(`${p.line()}.${p.line()}`))],
  [
    0x93, //                                                                     STACK_GLOBAL
    (p) => {
      const [module, name] = p.popMany(2);
      if (typeof module !== "string" || typeof name !== "string") throw p.invalid("a global's name", "no text");
      p.make(new PickledGlobal(`${module}.${name}`));
    },
  ],
  [letter("R"), reduce],
  [0x81, reduce], //                                                             NEWOBJ
  [
    0x92, //                                                                     NEWOBJ_EX
    (p) => {
      p.pop();
      reduce(p);
    },
  ],
  [letter("b"), build],
  [letter("Q"), (p) => void p.make(storageOf(p.pop()))],
]);
