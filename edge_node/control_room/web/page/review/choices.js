// What may be right instead of what the robot said, each with the digit that chooses it.
import { known } from "../store.js";
import { outcomeWord } from "../words.js";

const UNKNOWN = { name: "nothing", label: "Or", options: [{ digit: "0", labels: {}, words: "wrong, but I cannot say what is right" }] };

/** The choice of whoever sees that it is wrong, and not what is right. */
export const nothingKnown = () => UNKNOWN;

/** Groups of options, one of each may be chosen: the condition with its severity, and the metal. */
export function rightChoices(was, materials) {
  const severities = known.severities.slice(1).filter((word) => was.outcome !== "corroded" || word !== was.severity);
  const conditions = [
    ...(was.outcome === "uncorroded" ? [] : [[{ outcome: "uncorroded" }, "there is no corrosion"]]),
    ...(was.outcome === "corroded" ? [] : [[{ outcome: "corroded" }, "it is corroded"]]),
    ...severities.map((severity) => [{ outcome: "corroded", severity }, was.outcome === "corroded" ? `it is ${severity}` : `it is corroded, ${severity}`]),
  ];
  const metals = materials.filter((material) => material !== was.material).map((material) => [{ material }, `the metal is ${material}`]);
  const options = (pairs, from) => pairs.map(([labels, words], at) => ({ digit: from + at < 10 ? String(from + at) : "", labels, words }));
  return [
    { name: "condition", label: "What is right", options: options(conditions, 1) },
    { name: "metal", label: "Which metal", options: options(metals, conditions.length + 1) },
  ].filter((group) => group.options.length);
}

/** What is right in words: the robot's labels, or those given. */
export function rightWords(was, labels) {
  const isGiven = Object.keys(labels).length > 0;
  const said = isGiven ? labels : was;
  const words = [said.outcome ? outcomeWord(said.outcome) : null, said.material, said.form, said.outcome === "uncorroded" ? null : said.severity].filter(Boolean);
  return words.join(" · ") || "not known what is right";
}
