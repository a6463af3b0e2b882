/** Stems whose "our" becomes "or", with the endings that do. */
const OUR: Readonly<Record<string, string>> = {
  arm: "ed",
  clam: "-",
  col: "ed ing ful",
  cand: "-",
  disc: "",
  discol: "- s ed ing",
  endeav: "- s ed ing",
  fav: "- s ed ing ite ites",
  ferv: "-",
  flav: "- s ed ing",
  harb: "- s",
  hon: "- s ed ing able",
  hum: "- s ed ing",
  lab: "- s ed ing",
  misdemean: "- s",
  neighb: "- s hood hoods",
  rum: "ed ing",
  sav: "- s ed ing",
  splend: "- s",
};

/** Stems whose "is" becomes "iz", with the endings that do. */
const IS: Readonly<Record<string, string>> = {
  capital: "e ed ation",
  final: "e ed ing",
  local: "e ed",
  maxim: "e ed ing",
  minim: "e ed ing",
  modern: "e ed ing",
  organ: "ation ations",
  penal: "e ed",
  popular: "e ed es ing",
  pressur: "e ed es ing",
  real: "e ed es ing",
  recogn: "e ed es ing",
};

const OTHERS =
  "anaesthetic anesthetic analogue analog analogues analogs analyse analyze analysed analyzed analysing analyzing " +
  "cancelled canceled cancelling canceling centre center chimaeric chimeric defence defense encyclopaedia " +
  "encyclopedia fibre fiber fibres fibers grey gray homologue homolog homologues homologs kerb curb labelled labeled " +
  "labelling labeling leant leaned learnt learned manoeuvre maneuver manoeuvres maneuvers meagre meager oestrogen " +
  "estrogen oestrogens estrogens practise practice practised practiced theatre theater theatres theaters titre titer " +
  "titres titers travelled traveled travelling traveling";

/** Words on -our that stay. Their kin stays too: whatever has one of these in it. */
const STAYS =
  /abatjour|beflour|bonjour|calambour|carrefour|cornflour|contour|de[tv]our|dortour|dyvour|downpour|giaour|glamour|holour|inpour|outpour|pandour|paramour|pompadour|recontour|repour|ryeflour|sompnour|tambour|troubadour|tregetour|velour/;

const WORDS = new Map<string, string>();
for (const [stem, endings] of Object.entries(OUR)) {
  for (const ending of endings.split(" ").filter(Boolean)) {
    const end = ending === "-" ? "" : ending;
    WORDS.set(`${stem}our${end}`, `${stem}or${end}`);
  }
}
for (const [stem, endings] of Object.entries(IS)) {
  for (const ending of endings.split(" ")) WORDS.set(`${stem}is${ending}`, `${stem}iz${ending}`);
}
const others = OTHERS.split(" ");
for (let i = 0; i < others.length; i += 2) WORDS.set(others[i] ?? "", others[i + 1] ?? "");

/**
 * The American spelling of a British word, as the tokenizer of coco-caption writes it: grey is gray, colour is color. Only
 * words in lower case change.
 * Source: Stanford CoreNLP 3.4.1, Americanize.
 */
export function americanSpelling(word: string): string {
  const known = WORDS.get(word);
  if (known !== undefined) return known;
  if (/haem(?:at)?o/.test(word)) return word.replaceAll(/haem(at)?o/g, "hem$1o");
  if (word.endsWith("aemia")) return word.replace(/aemia$/, "emia");
  if (/leukaem/i.test(word)) return word.replaceAll(/([lL]euk)aem/g, "$1em");
  if (/programmes?$/.test(word)) return word.replace(/programme(s?)$/, "program$1");
  return STAYS.test(word) ? word : word.replace(/^([a-z]{3,})our(s?)$/, "$1or$2");
}
