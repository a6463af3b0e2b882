/**
 * Makes generated answers to questions of every benchmark, scores them as each profile does, and writes both to a file, for
 * reference.py to score with the harnesses' own functions:
 *
 *   node scripts/benchmarks/make-cases.ts cases.json 1000
 *   python scripts/benchmarks/reference.py cases.json reference.json --lmms-eval <folder> --vlmevalkit <folder> \
 *     --pope <folder> --mmmu <folder> --llava <folder>
 *   node scripts/benchmarks/agreement.ts cases.json reference.json
 *
 * The folders hold checkouts of EvolvingLMMs-Lab/lmms-eval, open-compass/VLMEvalKit, RUCAIBox/POPE, MMMU-Benchmark/MMMU and
 * haotian-liu/LLaVA.
 */
import { writeFile } from "node:fs/promises";
import { type Answers, benchmarks, type Question } from "../../adapters/benchmarks/index.ts";
import { COGNITION, PERCEPTION } from "../../adapters/benchmarks/scores/mme.ts";
import { type Case, CaseMaker } from "./cases.ts";
import { scoreCases } from "./score-cases.ts";

const [output = "cases.json", count = "1000"] = process.argv.slice(2);

const makers: Readonly<Record<string, (make: CaseMaker, i: number) => Case>> = {
  mme(make, i) {
    const subtasks = [...PERCEPTION, ...COGNITION];
    const category = subtasks[Math.floor(i / 2) % subtasks.length]!;
    const group = `${category}/${Math.floor(i / 2)}`;
    return withAnswer(make.yesNo(), {
      id: `${i}`,
      answers: [make.pick(["Yes", "No"])],
      group,
      categories: { category },
    });
  },
  pope(make, i) {
    const category = make.pick(["random", "popular", "adversarial"]);
    return withAnswer(make.yesNo(), { id: `${i}`, answers: [make.pick(["yes", "no"])], categories: { category } });
  },
  gqa(make, i) {
    const answer = make.pick(["cat", "red", "yes", "light blue", "t-shirt", "no", "café"]);
    const prediction = make.chance(0.6) ? make.noise(answer) : make.shortAnswer();
    return withAnswer(prediction, { id: `${i}`, answers: [answer], categories: {} });
  },
  textvqa(make, i) {
    const pool = [make.shortAnswer(), make.shortAnswer(), make.words(1)];
    const answers: Answers = [make.pick(pool), ...Array.from({ length: 9 }, () => make.pick(pool))];
    const prediction = make.chance(0.7) ? make.noise(make.pick(pool)) : make.shortAnswer();
    return withAnswer(prediction, { id: `${i}`, answers, categories: {} });
  },
  mmbench(make, i) {
    // Groups of three orders of the same options.
    const group = Math.floor(i / 3);
    const options = new CaseMaker(100_000 + group).options().slice(0, 4);
    const order = i % 3;
    const turned = options.map(({ letter }, k) => ({ letter, text: options[(k + order) % options.length]!.text }));
    const { letter } = make.pick(turned);
    const prediction = make.chance(0.7) ? letter : make.choice(turned);
    const categories = { category: `c${group % 5}` };
    return withAnswer(prediction, {
      id: `${group + order * 1_000_000}`,
      answers: [letter],
      options: turned,
      group: `${group}`,
      categories,
    });
  },
  seedbench: (make, i) => choiceCase(make, i, 4),
  ai2d: (make, i) => choiceCase(make, i, 6),
  mmmu(make, i) {
    const categories = { category: make.pick(["Math", "Art"]) };
    if (i % 3 !== 0) {
      const choice = choiceCase(make, i, 6);
      return { ...choice, question: { ...choice.question, categories } };
    }
    const answers = make.pick<Answers>([
      ["7"],
      ["1,234.5"],
      ["red", "dark red"],
      ["0.13"],
      ["x"],
      ["2.67", "2.68"],
      ["1000"],
    ]);
    const writtenAnswer = answers.length > 1 ? `['${answers.join("', '")}']` : answers[0];
    const prediction = make.openAnswer(make.pick(answers));
    return withAnswer(prediction, { id: `${i}`, answers, writtenAnswer, categories });
  },
};

function choiceCase(make: CaseMaker, i: number, most: number): Case {
  const options = make.options().slice(0, most);
  const { letter } = make.pick(options);
  return withAnswer(make.choice(options), { id: `${i}`, answers: [letter], options, categories: {} });
}

function withAnswer(
  prediction: string,
  question: Partial<Question> & Pick<Question, "id" | "answers" | "categories">,
): Case {
  return { question: { at: "generated", text: "", options: [], ...question }, prediction };
}

const all = benchmarks
  .filter(({ name }) => makers[name])
  .map((benchmark, i) => {
    const make = new CaseMaker(i + 1);
    const asker = new CaseMaker(1000 + i);
    const cases = Array.from({ length: Number(count) }, (_, k) => {
      const { question, prediction } = makers[benchmark.name]!(make, k);
      const hint = benchmark.name === "mmbench" && asker.chance(0.5) ? asker.words(4) : undefined;
      return { question: { ...question, text: asker.question(), ...(hint && { hint }) }, prediction };
    });
    return { benchmark: benchmark.name, cases, profiles: scoreCases(benchmark, cases) };
  });
await writeFile(output, JSON.stringify(all));
console.log(`${all.length} benchmarks, ${count} answers each: ${output}`);
