import { expectedBut, type VqraeError, type VqraeErrorCode } from "../../errors.ts";
import { type OpenFile, readExactly } from "../../files/read-file.ts";

/** What people have in a torch file's place. */
interface Kind {
  readonly at: number;
  readonly bytes: readonly number[] | string;
  readonly is: string;
  readonly code: VqraeErrorCode;
  readonly mend: string;
}

const SAVE_AGAIN = "Save it again with torch 1.6 or later: `torch.save(torch.load(path, weights_only=True), path)`.";

const kinds: readonly Kind[] = [
  {
    at: 2, // behind the pickle's protocol: torch/serialization.py's MAGIC_NUMBER as a LONG1
    bytes: [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19],
    is: "a file in the format of torch before 1.6",
    code: "UNSUPPORTED",
    mend: SAVE_AGAIN,
  },
  { at: 257, bytes: "ustar", is: "a tar of torch before 0.2", code: "UNSUPPORTED", mend: SAVE_AGAIN },
  { at: 0, bytes: [0x80], is: "a pickle without tensors beside it", code: "UNSUPPORTED", mend: SAVE_AGAIN },
  {
    at: 0,
    bytes: "version https://git-lfs",
    is: "a Git LFS pointer",
    code: "INVALID_CHECKPOINT",
    mend: "Run `git lfs pull` in its folder.",
  },
  {
    at: 0,
    bytes: "<",
    is: "a web page",
    code: "INVALID_CHECKPOINT",
    mend: "Download the file itself: its link on the hub has /resolve/, not /blob/.",
  },
  {
    at: 8,
    bytes: '{"',
    is: "a safetensors file",
    code: "INVALID_CHECKPOINT",
    mend: "Give it a name that ends with .safetensors.",
  },
  { at: 0, bytes: "GGUF", is: "a GGUF file", code: "INVALID_CHECKPOINT", mend: "Give it a name that ends with .gguf." },
  {
    at: 0,
    bytes: "PK",
    is: "a zip without its end",
    code: "INVALID_CHECKPOINT",
    mend: "Its download was cut short: download it again.",
  },
];

const HEAD_BYTES = 300;

/** The error for a file that is no zip, which says what it is instead where its first bytes tell. */
export async function notTorch(opened: OpenFile): Promise<VqraeError> {
  const { file, size } = opened;
  const head = Buffer.from(await readExactly(opened, 0, Math.min(size, HEAD_BYTES)));
  const starts = ({ at, bytes }: Kind) =>
    head.subarray(at, at + bytes.length).equals(typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes));
  const kind = kinds.find(starts);
  return expectedBut(
    kind?.code ?? "INVALID_CHECKPOINT",
    "a file of torch.save (a zip)",
    file,
    kind?.is ?? `a file of ${size} bytes that is none`,
    { mend: kind?.mend, path: file },
  );
}
