/** What a pickle's globals, storages and tensors become: descriptions. Nothing is imported, and nothing is called. */
export type Pickled =
  | null
  | boolean
  | number
  | string
  | Pickled[]
  | PickledDict
  | PickledGlobal
  | PickledObject
  | TorchStorage
  | TorchTensor;

export class PickledDict {
  readonly entries = new Map<Pickled, Pickled>();
}

/** A name of a Python module, such as "torch.FloatStorage". */
export class PickledGlobal {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** An object of a class that means nothing here; `state` is what it would be filled with. */
export class PickledObject {
  readonly of: string;
  state: Pickled = null;
  constructor(of: string) {
    this.of = of;
  }
}

/** The bytes that tensors are views of. */
export class TorchStorage {
  /** Such as "torch.FloatStorage". */
  readonly type: string;
  /** Its member of the zip is "data/<key>". */
  readonly key: string;
  /** Elements of `type`; of "torch.storage.UntypedStorage" bytes. */
  readonly size: number;
  constructor(type: string, key: string, size: number) {
    this.type = type;
    this.key = key;
    this.size = size;
  }
}

/** A view of a storage; offset and strides count elements. */
export class TorchTensor {
  readonly storage: TorchStorage;
  /** Such as "torch.bfloat16"; null where the storage's type says it. */
  readonly dtype: string | null;
  readonly offset: Pickled;
  readonly shape: Pickled;
  readonly strides: Pickled;
  constructor(storage: TorchStorage, dtype: string | null, [offset = null, shape = null, strides = null]: Pickled[]) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/**
 * What `callable(*args)` stands for, for the few that torch.save itself writes (torch/_utils.py); anything else is an object
 * of which only the name is kept.
 */
export function meaningOf(callable: Pickled, args: Pickled): Pickled {
  const name = callable instanceof PickledGlobal ? callable.name : "something that is no global";
  const given = Array.isArray(args) ? args : [];
  const [first = null, second = null] = given;
  switch (name) {
    case "collections.OrderedDict":
    case "builtins.dict":
      return dictOf(first);
    case "torch.Size":
      return Array.isArray(first) ? first : new PickledObject(name);
    case "torch._utils._rebuild_tensor":
    case "torch._utils._rebuild_tensor_v2":
      return tensorOf(name, first, null, given.slice(1));
    case "torch._utils._rebuild_tensor_v3":
      return tensorOf(name, first, given[6] ?? null, given.slice(1));
    case "torch._utils._rebuild_parameter":
    case "torch._utils._rebuild_parameter_with_state":
      return first;
    case "torch._tensor._rebuild_from_type_v2":
      // Of a tensor: what holds itself, or another many times, would have no end.
      if (first instanceof PickledGlobal && first.name === name) return new PickledObject(name);
      return meaningOf(first, given[2] ?? second);
    default:
      return new PickledObject(name);
  }
}

function tensorOf(name: string, storage: Pickled, dtype: Pickled, view: Pickled[]): Pickled {
  if (!(storage instanceof TorchStorage)) return new PickledObject(name);
  return new TorchTensor(storage, dtype instanceof PickledGlobal ? dtype.name : null, view);
}

/** From a list of pairs, as the first protocols write an OrderedDict. */
function dictOf(pairs: Pickled): PickledDict {
  const dict = new PickledDict();
  if (!Array.isArray(pairs)) return dict;
  for (const pair of pairs) {
    if (Array.isArray(pair) && pair.length === 2) dict.entries.set(pair[0] ?? null, pair[1] ?? null);
  }
  return dict;
}

/** What a persistent id stands for: ("storage", type, key, place, size), as torch.save writes it. */
export function storageOf(id: Pickled): Pickled {
  if (!Array.isArray(id)) return new PickledObject("a persistent id");
  const [kind, type, key, , size] = id;
  const whole =
    kind === "storage" && type instanceof PickledGlobal && typeof key === "string" && typeof size === "number";
  return whole ? new TorchStorage(type.name, key, size) : new PickledObject("a persistent id");
}
