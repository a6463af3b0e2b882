/** What a field may be replaced by: every type, and numbers at the borders of others. */
const ODD: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  1e308,
  2 ** 53,
  "",
  "\ud800",
  "__proto__",
  "x".repeat(2000),
  [],
  {},
  [[]],
  [null],
  { type: "x" },
];

/** Changes a JSON text in one to four places: values replaced, left out, moved or named otherwise. */
export function mutateJson(seed: Uint8Array, random: () => number): Uint8Array {
  const root: { value: unknown } = { value: JSON.parse(Buffer.from(seed).toString("utf8")) };
  const at = (length: number) => Math.floor(random() * length);
  for (let left = 1 + at(4); left > 0; left--) {
    const places = placesOf(root);
    const place = places[at(places.length)];
    const other = places[at(places.length)];
    if (place === undefined || other === undefined) continue;
    const kind = at(4);
    if (kind < 2) put(place, ODD[at(ODD.length)]);
    else if (kind === 2) put(place, structuredClone(Reflect.get(other.parent, other.key)));
    else if (place.parent !== root) Reflect.deleteProperty(place.parent, place.key);
  }
  return Buffer.from(JSON.stringify(root.value) ?? "null");
}

interface Place {
  readonly parent: object;
  readonly key: string;
}

const put = ({ parent, key }: Place, value: unknown) => Reflect.set(parent, key, value);

function placesOf(parent: object): Place[] {
  return Object.entries(parent).flatMap(([key, value]) => [
    { parent, key },
    ...(typeof value === "object" && value !== null ? placesOf(value) : []),
  ]);
}
