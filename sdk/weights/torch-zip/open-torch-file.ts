import { setImmediate } from "node:timers/promises";
import { expected, expectedBut } from "../../errors.ts";
import { type OpenFile, openFile, readExactly } from "../../files/read-file.ts";
import { byteLength, type Dtype } from "../dtypes.ts";
import type { StoredTensor } from "../safetensors/safetensors-header.ts";
import type { StridedDtype } from "../tensor-ref.ts";
import { MAX_EXPANDED_BYTES, MAX_PICKLE_BYTES, MAX_RANK } from "./limits.ts";
import { notTorch } from "./not-torch.ts";
import { PickleReader } from "./pickle-reader.ts";
import type { Pickled, TorchTensor } from "./pickle-values.ts";
import { type StateDict, weightsOf } from "./state-dict.ts";
import { storageDtype, tensorDtype, UNTYPED } from "./torch-types.ts";
import { dataOffsetOf, readZipDirectory, type ZipDirectory, type ZipRecord } from "./zip-directory.ts";

/** A tensor of a torch file: as its numbers lie there, or as a view with strides (`readTensor` reads both). */
export type TorchFileTensor = StoredTensor<Dtype | StridedDtype<Dtype>>;

export interface TorchFile {
  /** Absolute path, symbolic links resolved. */
  readonly file: string;
  /** What the file's pickle says, with names in the place of everything that is no plain value. */
  readonly value: Pickled;
  /** The keys that lead from there to the weights. */
  readonly path: readonly string[];
  /** The weights by name. */
  readonly tensors: ReadonlyMap<string, TorchFileTensor>;
}

/** Headers of members that are read at a time. */
const LANES = 16;

/** Whether a path's name is one that people give to files of torch.save. */
export const isTorchPath = (path: string): boolean => /\.(pt|pth|ckpt|bin)$/i.test(path);

/**
 * Opens a file of torch.save (a zip since torch 1.6): its directory and its pickle are read, its numbers stay where they lie. Nothing
 * of the pickle is ever called (`PickleReader`), so that a file from anywhere is safe to open.
 *
 * @throws CHECKPOINT_NOT_FOUND; INVALID_CHECKPOINT for a damaged file, or one without a dictionary of tensors; UNSUPPORTED for
 *   the formats of torch before 1.6, TorchScript, encrypted and packed members, and numbers in big-endian order
 */
export async function openTorchFile(path: string): Promise<TorchFile> {
  const opened = await openFile(path);
  try {
    return await readTorchFile(opened);
  } finally {
    await opened.handle.close();
  }
}

/** The same of a file that is open already, and stays open. */
export async function readTorchFile(opened: OpenFile): Promise<TorchFile> {
  if (opened.size < 22) throw await notTorch(opened);
  const directory = await readZipDirectory(opened);
  const prefix = prefixOf(directory, opened.file);
  await requireLittleEndian(opened, directory, prefix);
  const value = await readPickle(opened, directory, `${prefix}data.pkl`);
  const weights = weightsOf(value, opened.file);
  const tensors = await locate(opened, directory, `${prefix}data/`, weights);
  return { file: opened.file, value, path: weights.path, tensors };
}

/** What stands before the names of all members: that of the file when it was saved, as "archive/". */
function prefixOf({ records }: ZipDirectory, file: string): string {
  const names = [...records.keys()];
  const pickles = names.filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickle] = pickles;
  if (pickle === undefined || pickles.length > 1) {
    const received = pickle ? `${pickles.length} of them` : `a zip of ${names.slice(0, 4).join(", ") || "nothing"}`;
    throw expectedBut("INVALID_CHECKPOINT", "one member data.pkl, as torch.save writes it,", file, received, {
      path: file,
    });
  }
  const prefix = pickle.slice(0, -"data.pkl".length);
  if (names.some((name) => name === `${prefix}constants.pkl` || name.startsWith(`${prefix}code/`))) {
    const mend = "Save its weights alone: `torch.save(torch.jit.load(path).state_dict(), path)`.";
    throw expectedBut("UNSUPPORTED", "weights of torch.save", file, "a program of TorchScript", { mend, path: file });
  }
  return prefix;
}

/** A file without the member is from a torch that wrote little-endian numbers alone. */
async function requireLittleEndian(opened: OpenFile, directory: ZipDirectory, prefix: string): Promise<void> {
  const record = directory.records.get(`${prefix}byteorder`);
  if (!record) return;
  const order = new TextDecoder().decode(await readMember(opened, directory, record, 16)).trim();
  if (order === "little") return;
  const code = order === "big" ? "UNSUPPORTED" : "INVALID_CHECKPOINT";
  const mend = "Save it again on a machine of the usual, little-endian kind.";
  throw expected(code, '"little"', `the byte order of ${opened.file}`, order, { mend, path: opened.file });
}

async function readMember(opened: OpenFile, directory: ZipDirectory, record: ZipRecord, limit: number) {
  if (record.length > limit) {
    const subject = `the member ${record.name} of ${opened.file}`;
    throw expectedBut("INVALID_CHECKPOINT", `at most ${limit} bytes`, subject, `${record.length}`);
  }
  return readExactly(opened, await dataOffsetOf(opened, record, directory), record.length);
}

async function readPickle(opened: OpenFile, directory: ZipDirectory, name: string): Promise<Pickled> {
  const record = directory.records.get(name);
  if (!record) throw expectedBut("INVALID_CHECKPOINT", name, opened.file, "none");
  const bytes = await readMember(opened, directory, record, MAX_PICKLE_BYTES);
  const reading = new PickleReader(bytes, `the pickle of ${opened.file}`).read();
  for (;;) {
    const step = reading.next();
    if (step.done) return step.value;
    await setImmediate();
  }
}

/** Finds the bytes of each tensor, and checks that its view lies in its storage. */
async function locate(
  opened: OpenFile,
  directory: ZipDirectory,
  folder: string,
  { tensors }: StateDict,
): Promise<ReadonlyMap<string, TorchFileTensor>> {
  const named = Array.from(tensors, ([name, tensor]) => ({ name, tensor, view: viewOf(name, tensor, opened.file) }));
  const keys = [...new Set(Array.from(tensors.values(), ({ storage }) => storage.key))];
  const offsets = new Map<string, number>();
  for (let i = 0; i < keys.length; i += LANES) {
    const found = keys.slice(i, i + LANES).map(async (key) => {
      const record = directory.records.get(folder + key);
      if (record) offsets.set(key, await dataOffsetOf(opened, record, directory));
    });
    await Promise.all(found);
  }
  return new Map(
    named.map(({ name, tensor, view }) => {
      const { dtype, shape, strides, first, span } = view;
      const { key } = tensor.storage;
      const [start, record] = [offsets.get(key), directory.records.get(folder + key)];
      if (start === undefined || !record) {
        throw expectedBut(
          "INVALID_CHECKPOINT",
          `the member ${folder}${key}`,
          `tensor ${name} of ${opened.file}`,
          "none",
        );
      }
      if (first + span > Math.min(record.length, storageBytes(tensor, dtype))) {
        const received = `${span} bytes at ${first}`;
        const what = `a view of its storage's ${record.length} bytes`;
        throw expectedBut("INVALID_CHECKPOINT", what, `tensor ${name} of ${opened.file}`, received);
      }
      const place = { name, shape, file: opened.file, offset: start + first, length: span, identity: opened.identity };
      const asItLies = strides === null && place.offset % elementBytes(dtype) === 0;
      const view_ = { ...place, dtype: `STRIDED_${dtype}` as const, strides: strides ?? contiguousStrides(shape) };
      return [name, asItLies ? { ...place, dtype } : view_];
    }),
  );
}

interface View {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** In elements; null where the numbers lie one after the other. */
  readonly strides: readonly number[] | null;
  /** Bytes from the start of the storage, and how many there are from the first element to the last. */
  readonly first: number;
  readonly span: number;
}

function viewOf(name: string, tensor: TorchTensor, file: string): View {
  const subject = `tensor ${name} of ${file}`;
  const dtype = tensor.dtype === null ? storageDtype(tensor.storage.type) : tensorDtype(tensor.dtype);
  if (dtype === undefined) {
    throw expectedBut("UNSUPPORTED", "a type of numbers that is known", subject, tensor.dtype ?? tensor.storage.type);
  }
  const { offset, shape, strides } = tensor;
  const whole = (value: Pickled): value is number =>
    typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  const counts = (value: Pickled): value is number[] => Array.isArray(value) && value.every(whole);
  if (
    !whole(offset) ||
    !counts(shape) ||
    !counts(strides) ||
    strides.length !== shape.length ||
    shape.length > MAX_RANK
  ) {
    throw expectedBut("INVALID_CHECKPOINT", "an offset, a shape and strides of whole numbers", subject, "others");
  }
  const size = elementBytes(dtype);
  const bytes = byteLength(dtype, shape);
  const last = shape.reduce((sum, count, axis) => sum + Math.max(count - 1, 0) * (strides[axis] ?? 0), 0);
  const span = bytes === 0 ? 0 : (last + 1) * size;
  if (Number.isNaN(bytes) || !Number.isSafeInteger(offset * size + span)) {
    throw expectedBut("INVALID_CHECKPOINT", "a countable number of bytes", subject, `[${shape.join(", ")}]`);
  }
  if (bytes > Math.max(span, MAX_EXPANDED_BYTES)) {
    throw expectedBut(
      "INVALID_CHECKPOINT",
      "as many numbers as are stored",
      subject,
      `[${shape.join(", ")}] of ${span} bytes`,
    );
  }
  const plain = contiguousStrides(shape);
  const lies = bytes === 0 || shape.every((count, axis) => count === 1 || strides[axis] === plain[axis]);
  return { dtype, shape, strides: lies ? null : strides, first: bytes === 0 ? 0 : offset * size, span };
}

/** Row-major. */
function contiguousStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let step = 1;
  for (const count of shape.toReversed()) {
    strides.push(step);
    step *= count;
  }
  return strides.reverse();
}

/** What its pickle says that a storage holds; its member may be longer. */
const storageBytes = ({ storage }: TorchTensor, dtype: Dtype): number =>
  storage.size * (storage.type === UNTYPED ? 1 : elementBytes(storageDtype(storage.type) ?? dtype));

const elementBytes = (dtype: Dtype): number => byteLength(dtype, [1]);
