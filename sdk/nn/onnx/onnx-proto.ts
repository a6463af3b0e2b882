import { PbfWriter } from "pbf";

/**
 * The part of ONNX's protobuf schema that our graphs use, as plain data, and its encoder. Field numbers are those of
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */

/** TensorProto.DataType */
export const DataType = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  float16: 10,
  double: 11,
  bfloat16: 16,
} as const;
export type DataType = (typeof DataType)[keyof typeof DataType];

/** A number is a fixed size, a string the name of a size that is known when the graph runs. */
export type Dimension = number | string;

/** Gelu became an operator in opset 20, whose file format is IR version 9. */
const irVersion = 9;
const opsets = [
  { domain: "", version: 20 },
  { domain: "com.microsoft", version: 1 },
];

export interface GraphProto {
  readonly name: string;
  readonly nodes: readonly NodeProto[];
  readonly initializers: readonly TensorProto[];
  readonly inputs: readonly ValueInfoProto[];
  readonly outputs: readonly ValueInfoProto[];
}

export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  /** "" is ONNX's own domain. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export type Attribute =
  | { readonly float: number }
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly string: string };

export interface TensorProto {
  readonly name: string;
  readonly type: DataType;
  readonly dims: readonly number[];
  /** Little-endian elements, or where in another file they lie (relative to the model's folder). */
  readonly data: Uint8Array | { readonly location: string; readonly offset: number; readonly length: number };
}

export interface ValueInfoProto {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly Dimension[];
}

/** The bytes of an `.onnx` file. */
export function encodeModel(graph: GraphProto): Uint8Array {
  const pbf = new PbfWriter();
  writeModel(graph, pbf);
  return pbf.finish();
}

function writeModel(graph: GraphProto, pbf: PbfWriter): void {
  pbf.writeVarintField(1, irVersion);
  pbf.writeStringField(2, "vqrae"); // the producer
  pbf.writeMessage(7, writeGraph, graph);
  for (const opset of opsets) pbf.writeMessage(8, writeOpset, opset);
}

function writeOpset(opset: (typeof opsets)[number], pbf: PbfWriter): void {
  pbf.writeStringField(1, opset.domain);
  pbf.writeVarintField(2, opset.version);
}

function writeGraph(graph: GraphProto, pbf: PbfWriter): void {
  for (const node of graph.nodes) pbf.writeMessage(1, writeNode, node);
  pbf.writeStringField(2, graph.name);
  for (const tensor of graph.initializers) pbf.writeMessage(5, writeTensor, tensor);
  for (const input of graph.inputs) pbf.writeMessage(11, writeValueInfo, input);
  for (const output of graph.outputs) pbf.writeMessage(12, writeValueInfo, output);
}

function writeNode(node: NodeProto, pbf: PbfWriter): void {
  for (const input of node.inputs) pbf.writeStringField(1, input);
  for (const output of node.outputs) pbf.writeStringField(2, output);
  pbf.writeStringField(3, node.name);
  pbf.writeStringField(4, node.opType);
  for (const entry of Object.entries(node.attributes)) pbf.writeMessage(5, writeAttribute, entry);
  pbf.writeStringField(7, node.domain);
}

function writeAttribute([name, value]: [string, Attribute], pbf: PbfWriter): void {
  pbf.writeStringField(1, name);
  // Field 20 is the AttributeType that says which field holds the value.
  if ("float" in value) {
    pbf.writeFloatField(2, value.float);
    pbf.writeVarintField(20, 1);
  } else if ("int" in value) {
    pbf.writeVarintField(3, value.int);
    pbf.writeVarintField(20, 2);
  } else if ("string" in value) {
    pbf.writeStringField(4, value.string);
    pbf.writeVarintField(20, 3);
  } else {
    for (const int of value.ints) pbf.writeVarintField(8, int);
    pbf.writeVarintField(20, 7);
  }
}

function writeTensor(tensor: TensorProto, pbf: PbfWriter): void {
  for (const dim of tensor.dims) pbf.writeVarintField(1, dim);
  pbf.writeVarintField(2, tensor.type);
  pbf.writeStringField(8, tensor.name);
  if (tensor.data instanceof Uint8Array) {
    pbf.writeBytesField(9, tensor.data);
    return;
  }
  for (const entry of Object.entries(tensor.data)) pbf.writeMessage(13, writeStringEntry, entry);
  pbf.writeVarintField(14, 1); // DataLocation.EXTERNAL
}

function writeStringEntry([key, value]: [string, string | number], pbf: PbfWriter): void {
  pbf.writeStringField(1, key);
  pbf.writeStringField(2, String(value));
}

function writeValueInfo(info: ValueInfoProto, pbf: PbfWriter): void {
  pbf.writeStringField(1, info.name);
  pbf.writeMessage(2, writeType, info);
}

function writeType(info: ValueInfoProto, pbf: PbfWriter): void {
  pbf.writeMessage(1, writeTensorType, info);
}

function writeTensorType(info: ValueInfoProto, pbf: PbfWriter): void {
  pbf.writeVarintField(1, info.type);
  pbf.writeMessage(2, writeShape, info.shape);
}

function writeShape(shape: readonly Dimension[], pbf: PbfWriter): void {
  for (const dimension of shape) pbf.writeMessage(1, writeDimension, dimension);
}

function writeDimension(dimension: Dimension, pbf: PbfWriter): void {
  if (typeof dimension === "number") pbf.writeVarintField(1, dimension);
  else pbf.writeStringField(2, dimension);
}
