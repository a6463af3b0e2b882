import { expected, expectedBut, isObject } from "../../../sdk/kit.ts";
import { bind, type Koffi, type NativeType } from "./koffi.ts";

/** Gives the address of the C++ object behind a JavaScript object that a Node-API addon wrapped. */
export type UnwrapObject = (object: object) => bigint;

/** What node::AddLinkedBinding expects of a binding made for Node-API version 8. */
const NODE_API_VERSION = 8;
const BINDING = "vqrae_unwrap";

/** C++ names of Node's embedder API: as the Itanium ABI (Linux, macOS) and as MSVC write them. */
const itanium = {
  getEnvironment: "_ZN4node21GetCurrentEnvironmentEN2v85LocalINS0_7ContextEEE",
  addLinkedBinding: "_ZN4node16AddLinkedBindingEPNS_11EnvironmentEPKcPFP12napi_value__P10napi_env__S5_Ei",
};
const msvc = {
  getEnvironment: "?GetCurrentEnvironment@node@@YAPEAVEnvironment@1@V?$Local@VContext@v8@@@v8@@@Z",
  addLinkedBinding: "?AddLinkedBinding@node@@YAXPEAVEnvironment@1@PEBDP6APEAUnapi_value__@@PEAUnapi_env__@@PEAU3@@ZH@Z",
};
/** Where `napi_env__` (js_native_api_v8.h) keeps its context: after the vtable's pointer and the isolate's. */
const CONTEXT_OFFSET = 16;

let made: UnwrapObject | undefined;

/**
 * Reaches `napi_unwrap` without native code of our own: koffi calls Node's own functions, and a linked binding gives a
 * callback the `napi_value` of an object. Made once in a thread.
 * @throws UNSUPPORTED where Node does not export these functions
 */
export function unwrapObject(koffi: Koffi): UnwrapObject {
  made ??= make(koffi);
  return made;
}

/** What neither koffi's nor Node's types tell. */
const hasEnvironment = <T extends object>(koffi: T): koffi is T & { readonly node: { readonly env: unknown } } =>
  "node" in koffi && isObject(koffi.node) && "env" in koffi.node;
const hasLinkedBindings = (
  object: object,
): object is { _linkedBinding(name: typeof BINDING): { unwrap(object: object): void } } =>
  "_linkedBinding" in object && typeof object._linkedBinding === "function";

function make(koffi: Koffi): UnwrapObject {
  const node = koffi.load(null);
  const find = (name: string, result: string, parameters: NativeType[]) => {
    try {
      return bind(node, name, result, parameters);
    } catch (cause) {
      const received = `Node ${process.version} on ${process.platform}-${process.arch}, which lacks it`;
      const mend = "Serve the model with llama-server and use the pixel carrier instead (docs/llama-server.md).";
      throw expectedBut("UNSUPPORTED", `the function ${name}`, "this Node", received, { mend, cause });
    }
  };
  const names = process.platform === "win32" ? msvc : itanium;
  const getEnvironment = find(names.getEnvironment, "void*", ["void*"]);
  const addLinkedBinding = find(names.addLinkedBinding, "void", ["void*", "str", "void*", "int32"]);
  const property = koffi.struct({
    utf8name: "str",
    name: "void*",
    method: "void*",
    getter: "void*",
    setter: "void*",
    value: "void*",
    attributes: "int",
    data: "void*",
  });
  const defineProperties = find("napi_define_properties", "int", ["void*", "void*", "size_t", koffi.pointer(property)]);
  const countInOut = koffi.inout(koffi.pointer("size_t"));
  const getCallbackInfo = find("napi_get_cb_info", "int", ["void*", "void*", countInOut, "void*", "void*", "void*"]);
  const unwrap = find("napi_unwrap", "int", ["void*", "void*", "void*"]);

  let address: bigint | null = null;
  const [argument, output] = [koffi.alloc("void*", 1), koffi.alloc("void*", 1)];
  const callback = koffi.pointer(koffi.proto("void*", ["void*", "void*"]));
  const check = (status: number, call: string) => {
    if (status !== 0) throw expected("RUNTIME", "status 0", call, status);
  };
  // What a callback throws cannot pass through C++: it is kept for the caller.
  let failure: unknown;
  const guarded = (body: (env: unknown, value: unknown) => void) =>
    koffi.register((env: unknown, value: unknown) => {
      try {
        body(env, value);
      } catch (error) {
        failure = error;
      }
      return null;
    }, callback);
  const method = guarded((env, info) => {
    check(getCallbackInfo(env, info, [1n], argument, null, null), "napi_get_cb_info");
    if (unwrap(env, koffi.decode(argument, "void*"), output) === 0) address = BigInt(koffi.decode(output, "uint64"));
  });
  const initialise = guarded((env, exports) => {
    const unset = { name: null, getter: null, setter: null, value: null, attributes: 0, data: null };
    check(defineProperties(env, exports, 1, { utf8name: "unwrap", method, ...unset }), "napi_define_properties");
  });
  // `node.env` is a napi_env; the slot with its v8::Context is what a v8::Local<Context> points to.
  if (!hasEnvironment(koffi) || !hasLinkedBindings(process)) {
    throw expectedBut("UNSUPPORTED", "koffi.node.env and process._linkedBinding", "this Node", process.version);
  }
  const context = koffi.decode(koffi.node.env, CONTEXT_OFFSET, "uint64");
  addLinkedBinding(getEnvironment(context), BINDING, initialise, NODE_API_VERSION);
  const linked = process._linkedBinding(BINDING);
  if (failure !== undefined) throw failure;
  return (object) => {
    [address, failure] = [null, undefined];
    linked.unwrap(object);
    if (failure !== undefined) throw failure;
    if (address === null) {
      throw expectedBut("RUNTIME", "an object of a native addon", "napi_unwrap", "one that wraps nothing");
    }
    return address;
  };
}
