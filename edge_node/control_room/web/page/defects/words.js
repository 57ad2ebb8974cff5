// How a defect's state, place and growth are said.
import { el } from "../dom.js";
import { metres } from "../words.js";

export const STATES = ["new", "known", "growing", "stable", "repaired", "not_a_defect"];
const TONES = { growing: "bad", new: "warn", unsure: "warn", repaired: "good" };

export const stateWord = (state) => ({ not_a_defect: "not a defect", unsure: "perhaps a known one" })[state] ?? state;

/** The state as a tag; one that a person set says so. */
export const stateTag = ({ state, set_state: set, set_by: by }) => el("span", { class: `tag ${TONES[state] ?? ""}`, title: set ? `set by ${by}` : "computed from what was seen" }, stateWord(state));

/** A defect's number and name. */
export const defectName = ({ label, name }) => [label, name].filter(Boolean).join(" ");

/** Where a defect is on its asset. */
export function defectPlace({ distance_m: distance, x_m: x, y_m: y, z_m: z, sigma_m: sigma }) {
  const uncertainty = sigma === null || sigma === undefined ? "" : ` ± ${sigma < 0.01 ? "0.01" : Number(sigma.toPrecision(2))} m`;
  if (distance !== null && distance !== undefined) return metres(distance) + uncertainty;
  const parts = [x, y, z].map((part) => part ?? null);
  return parts.every((part) => part === null) ? "place not known" : `${parts.map((part) => part?.toFixed(2) ?? "–").join(" / ")} m${uncertainty}`;
}
